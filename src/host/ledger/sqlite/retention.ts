import { AvmaError } from '../../../errors/avma-error.ts';
import { DAY_MS } from '../../../schema/durations.ts';
import type { FoldRun } from '../fold.ts';
import type { Checkpoint } from '../ledger.ts';
import { readLine } from '../ledger-line.ts';
import { hexOf, type SqliteFile } from './sqlite-file.ts';

/** How many checkpoints are kept whatever their days are. */
const NEWEST_CHECKPOINTS = 100;

/**
 * Keeps a checkpoint, and of those before the newest 100 the last of each day. One that is there already is written
 * anew, and there once. Inside the caller's transaction.
 */
export function keepCheckpoint(database: SqliteFile, { seq, time, note }: Checkpoint): void {
  database.prepare('delete from checkpoints where seq = ? and note = ?').run([seq, note]);
  database.prepare('insert into checkpoints (seq, time, note) values (?, ?, ?)').run([seq, time, note]);
  database
    .prepare(
      `delete from checkpoints
       where rowid not in (select rowid from checkpoints order by rowid desc limit ?)
       and rowid not in (select max(rowid) from checkpoints group by cast(time as integer) / ${DAY_MS})`,
    )
    .run([NEWEST_CHECKPOINTS]);
}

/**
 * Removes the records of a run, after a check that they are those which it says. Runs inside the caller's transaction.
 *
 * @returns How many there were.
 * @throws {AvmaError} `argument-invalid` where they are not.
 */
export function removeRun(database: SqliteFile, { from, to, previous, digest }: FoldRun): number {
  const [first] = database.prepare('select text from records where seq = ?').get([from]) ?? [];
  const [last] = database.prepare('select digest from records where seq = ?').get([to]) ?? [];
  const range = 'from records where seq between ? and ?';
  const [count] = database.prepare(`select count(*) ${range}`).get([from, to]) ?? [];
  const linked = typeof first === 'string' ? readLine(first)?.previous : undefined;
  if (linked !== previous || hexOf(last) !== digest || count !== to - from + 1) {
    throw new AvmaError('argument-invalid', `records ${from} to ${to} are not those that were to be folded`);
  }
  database.prepare(`delete ${range}`).run([from, to]);
  return to - from + 1;
}

/** Forgets the VMs and products that were only refused, and not since a time. Runs inside the caller's transaction. */
export function forgetRefused(database: SqliteFile, before: number): void {
  database.prepare('delete from guests where approvals = 0 and last_seen < ?').run([before]);
}
