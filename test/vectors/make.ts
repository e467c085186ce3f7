/**
 * Writes the vector files beside it, with fresh keys that nobody keeps: npm run vectors. Files of the frozen set stay as
 * they are: see frozen.ts.
 *
 * A vector begins as an exchange in which all is well; each line says what is different in it.
 */
import fs from 'node:fs';
import path from 'node:path';
import { makeVector } from './exchange-scene.ts';
import type { VectorFile } from './exchange-vector.ts';
import { frozenFiles } from './frozen.ts';
import { VECTORS } from './vector-list.ts';

const folder = path.join(process.cwd(), 'test', 'vectors');
const frozen = frozenFiles(folder);
for (const [expect, differences] of Object.entries(VECTORS)) {
  const name = `${expect}.json`;
  if (name in frozen) continue;
  const file: VectorFile = { schema: 'avma.vectors/1', expect, vectors: differences.map(makeVector) };
  fs.writeFileSync(path.join(folder, name), `${JSON.stringify(file, null, 2)}\n`);
}
