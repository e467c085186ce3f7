import path from 'node:path';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { emptyState, type GuestState, type SetupRecord } from '../guest/guest-state.ts';
import { isSealed } from '../guest/sealing.ts';
import { rememberSetup } from '../guest/state-changes.ts';
import { openStateStore, type StateStore } from '../guest/state-store.ts';
import { makePrivateFolder, replaceFile } from '../storage/atomic-file.ts';
import { readInstalledFile } from '../storage/read-file.ts';
import { type Chosen, CONFIG_MEMBERS, chooseSetup, type GivenValue } from './choice.ts';
import { mergeIntoConfig } from './config-merge.ts';
import type { SetupEnvironment } from './environment.ts';
import { SCRUBBED_WHY } from './key-text.ts';
import { removableMedia } from './media.ts';
import type { GivenAnchor, SetupOutcome } from './outcome.ts';
import { type Candidate, readPlaces } from './places.ts';
import { MAX_SETUP_FILE_BYTES } from './setup-file.ts';

/** What became of one value of a setup. */
export interface AppliedValue {
  /** `key`, `pipe`, `vmId`, `vmIdSource`, `agent`, or `trust:KEY-ID`. */
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
  /** The product of that key; null when none was installed now. */
  readonly activationId: string | null;
  /** Whether pipe, VM ID or the agent's settings changed now, so that a program that runs has to read them again. */
  readonly configChanged: boolean;
  /** Whether the key is missing because it was applied here before, and then replaced in its file. */
  readonly alreadyScrubbed: boolean;
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
 * A place that cannot be read and a value that cannot be applied are in the report; all other values are applied.
 *
 * @throws {AvmaError} if the guest's state cannot be read or written: `state-damaged` (without a key), `state-newer`,
 *   `access-denied`, `disk-full`, `vm-id-unknown`.
 */
export async function applyGivenSetup(
  environment: SetupEnvironment,
  options: ApplyOptions = {},
): Promise<SetupReport> {
  const store = openStateStore(environment.stateFolder);
  const state = readUnlessDamaged(store);
  const known = state.setup ?? [];
  const candidates = options.candidates ?? (await findSetups(environment, state));
  const chosen = chooseSetup(candidates);
  const applier = new Applier({ environment, store, known, dryRun: options.dryRun === true });
  const { values, activationId } = await applier.apply(chosen);
  const isNew = (what: string) => values.some((value) => value.what === what && value.result === 'applied');
  return {
    outcome: chosen.outcome,
    why: chosen.why,
    where: chosen.where,
    partialProductKey: chosen.key?.value.slice(-5) ?? null,
    candidates,
    values,
    keyInstalled: isNew('key'),
    activationId,
    configChanged: CONFIG_MEMBERS.some(isNew),
    alreadyScrubbed: chosen.why.startsWith(SCRUBBED_WHY) && known.some(({ what }) => what === 'key'),
  };
}

/**
 * Every place, in order of rank. Removable media count until this machine has its key, as they do for Windows Setup:
 * what somebody plugs in later changes no license. The key that a sealed image carries is not a machine's yet.
 */
async function findSetups(
  environment: SetupEnvironment,
  { setup = [], products }: GuestState,
): Promise<readonly Candidate[]> {
  const places = await readPlaces(environment);
  const hasKey =
    setup.some(({ what }) => what === 'key') ||
    Object.values(products).some((product) => product.partialProductKey !== null && !isSealed(product));
  return hasKey ? places : [...places, ...(await removableMedia(environment))];
}

/** Applies one choice, value by value. */
class Applier {
  readonly #environment: SetupEnvironment;
  readonly #store: StateStore;
  readonly #known: readonly SetupRecord[];
  readonly #dryRun: boolean;
  readonly #values: AppliedValue[] = [];
  readonly #records: SetupRecord[] = [];
  #activationId: string | null = null;

