import fs from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Every file of vectors in a folder of test/vectors, by name. @param folder - With a slash at its end, or empty. */
export function readVectors<T>(folder: string): T[] {
  const at = fileURLToPath(new URL(`./${folder}`, import.meta.url));
  return fs
    .readdirSync(at)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(fs.readFileSync(`${at}/${name}`, 'utf8')) as T);
}
