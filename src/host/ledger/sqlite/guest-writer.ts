import { HOUR_MS } from '../../../schema/durations.ts';
import { RecentMap } from '../../../system/recent-map.ts';
import { codeOf, FOREIGN_CLAIM } from '../guest-changes.ts';
import type { LedgerEntry } from '../ledger.ts';
import type { SqliteFile, Statement, Value } from './sqlite-file.ts';

/** How many rows are known by heart at least: those of the guests that asked last, some 200 bytes each. */
const KNOWN = 8192;

/** What is known of the row of a VM and product. */
interface KnownGuest {
  readonly id: number;
  lastSeq: number;
  seenHour: number;
}

/** Keeps up what the ledger says of each guest: a row for each VM and product. Runs inside the caller's transaction. */
export class GuestWriter {
  readonly #find: Statement;
  readonly #highest: Statement;
  readonly #insert: Statement;
  readonly #update: Statement;
  readonly #countClaim: Statement;
  readonly #setHour: Statement;
  readonly #release: Statement;
  /** Rows by VM and product. */
  readonly #known = new RecentMap<string, KnownGuest>(KNOWN);
  #lastId: number | null = null;

  constructor(database: SqliteFile) {
    this.#find = database.prepare('select id, last_seq, seen_hour from guests where vm = ? and product = ?');
    this.#highest = database.prepare('select max(id) from guests');
    this.#insert = database.prepare(
      `insert into guests (id, vm, product, channel, domain, machine, edition, approved, code, expires_at, license,
       first_seen, last_seen, seen_hour, approvals, refusals, clone, last_seq)
       values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12, ?15, ?8, 1 - ?8, ?13, ?14)`,
    );
    // A refusal ends no lease: when the last one ends, and by which license, stays.
    this.#update = database.prepare(
      `update guests set channel = ?2, domain = ?3, machine = ?4, edition = coalesce(?5, edition), approved = ?6,
       code = ?7, expires_at = coalesce(?8, expires_at), license = iif(?6, ?9, license), last_seen = ?10,
       approvals = approvals + ?6, refusals = refusals + 1 - ?6, clone = ?11, last_seq = ?12 where id = ?1`,
    );
    this.#countClaim = database.prepare(
      'update guests set refusals = refusals + 1, last_seq = ? where id = ?',
    );
    // Apart from the rest: what is in an index is written anew by each update that names it.
    this.#setHour = database.prepare('update guests set seen_hour = ? where id = ?');
    // A seat that was freed does not come back when the host starts again. The lease goes on.
    this.#release = database.prepare('update guests set license = null where vm = ?');
  }

  /** Notes the entry with this number. @returns The number of the guest's entry before it; null: none. */
  note(entry: LedgerEntry, seq: number): number | null {
    const key = entry.vmId + entry.activationId;
    const known = this.#known.get(key) ?? this.#look(entry);
    const seenHour = Math.floor(entry.time / HOUR_MS);
    if (known === undefined) {
      this.#known.set(key, { id: this.#add(entry, seq, seenHour), lastSeq: seq, seenHour });
      return null;
    }
    this.#known.set(key, known);
    const before = known.lastSeq;
    known.lastSeq = seq;
    if (codeOf(entry) === FOREIGN_CLAIM) {
      this.#countClaim.run([seq, known.id]);
      return before;
    }
    this.#update.run([known.id, ...placeOf(entry), ...decisionOf(entry), seq]);
    if (known.seenHour !== seenHour) this.#setHour.run([seenHour, known.id]);
    known.seenHour = seenHour;
    return before;
  }

  release(vmId: string): void {
    this.#release.run([uuidBytes(vmId)]);
  }

  /** Rows were removed: what is in the database counts. */
  forget(): void {
    this.#known.clear();
  }

  #look({ vmId, activationId }: LedgerEntry): KnownGuest | undefined {
    const found = this.#find.get([uuidBytes(vmId), uuidBytes(activationId)]);
    if (found === undefined) return undefined;
    const [id, lastSeq, seenHour] = found.map(Number);
    return { id: id ?? 0, lastSeq: lastSeq ?? 0, seenHour: seenHour ?? 0 };
  }

  #add(entry: LedgerEntry, seq: number, seenHour: number): number {
    this.#lastId ??= Number(this.#highest.get()?.[0] ?? 0);
    const id = this.#lastId + 1;
    const guest = [uuidBytes(entry.vmId), uuidBytes(entry.activationId), ...placeOf(entry)];
    this.#insert.run([id, ...guest, ...decisionOf(entry), seq, seenHour]);
    this.#lastId = id;
    return id;
  }
}

function placeOf({ channel, domain, machineName }: LedgerEntry): Value[] {
  return [channel, domain ?? null, machineName ?? null];
}

/** Edition, approved, code, end of the lease, license, time, clone. */
function decisionOf(entry: LedgerEntry): Value[] {
  const { edition = null, license = null, expiresAt, time } = entry;
  const isApproved = entry.decision === 'approved';
  const lease: Value[] = isApproved ? [expiresAt, license] : [null, null];
  return [edition, isApproved ? 1 : 0, codeOf(entry), ...lease, time, entry.clone === undefined ? 0 : 1];
}

/** The 16 bytes of a UUID. */
export function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}
