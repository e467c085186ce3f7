import fs from 'node:fs';
import path from 'node:path';
import type { Notify } from '../../../system/notify.ts';
import { importedFiles, importedLines, isTakenOver, TAKEN_OVER_MARK } from '../imported-lines.ts';
import { isMark, type LedgerHead, MAX_ANSWERS } from '../ledger.ts';
import { NO_LINE } from '../ledger-line.ts';
import { LEDGER_FILE } from '../read-ledger.ts';
import { setAsideTakenOver, takenOverSentence } from '../taken-over-files.ts';
import { appendStatement, type Chained, chainBehind } from './append.ts';
import { inTransaction, type RunStatement } from './link.ts';

/** How many lines go to the database at once. */
const CHUNK = 500;

/** Whose ledger of JSON Lines is taken over. */
export interface PostgresTakeOver {
  /** The host's folder, with `ledger.jsonl` and its older parts. */
  readonly folder: string;
  /** The hardware ID. */
  readonly host: string;
  /** Wall clock, milliseconds since 1970 UTC. */
  readonly now: () => number;
  readonly notify: Notify;
}

/**
 * Takes over the ledger of JSON Lines in a host's folder, where the host has no chain in the database yet: whole, line
 * by line as it is, in one transaction. Its files are then renamed to `*.taken-over`.
 *
 * @param head - Where the host's chain stands in the database.
 * @throws {AvmaError} `file-invalid` for a packed part that is damaged; `access-denied`, `io-error`; what pg throws.
 */
export async function takeOverIntoPostgres(
  run: RunStatement,
  head: LedgerHead,
  { folder, host, now, notify }: PostgresTakeOver,
): Promise<void> {
  const newest = path.join(folder, LEDGER_FILE);
  if (!fs.existsSync(newest)) return;
  if (head.seq > 0 && !(await isThisOne(run, { host, folder }))) {
    notify(
      `${newest} is left alone: the database has records of this host already. Keep it with your backups.`,
    );
    return;
  }
  if (head.seq === 0) {
    notify(`The ledger ${newest} is taken over into the database.`);
    const { records, damaged, files } = await inTransaction(run, () => importAll(run, { folder, host, now }));
    notify(takenOverSentence(newest, records, damaged));
    setAsideTakenOver(folder, files, notify);
  } else setAsideTakenOver(folder, await importedFiles(folder), notify);
}

async function importAll(
  run: RunStatement,
  { folder, host, now }: Omit<PostgresTakeOver, 'notify'>,
): Promise<{ readonly records: number; readonly damaged: number | null; readonly files: readonly string[] }> {
  let head: LedgerHead = { seq: 0, digest: NO_LINE, time: 0 };
  let damaged: number | null = null;
  let chunk: Chained[] = [];
  let files: readonly string[] = [];
  const found = (names: readonly string[]) => {
    files = names;
  };
  const write = async () => {
    if (chunk.length > 0) await run(appendStatement(host, chunk, 0));
    chunk = [];
  };
  for await (const { text, digest, record, chained } of importedLines(folder, found)) {
    const seq = head.seq + 1;
    if (!chained) damaged ??= seq;
    const time = record?.time ?? head.time;
    const kept =
      record !== null && !isMark(record) && record.decision === 'approved' ? record.response : undefined;
    const response = kept === undefined ? null : Buffer.from(kept, 'base64url');
    chunk.push({ seq, digest, previous: head.digest, text, time, record, response });
    head = { seq, digest, time };
    if (chunk.length === CHUNK) await write();
  }
  await write();
  const taken = { file: LEDGER_FILE, records: head.seq, lastDigest: head.digest, damaged };
  const record = { time: now(), mark: 'taken-over', ...taken } as const;
  await run(appendStatement(host, chainBehind(head, [{ record, response: null }]), 0));
  await run({
    text: `delete from avma_answers where host = $1 and seq <= (
             select seq from avma_answers where host = $1 order by seq desc offset $2 limit 1
           )`,
    values: [host, MAX_ANSWERS],
  });
  return { records: head.seq, damaged, files };
}

/** Whether the database has the ledger in the folder already. */
async function isThisOne(
  run: RunStatement,
  { host, folder }: Pick<PostgresTakeOver, 'host' | 'folder'>,
): Promise<boolean> {
  const { rows } = await run({
    text: `select text from avma_records where host = $1 and kind = 'mark' and text like $2`,
    values: [host, TAKEN_OVER_MARK],
  });
  return isTakenOver(
    folder,
    rows.map(({ text }) => String(text)),
  );
}
