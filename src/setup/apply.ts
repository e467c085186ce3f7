import path from 'node:path';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import type { SetupRecord } from '../guest/guest-state.ts';
import { rememberSetup } from '../guest/state-changes.ts';
import { openStateStore, type StateStore } from '../guest/state-store.ts';
import { makePrivateFolder, replaceFile } from '../storage/atomic-file.ts';
import { type Chosen, chooseSetup, type GivenValue } from './choice.ts';
import { mergeIntoConfig } from './config-merge.ts';
import type { SetupEnvironment } from './environment.ts';
import type { GivenAnchor, SetupOutcome } from './outcome.ts';
import { type Candidate, readPlaces } from './places.ts';

/** What became of one value of a setup. */
export interface AppliedValue {
  /** `key`, `pipe`, `vmId`, `agent`, or `trust:KEY-ID`. */
  readonly what: string;
  /** Where it comes from: the place, and where in it. */
  readonly origin: string;
  /**
   * `applied` now; `unchanged`: applied before, so that nothing was done, also if an administrator has changed it
   * since; `would-apply` in a dry run; `failed` for {@link error}'s reason.
   */
  readonly result: 'applied' | 'unchanged' | 'would-apply' | 'failed';
  readonly error: AvmaError | null;
}

/** What was found, what was chosen and why, and what became of it. */
export interface SetupReport {
  readonly outcome: SetupOutcome;
  readonly why: string;
  /** The place that decided, and where in it; null where there is none. */
  readonly where: string | null;
  /** The last five characters of the key; null for every other outcome. */
  readonly partialProductKey: string | null;
  /** Every place that was looked at, in order of rank. */
  readonly candidates: readonly Candidate[];
  readonly values: readonly AppliedValue[];
  /** Whether a key was installed now, so that it is to be activated. */
  readonly keyInstalled: boolean;
  /** Whether pipe, VM ID or the agent's settings changed now, so that a program that runs has to read them again. */
  readonly configChanged: boolean;
}

/** How a setup is applied. */
export interface ApplyOptions {
  /** What is looked at in place of the places of the machine. */
  readonly candidates?: readonly Candidate[];
  /** Changes nothing, and says what would be changed. */
  readonly dryRun?: boolean;
}

/**
 * Applies what hypervisor, image and administrator give this guest: key, pipe, VM ID, trust anchors, the agent's
 * settings. A value that was applied before is not applied again, so that running it twice changes nothing, and what an
 * administrator set by hand afterwards stays. The key is installed and not activated: the caller does that.
 *
 * A place that cannot be read, and a value that cannot be applied, is in the report and keeps the others from nothing.
 *
 * @throws {AvmaError} if the guest's state cannot be read or written: `state-damaged` (without a key), `state-newer`,
 *   `access-denied`, `disk-full`, `vm-id-unknown`.
 */
export async function applyGivenSetup(
  environment: SetupEnvironment,
  options: ApplyOptions = {},
): Promise<SetupReport> {
  const candidates = options.candidates ?? (await readPlaces(environment));
  const chosen = chooseSetup(candidates);
  const applied = await applyChosen(environment, chosen, options.dryRun === true);
  const isNew = (what: string) => applied.some((value) => value.what === what && value.result === 'applied');
  return {
    outcome: chosen.outcome,
    why: chosen.why,
    where: chosen.where,
    partialProductKey: chosen.key?.value.slice(-5) ?? null,
    candidates,
    values: applied,
    keyInstalled: isNew('key'),
    configChanged: isNew('pipe') || isNew('vmId') || isNew('agent'),
  };
}

/** Applies in this order: configuration and trust first, so that the key's activation finds pipe and vendor. */
async function applyChosen(
  environment: SetupEnvironment,
  { key, config, trust }: Chosen,
  dryRun: boolean,
): Promise<AppliedValue[]> {
  if (key === null && config.length === 0 && trust.length === 0) return [];
  const store = openStateStore(environment.stateFolder);
  const known = rememberedIn(store);
  const applied: AppliedValue[] = [];
  const records: SetupRecord[] = [];
  const attempt = async (given: GivenValue, work: () => void | Promise<void>) => {
    const { what, origin } = given;
    const isKnown = known.some((record) => record.what === what && record.digest === given.digest);
    try {
      if (!isKnown) await work();
      const result = isKnown ? 'unchanged' : dryRun ? 'would-apply' : 'applied';
      applied.push({ what, origin, result, error: null });
      return result === 'applied';
    } catch (thrown) {
      const error = toAvmaError(thrown, `cannot apply ${what}`);
      if (error.code === 'internal') throw error;
      applied.push({ what, origin, result: 'failed', error });
      return false;
    }
  };
  for (const given of config) {
    const done = await attempt(given, () => {
      if (!dryRun) mergeIntoConfig(environment, given.member);
    });
    if (done) records.push(recordOf(given, environment.now()));
  }
  for (const given of trust) {
    const done = await attempt(given, () => {
      if (!dryRun) writeAnchor(environment.trustFolder, given.anchor);
    });
    if (done) records.push(recordOf(given, environment.now()));
  }
  if (key !== null) {
    await attempt(key, async () => {
      const service = await environment.openGuest();
      if (dryRun) service.productOfKey(key.value);
      else await service.installGivenKey(key.value, recordOf(key, environment.now()));
    });
  }
  if (records.length > 0) {
    makePrivateFolder(environment.stateFolder);
    await store.update((latest) => rememberSetup(latest, records));
  }
  return applied;
}

/** What was applied before; nothing where the state is damaged, which a key mends. */
function rememberedIn(store: StateStore): readonly SetupRecord[] {
  try {
    return store.read().setup ?? [];
  } catch (thrown) {
    if (thrown instanceof AvmaError && thrown.code === 'state-damaged') return [];
    throw thrown;
  }
}

function recordOf({ what, origin, digest }: GivenValue, at: number): SetupRecord {
  return { what, origin, at, digest };
}

/** Writes an anchor under its key's name, as `avma guest trust add` does. */
function writeAnchor(folder: string, { keyId, json }: GivenAnchor): void {
  makePrivateFolder(folder);
  replaceFile(path.join(folder, `${keyId}.json`), json);
}
