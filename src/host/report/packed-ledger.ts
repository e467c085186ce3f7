import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { MAX_LEASE_MS } from '../../protocol/answer.ts';
import { DAY_MS } from '../../schema/durations.ts';
import { openPlainFile } from '../../storage/read-file.ts';
import { debug } from '../../system/debug.ts';
import { LEDGER_FILE } from '../ledger/file-ledger.ts';
import { NO_LINE } from '../ledger/ledger-line.ts';
import { ledgerParts, namesIn, readLedger } from '../ledger/read-ledger.ts';

const PACKED = '.gz';

/**
 * Runs `work` with the files of a host's ledger, oldest first. Parts that a rotation has packed with gzip are unpacked
 * meanwhile, the newest first, and no more of them than the period needs: into the system's folder for temporary files,
 * since a host whose disk is full answers nobody.
 *
 * @param since - Where the period begins, milliseconds since 1970 UTC; null: where the ledger does.
 * @throws {AvmaError} `file-invalid` for a packed part that is damaged; `access-denied`, `disk-full`, `io-error`.
 */
export async function withWholeLedger<T>(
  folder: string,
  since: number | null,
  work: (parts: readonly string[]) => T,
): Promise<T> {
  let parts = ledgerParts(folder);
  const packed = packedParts(folder);
  if (packed.length === 0 || reachesBack(parts, since)) return work(parts);
  const aside = makeTempFolder();
  try {
    const unpacked: string[] = [];
    for (const file of packed) {
      unpacked.push(await unpack(file, aside));
      parts = ledgerParts(folder, unpacked);
      if (reachesBack(parts, since)) break;
    }
    return work(parts);
  } finally {
    fs.rmSync(aside, { recursive: true, force: true });
  }
}

/** The packed parts, the newest first, without those that lie there unpacked too. */
function packedParts(folder: string): readonly string[] {
  return namesIn(folder)
    .filter((name) => name.startsWith(`${LEDGER_FILE}.`) && name.endsWith(PACKED))
    .map((name) => path.join(folder, name))
    .filter((file) => !fs.existsSync(file.slice(0, -PACKED.length)))
    .flatMap((file) => {
      const stat = fs.lstatSync(file, { throwIfNoEntry: false });
      return stat?.isFile() === true ? [{ file, age: stat.mtimeMs }] : [];
    })
    .toSorted((a, b) => b.age - a.age)
    .map(({ file }) => file);
}

/** Whether nothing that lies before these parts matters: a lease that reaches into the period begins later. */
function reachesBack(parts: readonly string[], since: number | null): boolean {
  for (const finding of readLedger(parts)) {
    if (finding.kind !== 'line') return false;
    if (finding.previous === NO_LINE) return true;
    // A day more: times may run backwards a little.
    return since !== null && finding.record.time < since - MAX_LEASE_MS - DAY_MS;
  }
  return false;
}

async function unpack(file: string, into: string): Promise<string> {
  const target = path.join(into, path.basename(file, PACKED));
  try {
    const fd = openPlainFile(file, fs.constants.O_RDONLY);
    await pipeline(
      fs.createReadStream(file, { fd }),
      createGunzip(),
      fs.createWriteStream(target, { flags: 'wx', mode: 0o600 }),
    );
  } catch (thrown) {
    if (!isOfGzip(thrown)) throw toAvmaError(thrown, `cannot unpack ${file}`);
    throw new AvmaError('file-invalid', `${file} is damaged: it cannot be unpacked`, {
      hint: 'Restore it from a backup. If there is none, move it away: the report then says that these lines are missing.',
      cause: thrown,
    });
  }
  debug('ledger', () => `unpacked ${file}`);
  return target;
}

/** Whether the bytes are no gzip, or not all of it. */
function isOfGzip(thrown: unknown): boolean {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' && code.startsWith('Z_');
}

function makeTempFolder(): string {
  try {
    return fs.mkdtempSync(path.join(os.tmpdir(), 'avma-ledger-'));
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot make a folder in ${os.tmpdir()}`);
  }
}
