/**
 * Writes the vector files beside it, with fresh keys that nobody keeps: npm run vectors. Files of the frozen set stay
 * as they are: see frozen.ts.
 *
 * A vector begins as an exchange in which all is well; each line says what is different in it.
 */
import fs from 'node:fs';
import path from 'node:path';
import { DOCUMENT_CASES } from './document-list.ts';
import type { DocumentVectorFile } from './document-vector.ts';
import { makeVector } from './exchange-scene.ts';
import type { VectorFile } from './exchange-vector.ts';
import { frozenFiles } from './frozen.ts';
import { PACKET_CASES } from './packet-list.ts';
import { readDocument } from './read-document.ts';
import { VECTORS } from './vector-list.ts';

const folder = path.join(process.cwd(), 'test', 'vectors');
const frozen = frozenFiles(folder);

function write(name: string, file: object): void {
  if (name in frozen) return;
  fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  fs.writeFileSync(path.join(folder, name), `${JSON.stringify(file, null, 2)}\n`);
}

for (const [expect, differences] of Object.entries(VECTORS)) {
  const file: VectorFile = { schema: 'avma.vectors/1', expect, vectors: differences.map(makeVector) };
  write(`${expect}.json`, file);
}
for (const [expect, cases] of Object.entries(DOCUMENT_CASES)) {
  const vectors = cases.map((one) => ({ ...one, after: expect === 'ok' ? readDocument(one) : null }));
  const file: DocumentVectorFile = { schema: 'avma.document-vectors/1', expect, vectors };
  write(`documents/${expect}.json`, file);
}
for (const [packet, { valid, invalid }] of Object.entries(PACKET_CASES)) {
  const named = (isValid: boolean) => (one: readonly [string, object]) => {
    return { name: one[0], valid: isValid, packet: one[1] };
  };
  const vectors = [...valid.map(named(true)), ...invalid.map(named(false))];
  write(`packets/${packet}.json`, { schema: 'avma.packet-vectors/1', packet, vectors });
}
