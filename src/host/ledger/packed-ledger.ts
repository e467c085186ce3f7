import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { openPlainFile } from '../../storage/read-file.ts';
import { debug } from '../../system/debug.ts';
import { NO_LINE } from './ledger-line.ts';
import { LEDGER_FILE, ledgerParts, namesIn, readLedger } from './read-ledger.ts';

const PACKED = '.gz';

/** The files of a ledger of JSON Lines, oldest first. */
export interface WholeLedger {
  /** Their paths, where they can be read. */
  readonly parts: readonly string[];
  /** Their names in the host's folder, packed ones as they lie there. */
  readonly names: readonly string[];
  close(): void;
}

/**
 * The files of a host's ledger of JSON Lines, oldest first. Parts that a rotation has packed with gzip are unpacked,
 * the newest first, until they reach back to the first line that was ever written: into the system's folder for
 * temporary files, since a host whose disk is full answers nobody. `close` removes them again.
 *
 * @throws {AvmaError} `file-invalid` for a packed part that is damaged; `access-denied`, `disk-full`, `io-error`.
 */
export async function withWholeLedger(folder: string): Promise<WholeLedger> {
  let parts = ledgerParts(folder);
  const packed = packedParts(folder);
  if (packed.length === 0 || isWhole(parts)) return { parts, names: parts.map(baseName), close() {} };
  const aside = makeTempFolder();
  const close = () => fs.rmSync(aside, { recursive: true, force: true });
  try {
    const unpacked: string[] = [];
    for (const file of packed) {
      unpacked.push(await unpack(file, aside));
      parts = ledgerParts(folder, unpacked);
      if (isWhole(parts)) break;
    }
    const names = parts.map((part) => baseName(part) + (unpacked.includes(part) ? PACKED : ''));
    return { parts, names, close };
  } catch (thrown) {
    close();
    throw thrown;
  }
}

const baseName = (file: string) => path.basename(file);

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

/** Whether no line was written before these parts. */
function isWhole(parts: readonly string[]): boolean {
  for (const finding of readLedger(parts)) return finding.kind === 'line' && finding.previous === NO_LINE;
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
