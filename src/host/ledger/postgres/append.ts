import { chainLine } from '../../../storage/chained-lines.ts';
import type { NewRecord } from '../batched-ledger.ts';
import { codeOf, FOREIGN_CLAIM, type GuestChange, guestChanges } from '../guest-changes.ts';
import { isMark, type LedgerEntry, type LedgerHead, type LedgerRecord } from '../ledger.ts';
import type { Statement } from './client.ts';

/** A record with its place in the chain. */
export interface Chained {
  readonly seq: number;
  readonly digest: string;
  readonly previous: string;
  /** The line without its newline. */
  readonly text: string;
  /** Milliseconds since 1970 UTC. */
  readonly time: number;
  /** Null: a line that was taken over, and is not as it was written. */
  readonly record: LedgerRecord | null;
  /** The body of the response frame, where it is kept to be repeated. */
  readonly response: Uint8Array | null;
}

/** Records as the chain goes on with them behind `head`. */
export function chainBehind(head: LedgerHead, records: readonly NewRecord[]): Chained[] {
  let { seq, digest } = head;
  return records.map(({ record, response }) => {
    const previous = digest;
    const chained = chainLine(previous, record);
    seq += 1;
    digest = chained.digest;
    return { seq, digest, previous, text: chained.line, time: record.time, record, response };
  });
}

/**
 * All of a batch in one statement, so that it is there as a whole or not at all, after one way to the server and back:
 * the records, the answers to repeat, the guests' rows, and the answers that are too old.
 *
 * A chain cannot fork: a record with a number that is there already fails the statement (`23505`).
 *
 * @param forget - Answers of records up to this number are too old.
 */
export function appendStatement(host: string, batch: readonly Chained[], forget: number): Statement {
  const records = columnsOf(batch.map(recordColumns), RECORD_TYPES.length);
  const answers = columnsOf(batch.flatMap(answerColumns), ANSWER_TYPES.length);
  const guests = columnsOf(guestChanges(entriesOf(batch)).map(guestColumns), GUEST_COLUMNS.length);
  return {
    name: 'avma-append',
    text: APPEND,
    values: [host, ...records, ...answers, ...guests, forget, releasedIn(batch)],
  };
}

function recordColumns({ seq, digest, previous, text, time, record }: Chained): unknown[] {
  if (record === null) {
    // A damaged line may have any bytes, also those that PostgreSQL's text cannot hold.
    const kept = Buffer.from(text, 'utf8').toString('base64');
    return [seq, digest, previous, 'damaged', time, null, null, null, kept];
  }
  const about = isMark(record) ? [null, null, null] : [record.vmId, record.decision, codeOf(record)];
  return [seq, digest, previous, isMark(record) ? 'mark' : 'entry', time, ...about, text];
}

function answerColumns({ seq, record, response }: Chained): unknown[][] {
  if (response === null || record === null || isMark(record)) return [];
  const { channel, exchangeId, requestDigest } = record;
  return [[seq, channel, exchangeId, requestDigest, codeOf(record), Buffer.from(response)]];
}

function entriesOf(batch: readonly Chained[]): LedgerEntry[] {
  return batch.flatMap(({ record }) => (record === null || isMark(record) ? [] : [record]));
}

/** The VMs whose seats an operator has freed: what was released does not come back when the host starts again. */
function releasedIn(batch: readonly Chained[]): string[] {
  return batch.flatMap(({ record }) =>
    record !== null && isMark(record) && record.mark === 'released' ? [record.vmId] : [],
  );
}

function guestColumns(change: GuestChange): unknown[] {
  return GUEST_COLUMNS.map(([, , member]) => change[member]);
}

/** Rows as an array for each column, as `unnest` takes them. */
function columnsOf(rows: readonly (readonly unknown[])[], width: number): unknown[][] {
  return Array.from({ length: width }, (_, column) => rows.map((row) => row[column]));
}

/** `$2::bigint[], $3::text[]`: parameters from `first` on, of these types. */
function parameters(first: number, types: readonly string[]): string {
  return types.map((type, index) => `$${first + index}::${type}[]`).join(', ');
}

const RECORD_TYPES = ['bigint', 'text', 'text', 'text', 'bigint', 'text', 'text', 'text', 'text'];
const ANSWER_TYPES = ['bigint', 'text', 'text', 'text', 'text', 'bytea'];
const GUEST_COLUMNS: readonly (readonly [name: string, type: string, member: keyof GuestChange])[] = [
  ['vm_id', 'text', 'vmId'],
  ['activation_id', 'text', 'activationId'],
  ['channel', 'text', 'channel'],
  ['decision', 'text', 'decision'],
  ['domain', 'text', 'domain'],
  ['machine_name', 'text', 'machineName'],
  ['edition', 'text', 'edition'],
  ['code', 'text', 'code'],
  ['expires_at', 'bigint', 'expiresAt'],
  ['license', 'text', 'license'],
  ['first_seen', 'bigint', 'firstSeen'],
  ['last_seen', 'bigint', 'lastSeen'],
  ['approvals', 'bigint', 'approvals'],
  ['refusals', 'bigint', 'refusals'],
  ['clone', 'boolean', 'clone'],
];
const FIRST_GUEST = 2 + RECORD_TYPES.length + ANSWER_TYPES.length;
const LAST = RECORD_TYPES.length + ANSWER_TYPES.length + GUEST_COLUMNS.length + 2;

/** Takes the newer of two values: hosts may write what they decided in another order than they decided it. */
function newer(column: string): string {
  const isNewer = `excluded.last_seen >= g.last_seen and excluded.code <> '${FOREIGN_CLAIM}'`;
  return `${column} = case when ${isNewer} then excluded.${column} else g.${column} end`;
}

const APPEND = `
with records as (
  insert into avma_records (host, seq, digest, previous, kind, time, vm_id, decision, code, text)
  select $1, * from unnest(${parameters(2, RECORD_TYPES)})
), answers as (
  insert into avma_answers (host, seq, channel, exchange_id, request_digest, code, body)
  select $1, * from unnest(${parameters(2 + RECORD_TYPES.length, ANSWER_TYPES)})
), old as (
  delete from avma_answers where host = $1 and seq <= $${LAST}::bigint
), released as (
  update avma_guests set license = null where vm_id = any($${LAST + 1}::text[])
    and vm_id <> all($${FIRST_GUEST}::text[])
)
insert into avma_guests as g (host, ${GUEST_COLUMNS.map(([name]) => name).join(', ')})
select $1, * from unnest(${parameters(
  FIRST_GUEST,
  GUEST_COLUMNS.map(([, type]) => type),
)})
on conflict (vm_id, activation_id) do update set
  ${['host', 'channel', 'domain', 'machine_name', 'decision', 'code', 'clone'].map(newer).join(',\n  ')},
  edition = coalesce(excluded.edition, g.edition),
  license = case when excluded.expires_at is null then g.license else excluded.license end,
  expires_at = coalesce(excluded.expires_at, g.expires_at),
  first_seen = least(g.first_seen, excluded.first_seen),
  last_seen = case when excluded.code = '${FOREIGN_CLAIM}' then g.last_seen
    else greatest(g.last_seen, excluded.last_seen) end,
  approvals = g.approvals + excluded.approvals,
  refusals = g.refusals + excluded.refusals
`;
