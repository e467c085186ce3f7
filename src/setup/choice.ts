import { sha256Hex } from '../system/sha256.ts';
import type { GivenAnchor, SetupOutcome, SetupValues } from './outcome.ts';
import type { Candidate } from './places.ts';

/** A value that a place gives. */
export interface GivenValue {
  /** `key`, `pipe`, `vmId`, `vmIdSource`, `agent`, or `trust:KEY-ID`; {@link valueName} is for people. */
  readonly what: string;
  /** The place, and where in it. */
  readonly origin: string;
  /** SHA-256 of the value, which says whether it was applied before. */
  readonly digest: string;
}

/** A member of the configuration that a place gives. */
interface ConfigValue extends GivenValue {
  readonly member: Readonly<Record<string, unknown>>;
}

/** What is applied of all that the places give. */
export interface Chosen {
  readonly outcome: SetupOutcome;
  readonly why: string;
  readonly where: string | null;
  readonly key: (GivenValue & { readonly value: string }) | null;
  readonly config: readonly ConfigValue[];
  readonly trust: readonly (GivenValue & { readonly anchor: GivenAnchor })[];
}

/**
 * Chooses among the places, which are in order of rank. The first place with a key gives the key; where none has one,
 * the first place that was to have one says why. Pipe, VM ID and the agent's settings each come from the first place
 * that has them, trust anchors from all places. Pure.
 */
export function chooseSetup(candidates: readonly Candidate[]): Chosen {
  const deciding =
    candidates.find(({ finding }) => finding.outcome === 'key') ??
    candidates.find(({ finding }) => finding.outcome !== 'none') ??
    candidates.find(({ present }) => present);
  const key = deciding?.finding.key;
  return {
    outcome: deciding?.finding.outcome ?? 'none',
    why: deciding?.finding.why ?? 'no place has a setup',
    where: deciding === undefined ? null : originOf(deciding),
    key:
      deciding === undefined || key === undefined
        ? null
        : { what: 'key', origin: originOf(deciding), digest: sha256Hex(key), value: key },
    config: CONFIG_MEMBERS.flatMap((name) => configValue(name, candidates)),
    trust: chooseAnchors(candidates),
  };
}

/** What a setup gives that stands in the configuration. */
export const CONFIG_MEMBERS = [
  'pipe',
  'vmId',
  'vmIdSource',
  'agent',
] as const satisfies readonly (keyof SetupValues)[];

function configValue(name: (typeof CONFIG_MEMBERS)[number], candidates: readonly Candidate[]): ConfigValue[] {
  const candidate = candidates.find(({ values }) => values[name] !== undefined);
  const value = candidate?.values[name];
  if (candidate === undefined || value === undefined) return [];
  const member = { [name]: value };
  return [{ what: name, origin: candidate.place, digest: sha256Hex(JSON.stringify(member)), member }];
}

/** Each anchor once, from the first place that has it. */
function chooseAnchors(candidates: readonly Candidate[]): Chosen['trust'] {
  const chosen = new Map<string, Chosen['trust'][number]>();
  for (const { place, values } of candidates) {
    for (const anchor of values.trust ?? []) {
      if (chosen.has(anchor.keyId)) continue;
      // The key ID stands for the key, which is all that is trusted of an anchor.
      const given = { what: `trust:${anchor.keyId}`, origin: place, digest: sha256Hex(anchor.keyId), anchor };
      chosen.set(anchor.keyId, given);
    }
  }
  return [...chosen.values()];
}

/** `/etc/avma/unattend.xml, line 12, column 9, settings[specialize]/...`. */
function originOf({ place, finding }: Candidate): string {
  return finding.where === null ? place : `${place}, ${finding.where}`;
}

/** What a value is called in a sentence: "VM ID" for `vmId`, "trust anchor 26a86e" for `trust:26a86e`. */
export function valueName(what: string): string {
  const names: Record<string, string> = {
    vmId: 'VM ID',
    vmIdSource: 'source of the VM ID',
    agent: 'agent settings',
  };
  return what.startsWith('trust:') ? `trust anchor ${what.slice('trust:'.length)}` : (names[what] ?? what);
}
