/**
 * Writes the files of test/vectors/evidence, with fresh keys that nobody keeps: npm run vectors. Files of the frozen
 * set stay as they are: see frozen.ts. What each vector comes to is what its list says, never what the verifier
 * answers; only the claims are the verifier's.
 */
import fs from 'node:fs';
import path from 'node:path';
import { verifyLicense } from '../../src/verify/verify-license.ts';
import { EVIDENCE_VECTORS } from './evidence-list.ts';
import { makeEvidence, makeKeys, makeOptions } from './evidence-scene.ts';
import type { EvidenceVector } from './evidence-vector.ts';
import { frozenFiles } from './frozen.ts';

const vectorFolder = path.join(process.cwd(), 'test', 'vectors');
const folder = path.join(vectorFolder, 'evidence');
const frozen = frozenFiles(vectorFolder);
const keys = makeKeys();
fs.mkdirSync(folder, { recursive: true });
for (const [expect, differences] of Object.entries(EVIDENCE_VECTORS)) {
  if (`evidence/${expect}.json` in frozen) continue;
  const vectors = differences.map((difference): EvidenceVector => {
    const [evidence, options] = [makeEvidence(keys, difference), makeOptions(keys, difference)];
    const { reason, claims } = verifyLicense(evidence, options);
    if ((reason ?? 'ok') !== expect) {
      process.stderr.write(`${expect}, "${difference.name}": the verifier says ${reason ?? 'ok'}\n`);
      process.exitCode = 1;
    }
    return { name: difference.name, evidence, options, claims };
  });
  // One vector a line: a file of them is searched, and seldom read.
  const lines = vectors.map((vector) => JSON.stringify(vector)).join(',\n');
  const head = `"schema":"avma.evidence-vectors/1","expect":"${expect}"`;
  fs.writeFileSync(path.join(folder, `${expect}.json`), `{${head},"vectors":[\n${lines}\n]}\n`);
}
