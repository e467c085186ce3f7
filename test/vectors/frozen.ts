import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

/** Where the digests of the frozen set stand: the vectors that version 1 of the protocol means, for good. */
export const FROZEN_FILE = 'frozen.txt';

/** The frozen files, and the SHA-256 of each in hex. @param folder - test/vectors. */
export function frozenFiles(folder: string): Readonly<Record<string, string>> {
  const file = path.join(folder, FROZEN_FILE);
  if (!fs.existsSync(file)) return {};
  const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n');
  return Object.fromEntries(lines.map((line) => line.split('  ').reverse()));
}

/** Every vector file that is there, and its SHA-256 in hex. */
export function presentFiles(folder: string): Readonly<Record<string, string>> {
  const names = fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.replaceAll(path.sep, '/'))
    .sort();
  return Object.fromEntries(
    names.map((name) => {
      const digest = createHash('sha256').update(fs.readFileSync(path.join(folder, name)));
      return [name, digest.digest('hex')];
    }),
  );
}

/** The text of the list: as `sha256sum` prints it and `sha256sum -c` checks it. */
export function frozenText(files: Readonly<Record<string, string>>): string {
  return Object.entries(files)
    .map(([name, digest]) => `${digest}  ${name}\n`)
    .join('');
}
