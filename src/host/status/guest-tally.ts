import type { GuestRow, LedgerReader } from '../ledger/ledger-reader.ts';
import type { GuestCounts } from './host-status.ts';

/** What a guest is worth now: `licensed` while its last lease lasts, whatever was decided since. */
export type GuestState = 'licensed' | 'expired' | 'refused';

/** The state of one VM and product. @param now - Milliseconds since 1970 UTC. Pure. */
export function guestStateOf({ decision, expiresAt }: GuestRow, now: number): GuestState {
  if (expiresAt !== null && expiresAt > now) return 'licensed';
  return decision === 'refused' ? 'refused' : 'expired';
}

/** The guests that a ledger knows, counted. */
export interface GuestTally {
  /** By VM IDs. */
  readonly counts: Omit<GuestCounts, 'present'>;
  /** How many VMs have a lease by a license now, by license IDs. */
  readonly licenses: ReadonlyMap<string, number>;
}

/** Counts rows that come in the order of VM IDs, those of one VM together. Pure: the time is an argument. */
class GuestCounter {
  readonly #now: number;
  readonly #counts = { known: 0, licensed: 0, expired: 0, refused: 0, clones: 0 };
  readonly #licenses = new Map<string, number>();
  #vm: { vmId: string; states: Set<GuestState>; licenses: Set<string>; clone: boolean } | undefined;

  /** @param now - Milliseconds since 1970 UTC. */
  constructor(now: number) {
    this.#now = now;
  }

  add(row: GuestRow): void {
    if (this.#vm?.vmId !== row.vmId) {
      this.#finish();
      this.#vm = { vmId: row.vmId, states: new Set(), licenses: new Set(), clone: false };
    }
    const state = guestStateOf(row, this.#now);
    this.#vm.states.add(state);
    this.#vm.clone ||= row.clone;
    if (state === 'licensed' && row.license !== null) this.#vm.licenses.add(row.license);
  }

  /** The counts over all rows that were added. */
  tally(): GuestTally {
    this.#finish();
    return { counts: { ...this.#counts }, licenses: this.#licenses };
  }

  #finish(): void {
    if (this.#vm === undefined) return;
    const { states, licenses, clone } = this.#vm;
    this.#counts.known++;
    if (states.has('licensed')) this.#counts.licensed++;
    else if (states.has('expired')) this.#counts.expired++;
    else this.#counts.refused++;
    if (clone) this.#counts.clones++;
    for (const license of licenses) this.#licenses.set(license, (this.#licenses.get(license) ?? 0) + 1);
    this.#vm = undefined;
  }
}

/** How many rows are read at once: a host answers guests between two such pages. */
const PAGE = 1000;

/**
 * All rows of a ledger's guests, in the order of VM IDs.
 *
 * @param host - Only those that the host with this hardware ID decided about last.
 */
export async function* guestRows(
  reader: Pick<LedgerReader, 'guests'>,
  host?: string,
): AsyncGenerator<GuestRow> {
  let after: string | undefined;
  for (;;) {
    const rows = await reader.guests({
      limit: PAGE,
      ...(after !== undefined && { after }),
      ...(host !== undefined && { host }),
    });
    yield* rows;
    const last = rows.at(-1)?.vmId;
    if (last === undefined) return;
    after = last;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Counts the guests of a host. @param now - Milliseconds since 1970 UTC. */
export async function tallyGuests(
  reader: Pick<LedgerReader, 'guests'>,
  host: string,
  now: number,
): Promise<GuestTally> {
  const counter = new GuestCounter(now);
  for await (const row of guestRows(reader, host)) counter.add(row);
  return counter.tally();
}
