import { MAX_LEASE_MS } from '../../protocol/answer.ts';
import {
  MAX_GUEST_LEASES,
  MAX_REPORTED_GUESTS,
  MAX_REPORTED_ROWS,
  type UsageDay,
  type UsageGuest,
} from '../../protocol/usage-report.ts';
import { DAY_MS } from '../../schema/durations.ts';
import { formatDay } from '../../schema/format-time.ts';
import type { FoldCount } from '../ledger/fold.ts';
import { LeaseEnds } from '../ledger/lease-ends.ts';
import type { LedgerEntry } from '../ledger/ledger.ts';

/** The days and guests of a report, as far as they fit into it. VM IDs are not replaced yet. */
export interface Tally {
  readonly days: readonly UsageDay[];
  readonly guests: readonly (Omit<UsageGuest, 'guest'> & { readonly vmId: string })[];
  readonly omitted: { readonly days: number; readonly guests: number };
}

type Row = { -readonly [Member in keyof Omit<UsageDay, 'refused'>]: UsageDay[Member] } & {
  readonly refused: Map<string, number>;
};

interface RowKey {
  readonly activationId: string | null;
  readonly licenseId: string | null;
}

/** One product under one license, or under none. */
interface Use {
  readonly activationId: string;
  readonly licenseId: string | null;
  product: string | null;
  /** Who has a lease. */
  readonly active: LeaseEnds;
  /** Everybody who has had a lease on the day that is counted. */
  today: Set<string>;
}

interface GuestUse {
  readonly vmId: string;
  readonly use: Use;
  first: number | null;
  last: number | null;
  leases: [number, number][];
}

/**
 * Counts guests and answers by day, from entries in the order of the ledger. Entries of before the period are taken
 * too: their leases may reach into it. Memory grows with the guests, not with the entries.
 */
export class UsageTally {
  readonly #uses = new Map<string, Use>();
  readonly #guests = new Map<string, GuestUse>();
  readonly #rows = new Map<string, Row>();
  readonly #products = new Set<string>();
  readonly #omitted = { days: 0, guests: 0 };
  /** The day that is counted, in days since 1970; null before the first entry. */
  #day: number | null = null;
  /** Where the period has begun: from then on there are rows. Null before. */
  #from: number | null = null;

  /** An entry of before the period. */
  warm(entry: LedgerEntry): void {
    this.#advance(entry.time);
    if (entry.decision === 'approved') this.#lease(entry);
  }

  /** The period begins. @param from - Milliseconds since 1970 UTC, as all times here. */
  begin(from: number): void {
    this.#advance(from);
    for (const [key, guest] of this.#guests) {
      guest.leases = guest.leases.filter(([, until]) => until > from);
      guest.first = null;
      guest.last = null;
      if (guest.leases.length === 0) this.#guests.delete(key);
    }
    this.#from = from;
    for (const use of this.#uses.values()) this.#beginDay(use, from);
  }

  /** An entry of the period. */
  note(entry: LedgerEntry): void {
    this.#advance(entry.time);
    if (entry.decision === 'approved') this.#approve(entry);
    else this.#refuse(entry);
  }

  /**
   * Answers of the period that were folded into a count. Their days have them; the guests, and how many had a lease,
   * are no longer known.
   */
  noteFolded(folded: FoldCount): void {
    const { day, activationId, edition, license, decision, code, count, overLimit, inGrace } = folded;
    const row = this.#rowOn(day, { activationId, licenseId: license, product: edition });
    if (decision === 'refused') row.refused.set(code, (row.refused.get(code) ?? 0) + count);
    else if (code === 'attested') row.attested += count;
    else row.approved += count;
    row.overLimit += overLimit;
    row.inGrace += inGrace;
  }

  #approve(entry: LedgerEntry): void {
    const use = this.#lease(entry);
    use.active.removeEnded(entry.time);
    const row = this.#rowOf(use);
    row.peakGuests = Math.max(row.peakGuests, use.active.size);
    row.distinctGuests = Math.max(row.distinctGuests, use.today.size);
    if (entry.purpose === 'attestation') row.attested += 1;
    else row.approved += 1;
    const conditions = entry.conditions ?? [];
    if (conditions.includes('over-limit')) row.overLimit += 1;
    if (conditions.some((condition) => condition.endsWith('-in-grace'))) row.inGrace += 1;
  }

