import type { SetupRecord } from '../../../guest/guest-state.ts';
import { isoInstant } from '../../../schema/format-time.ts';
import { sha256Hex } from '../../../system/sha256.ts';
import type { Field } from '../table.ts';

/** A value that a setup gave this machine, and where it came from. */
export interface SetupOrigin {
  /** `key`, `pipe`, `vmId`, `vmIdSource`, `agent`, or `trust:KEY-ID`. */
  readonly what: string;
  readonly origin: string;
  /** ISO 8601. */
  readonly appliedAt: string;
  /** Whether it is what is used now: somebody may have changed it by hand since. Null where that is not known. */
  readonly inUse: boolean | null;
}

/** What this machine uses now. */
export interface UsedNow {
  /** The whole keys of the products that have one. */
  readonly productKeys: readonly string[];
  /** The key IDs of the trust anchors. */
  readonly keyIds: readonly string[];
  readonly pipe: string | undefined;
  readonly vmId: string | undefined;
  readonly vmIdSource: string | undefined;
}

/** The values that were given, each with whether it still counts. Pure. */
export function setupOrigins(records: readonly SetupRecord[], now: UsedNow): SetupOrigin[] {
  return records.map((record) => ({
    what: record.what,
    origin: record.origin,
    appliedAt: isoInstant(record.at),
    inUse: isUsed(record, now),
  }));
}

function isUsed({ what, digest }: SetupRecord, now: UsedNow): boolean | null {
  if (what === 'key') return now.productKeys.some((key) => sha256Hex(key) === digest);
  if (what.startsWith('trust:')) return now.keyIds.includes(what.slice('trust:'.length));
  if (what !== 'pipe' && what !== 'vmId' && what !== 'vmIdSource') return null;
  // As src/setup/choice.ts makes the digest.
  return sha256Hex(JSON.stringify({ [what]: now[what] })) === digest;
}

/** A row for each value: where it came from, and since when. */
export function originFields(origins: readonly SetupOrigin[]): Field[] {
  return origins.map(({ what, origin, appliedAt, inUse }, index) => [
    index === 0 ? 'Given' : '',
    `${what} from ${origin}, applied ${appliedAt.slice(0, 16).replace('T', ' ')} UTC${inUse === false ? '; changed by hand since' : ''}`,
  ]);
}
