import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { parseJson } from '../../protocol/envelope.ts';
import { sha256Hex } from '../../system/sha256.ts';
import { type Ledger, LedgerEntry } from './ledger.ts';

/** How much of the file's end is read at the start, in bytes: some four hundred entries. */
const RECENT_LENGTH = 1024 * 1024;

/**
 * A ledger in one file of JSON Lines. Each line ends with the SHA-256 of what stands before it in the line, and begins
 * with that of the line before, so that no line can be changed, and none taken out before the last, unnoticed. Entries
 * that arrive together are flushed together.
 *
 * @throws {AvmaError} `state-locked` if another host serves from the same folder.
 */
export async function openFileLedger(folder: string, now: number): Promise<Ledger> {
  const file = path.join(folder, 'ledger.jsonl');
  const { tryLock } = await import('../../storage/native-lock.ts');
  let fd: number;
  try {
    fd = fs.openSync(file, 'a+', 0o600);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot open the ledger ${file}`);
  }
  let tail: Tail;
  try {
    if (!tryLock(fd)) {
      throw new AvmaError('state-locked', `another host is serving from ${folder}`, {
        hint: 'End it, or set AVMA_HOST_DIR to another folder.',
      });
    }
    tail = recoverTail(fd, file, now);
  } catch (thrown) {
    fs.closeSync(fd);
    throw toAvmaError(thrown, `cannot read the ledger ${file}`);
  }
  let { size } = tail;
  let previous = tail.lastDigest;
  let flushed = tail.lastDigest;
  let closed = false;
  let waiting: { line: string; settle: (error?: AvmaError) => void }[] = [];

  // On this thread, not on the pool's: nothing may overtake the flush anyway, and waking another thread costs more
  // than writing. What arrives while it blocks waits in its sockets and makes up the next batch.
  function flush(): void {
    const batch = waiting;
    waiting = [];
    let error: AvmaError | undefined;
    try {
      // What an earlier failure left half written would spoil the next line.
      if (fs.fstatSync(fd).size !== size) fs.ftruncateSync(fd, size);
      const bytes = Buffer.from(batch.map(({ line }) => line).join(''), 'utf8');
      for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at);
      fs.fdatasyncSync(fd);
      size += bytes.length;
      flushed = previous;
    } catch (thrown) {
      error = toAvmaError(thrown, `cannot write the ledger ${file}`);
      previous = flushed;
      try {
        fs.ftruncateSync(fd, size);
      } catch {
        // The next flush tries it again, before it writes.
      }
    }
    for (const { settle } of batch) settle(error);
  }

  return {
    recent: tail.entries,
    async append(entry) {
      // Its file number may be another file's by now.
      if (closed) throw new AvmaError('io-error', `the ledger ${file} is closed`);
      const content = JSON.stringify({ previous, ...entry });
      previous = sha256Hex(content);
      const line = `${content.slice(0, -1)},"digest":"${previous}"}\n`;
      if (waiting.length === 0) setImmediate(flush);
      return new Promise((resolve, reject) => {
        waiting.push({ line, settle: (error) => (error === undefined ? resolve() : reject(error)) });
      });
    },
    async close() {
      closed = true;
      if (waiting.length > 0) await new Promise((resolve) => setImmediate(resolve));
      fs.closeSync(fd);
    },
  };
}

/** What stands where the first line's link would. */
const NO_LINE = '0'.repeat(64);

const LINE = /^(\{.*),"digest":"([0-9a-f]{64})"\}$/;

/** A line's own digest, and what it is the digest of; null for what is no line of a ledger. */
function takeApart(line: string): { content: string; digest: string } | null {
  const [, content, digest] = LINE.exec(line) ?? [];
  return content === undefined || digest === undefined ? null : { content: `${content}}`, digest };
}

/** Checks every line and the chain of them. @throws {AvmaError} `file-invalid` with the first bad line. */
export function verifyLedger(text: string): number {
  const lines = text.split('\n');
  const rest = lines.pop();
  let previous = NO_LINE;
  for (const [index, line] of lines.entries()) {
    const parts = takeApart(line);
    const { previous: link, ...entry } = (parts && readContent(parts.content)) ?? {};
    const whole = parts !== null && sha256Hex(parts.content) === parts.digest;
    if (!whole || link !== previous || !LedgerEntry.safeParse(entry).success) {
      throw new AvmaError(
        'file-invalid',
        `line ${index + 1} of the ledger was changed, or one before it removed`,
      );
    }
    previous = parts.digest;
  }
  if (rest !== '') throw new AvmaError('file-invalid', 'the last line of the ledger is cut');
  return lines.length;
}

function readContent(content: string): Record<string, unknown> | undefined {
  return parseJson(Buffer.from(content)) as Record<string, unknown> | undefined;
}

/** What a host that starts needs to know of its ledger. */
interface Tail {
  readonly entries: readonly LedgerEntry[];
  readonly lastDigest: string;
  readonly size: number;
}

/** Reads the file's end; a last line that a power cut left unfinished is kept aside and taken off. */
function recoverTail(fd: number, file: string, now: number): Tail {
  const { size } = fs.fstatSync(fd);
  const start = Math.max(0, size - RECENT_LENGTH);
  const tail = Buffer.alloc(size - start);
  fs.readSync(fd, tail, 0, tail.length, start);
  const end = tail.lastIndexOf(0x0a) + 1;
  if (end < tail.length) {
    const aside = `${file}.damaged-${new Date(now).toISOString().replace(/[:.]/g, '')}`;
    fs.writeFileSync(aside, tail.subarray(end), { mode: 0o600, flush: true });
    fs.ftruncateSync(fd, start + end);
  }
  const lines = tail.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
  const entries = lines.flatMap((line) => {
    const { previous: _link, ...entry } = readContent(takeApart(line)?.content ?? '') ?? {};
    const parsed = LedgerEntry.safeParse(entry);
    return parsed.success ? [parsed.data] : [];
  });
  const last = lines.at(-1);
  // A last line that was changed cannot be linked to as it was; the check of the whole ledger names it.
  const lastDigest = last === undefined ? NO_LINE : (takeApart(last)?.digest ?? sha256Hex(last));
  return { entries, lastDigest, size: start + end };
}