  /** The period ends: days without an entry have guests too. */
  end(to: number): Tally {
    // The day that begins with the end of the period is not in it.
    this.#advance(Math.max(to - 1, this.#from ?? 0));
    const days = [...this.#rows.values()]
      .map((row) => ({ ...row, refused: [...row.refused].map(([code, count]) => ({ code, count })) }))
      .toSorted((a, b) => compare(rowOrder(a), rowOrder(b)));
    const guests = [...this.#guests.values()].map(({ vmId, use, first, last, leases }) => {
      return { vmId, activationId: use.activationId, licenseId: use.licenseId, first, last, leases };
    });
    return { days, guests, omitted: this.#omitted };
  }

  /** Counts on each day that has begun the guests whose lease goes on. */
  #advance(time: number): void {
    const day = Math.floor(time / DAY_MS);
    if (this.#day === day) return;
    const from = this.#day ?? day;
    this.#day = day;
    if (day < from) {
      // The clock was set back. The day is counted on, with who has a lease now.
      for (const use of this.#uses.values()) this.#beginDay(use, time);
      return;
    }
    for (let next = from + 1; next <= day; next++) {
      this.#day = next;
      let leases = 0;
      for (const use of this.#uses.values()) {
        this.#beginDay(use, next * DAY_MS);
        leases += use.active.size;
      }
      if (this.#from === null) this.#forgetEnded(next * DAY_MS);
      if (leases === 0) break;
    }
    this.#day = day;
  }

  #beginDay(use: Use, time: number): void {
    use.active.removeEnded(time);
    use.today = new Set(use.active.guests());
    if (this.#from === null || use.today.size === 0) return;
    const row = this.#rowOf(use);
    row.peakGuests = Math.max(row.peakGuests, use.active.size);
    row.distinctGuests = Math.max(row.distinctGuests, use.today.size);
  }

  #forgetEnded(time: number): void {
    for (const [key, { leases }] of this.#guests) {
      if ((leases.at(-1)?.[1] ?? 0) <= time) this.#guests.delete(key);
    }
  }

  #lease(entry: LedgerEntry): Use {
    const { time, vmId } = entry;
    // No lease is longer: one that seems to be is of a changed ledger.
    const until = Math.min(entry.expiresAt, time + MAX_LEASE_MS);
    const use = this.#useOf(entry);
    use.active.extend(vmId, until);
    use.today.add(vmId);
    const key = `${vmId} ${useKey(use)}`;
    const guest = this.#guests.get(key);
    if (guest !== undefined) {
      extend(guest.leases, time, until);
      guest.first ??= time;
      guest.last = time;
    } else if (this.#guests.size < MAX_REPORTED_GUESTS) {
      this.#guests.set(key, { vmId, use, first: time, last: time, leases: [[time, until]] });
    } else {
      this.#omitted.guests += 1;
    }
    return use;
  }

  #useOf({ activationId, license, edition }: LedgerEntry): Use {
    const licenseId = license ?? null;
    const key = useKey({ activationId, licenseId });
    const use: Use = this.#uses.get(key) ?? {
      ...{ activationId, licenseId, product: null },
      ...{ active: new LeaseEnds(), today: new Set() },
    };
    this.#uses.set(key, use);
    this.#products.add(activationId);
    use.product ??= edition ?? null;
    return use;
  }

  /** Requests for products that the host does not know have IDs of the guests' choice: they share a row. */
  #refuse({ activationId, license, edition, refusal = 'refused' }: LedgerEntry): void {
    const known = edition !== undefined || this.#products.has(activationId);
    const row = this.#rowOf({
      activationId: known ? activationId : null,
      licenseId: known ? (license ?? null) : null,
      product: known ? (edition ?? null) : null,
    });
    row.refused.set(refusal, (row.refused.get(refusal) ?? 0) + 1);
  }

  #rowOf(of: RowKey & { readonly product: string | null }): Row {
    return this.#rowOn(formatDay((this.#day ?? 0) * DAY_MS), of);
  }

  #rowOn(date: string, of: RowKey & { readonly product: string | null }): Row {
    const key = `${date} ${useKey(of)}`;
    const present = this.#rows.get(key);
    if (present !== undefined) {
      present.product ??= of.product;
      return present;
    }
    const { activationId, licenseId, product } = of;
    const row: Row = {
      ...{ date, activationId, product, licenseId, peakGuests: 0, distinctGuests: 0 },
      ...{ approved: 0, attested: 0, refused: new Map(), overLimit: 0, inGrace: 0 },
    };
    if (this.#rows.size < MAX_REPORTED_ROWS) this.#rows.set(key, row);
    else this.#omitted.days += 1;
    return row;
  }
}

function useKey({ activationId, licenseId }: RowKey): string {
  return `${activationId ?? ''} ${licenseId ?? ''}`;
}

function rowOrder({ date, ...row }: RowKey & { readonly date: string }): string {
  return `${date} ${useKey(row)}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Joins a lease to the last one if there is no pause between them, and where there would be too many. */
function extend(leases: [number, number][], from: number, until: number): void {
  const last = leases.at(-1);
  if (last === undefined || (from > last[1] && leases.length < MAX_GUEST_LEASES)) leases.push([from, until]);
  else last[1] = Math.max(last[1], until);
}