  constructor(basis: {
    readonly environment: SetupEnvironment;
    readonly store: StateStore;
    readonly known: readonly SetupRecord[];
    readonly dryRun: boolean;
  }) {
    this.#environment = basis.environment;
    this.#store = basis.store;
    this.#known = basis.known;
    this.#dryRun = basis.dryRun;
  }

  /** Configuration and trust first, so that the key's activation finds pipe and vendor. */
  async apply({
    config,
    trust,
    key,
  }: Chosen): Promise<{ values: AppliedValue[]; activationId: string | null }> {
    const environment = this.#environment;
    for (const given of config) {
      await this.#attempt(given, () => mergeIntoConfig(environment, given.member, { dryRun: this.#dryRun }));
    }
    for (const given of trust) {
      await this.#attempt(given, () => {
        if (!this.#dryRun) writeAnchor(environment.trustFolder, given.anchor);
      });
    }
    await this.#remember({ replacesDamaged: key !== null });
    if (key !== null) await this.#attempt(key, () => this.#installKey(key));
    return { values: this.#values, activationId: this.#activationId };
  }

  /** One value that fails is said, and keeps no other from being applied. */
  async #attempt(given: GivenValue, work: () => void | Promise<void>): Promise<void> {
    const { what, origin } = given;
    const isKnown = this.#known.some((record) => record.what === what && record.digest === given.digest);
    try {
      if (!isKnown) await work();
    } catch (thrown) {
      const error = toAvmaError(thrown, `cannot apply ${what}`);
      if (error.code === 'internal') throw error;
      this.#values.push({ what, origin, result: 'failed', error });
      return;
    }
    const result = isKnown ? 'unchanged' : this.#dryRun ? 'would-apply' : 'applied';
    this.#values.push({ what, origin, result, error: null });
    // The key's record is saved together with the key.
    if (result === 'applied' && what !== 'key') this.#records.push(recordOf(given, this.#environment.now()));
  }

  async #installKey(key: NonNullable<Chosen['key']>): Promise<void> {
    const service = await this.#environment.openGuest();
    const { activationId } = service.productOfKey(key.value);
    if (this.#dryRun) return;
    await service.installGivenKey(key.value, recordOf(key, this.#environment.now()));
    this.#activationId = activationId;
  }

  /** A damaged state is replaced for a key alone: without one its keys would be missed, and nothing given for them. */
  async #remember({ replacesDamaged }: { readonly replacesDamaged: boolean }): Promise<void> {
    if (this.#records.length === 0) return;
    makePrivateFolder(this.#environment.stateFolder);
    const change = (latest: GuestState) => rememberSetup(latest, this.#records);
    await (replacesDamaged
      ? this.#store.updateOrRecover(change, this.#environment.now())
      : this.#store.update(change));
  }
}

/** The state; an empty one where it is damaged, which a key mends. */
function readUnlessDamaged(store: StateStore): GuestState {
  try {
    return store.read();
  } catch (thrown) {
    if (thrown instanceof AvmaError && thrown.code === 'state-damaged') return emptyState();
    throw thrown;
  }
}

function recordOf({ what, origin, digest }: GivenValue, at: number): SetupRecord {
  return { what, origin, at, digest };
}

/**
 * Writes an anchor under its key's name, as `avma guest trust add` does. One that is there is not written again: the
 * agent, which applies the setup when the folder has changed, would do so without end where it cannot be remembered.
 */
function writeAnchor(folder: string, { keyId, json }: GivenAnchor): void {
  makePrivateFolder(folder);
  const file = path.join(folder, `${keyId}.json`);
  if (!holds(file, json)) replaceFile(file, json);
}

/** Whether a file has just this text; not where it cannot be read. */
function holds(file: string, text: string): boolean {
  try {
    return readInstalledFile(file, MAX_SETUP_FILE_BYTES).toString('utf8') === text;
  } catch (thrown) {
    if (!(thrown instanceof AvmaError)) throw thrown;
    return false;
  }
}
