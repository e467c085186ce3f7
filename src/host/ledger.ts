import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { parseJson } from '../protocol/envelope.ts';
import { base64url, exchangeId, hresult, instant, sha256Hex, uuid } from '../schema/shapes.ts';

/** What the host answered, and to what: enough to give the same answer again, and to show later what was said. */
export const LedgerEntry = z.strictObject({
  time: instant,
  channel: z.string(),
  exchangeId,
  requestDigest: sha256Hex,
  vmId: uuid,
  activationId: uuid,
  decision: z.enum(['approved', 'refused']),
  hresult: hresult,
  expiresAt: instant,
  /** The body of the response frame. */
  response: base64url({ max: 8192 }),
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;

/** Where the host's answers are kept. */
export interface Ledger {
  /** Entries of the recent past, oldest first: what a repeated request is known by after a restart. */
  readonly recent: readonly LedgerEntry[];
  /** Resolves when the entry is on the disk. @throws {AvmaError} `disk-full`, `io-error`: then nothing was kept. */
  append(entry: LedgerEntry): Promise<void>;
  close(): Promise<void>;
}

/** How much of the file's end is read at the start, in bytes: some three hundred entries. */
const RECENT_LENGTH = 1024 * 1024;

/**
 * A ledger in one file of JSON Lines. Each line carries the SHA-256 of the line before it, so that a line cannot be
 * changed or taken out of the middle unnoticed. Entries that arrive together are flushed together.
 *
 * @throws {AvmaError} `state-locked` if another host serves from the same folder.
 */
export async function openFileLedger(folder: string, now: number): Promise<Ledger> {
  const file = path.join(folder, 'ledger.jsonl');
  const { tryLock } = await import('../storage/native-lock.ts');
  let fd: number;
  try {
    fd = fs.openSync(file, 'a+', 0o600);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot open the ledger ${file}`);
  }
  if (!tryLock(fd)) {
    fs.closeSync(fd);
    throw new AvmaError('state-locked', `another host is serving from ${folder}`, {
      hint: 'End it, or set AVMA_HOST_DIR to another folder.',
    });
  }
  const { entries, lastLine } = recoverTail(fd, file, now);
  let previous = lastLine;
  let size = fs.fstatSync(fd).size;
  let waiting: { line: string; settle: (error?: AvmaError) => void }[] = [];

  // On this thread, not on the pool's: nothing may overtake the flush anyway, and waking another thread costs more
  // than writing. What arrives while it blocks waits in its sockets and makes up the next batch.
  function flush(): void {
    const batch = waiting;
    waiting = [];
    let error: AvmaError | undefined;
    try {
      const bytes = Buffer.from(batch.map(({ line }) => line).join(''), 'utf8');
      for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at);
      fs.fdatasyncSync(fd);
      size += bytes.length;
    } catch (thrown) {
      error = toAvmaError(thrown, `cannot write the ledger ${file}`);
      // What a full disk let through of a line would spoil the next one.
      fs.ftruncateSync(fd, size);
      previous = lastLineOf(fd, size);
    }
    for (const { settle } of batch) settle(error);
  }

  return {
    recent: entries,
    append(entry) {
      const line = `${JSON.stringify({ previous: digest(previous), ...entry })}\n`;
      previous = line;
      if (waiting.length === 0) setImmediate(flush);
      return new Promise((resolve, reject) => {
        waiting.push({ line, settle: (error) => (error === undefined ? resolve() : reject(error)) });
      });
    },
    async close() {
      if (waiting.length > 0) await new Promise((resolve) => setImmediate(resolve));
      fs.closeSync(fd);
    },
  };
}

/** Checks the chain from the first line to the last. @throws {AvmaError} `file-invalid` with the first bad line. */
export function verifyLedger(text: string): number {
  const lines = text.split('\n');
  const rest = lines.pop();
  let previous = '';
  for (const [index, line] of lines.entries()) {
    const record = parseJson(Buffer.from(line)) as { previous?: unknown } | undefined;
    const { previous: link, ...entry } = record ?? {};
    if (link !== digest(previous) || !LedgerEntry.safeParse(entry).success) {
      throw new AvmaError(
        'file-invalid',
        `line ${index + 1} of the ledger was changed, or one before it removed`,
      );
    }
    previous = `${line}\n`;
  }
  if (rest !== '') throw new AvmaError('file-invalid', 'the last line of the ledger is cut');
  return lines.length;
}

function digest(line: string): string {
  return line === '' ? '0'.repeat(64) : createHash('sha256').update(line).digest('hex');
}

/** Reads the file's end; a last line that a power cut left unfinished is kept aside and taken off. */
function recoverTail(fd: number, file: string, now: number): { entries: LedgerEntry[]; lastLine: string } {
  const { size } = fs.fstatSync(fd);
  const start = Math.max(0, size - RECENT_LENGTH);
  const tail = Buffer.alloc(size - start);
  fs.readSync(fd, tail, 0, tail.length, start);
  const end = tail.lastIndexOf(0x0a) + 1;
  if (end < tail.length) {
    const aside = `${file}.damaged-${new Date(now).toISOString().replace(/[:.]/g, '')}`;
    fs.writeFileSync(aside, tail.subarray(end), { mode: 0o600 });
    fs.ftruncateSync(fd, start + end);
  }
  const lines = tail.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
  const entries = lines.flatMap((line) => {
    const { previous: _link, ...entry } = (parseJson(Buffer.from(line)) ?? {}) as Record<string, unknown>;
    const parsed = LedgerEntry.safeParse(entry);
    return parsed.success ? [parsed.data] : [];
  });
  const last = lines.at(-1);
  return { entries, lastLine: last === undefined ? '' : `${last}\n` };
}

function lastLineOf(fd: number, size: number): string {
  const tail = Buffer.alloc(Math.min(size, 16_384));
  fs.readSync(fd, tail, 0, tail.length, size - tail.length);
  const lines = tail.toString('utf8').split('\n');
  return lines.length < 2 ? '' : `${lines.at(-2)}\n`;
}
