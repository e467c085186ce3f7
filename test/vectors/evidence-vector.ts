import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Claims, VerifyOptions } from '../../src/verify/api.ts';

/** Evidence, what a program asks about it, and what every verifier answers. */
export interface EvidenceVector {
  readonly name: string;
  /** An object, or the text of what is no object, or not in the spelling of JSON.stringify. */
  readonly evidence: unknown;
  /** As verifyLicense takes them, `now` in milliseconds. */
  readonly options: VerifyOptions;
  readonly claims: Claims | null;
}

export interface EvidenceVectorFile {
  readonly schema: 'avma.evidence-vectors/1';
  /** `ok`, or the reason that every vector of the file comes to. */
  readonly expect: string;
  readonly vectors: readonly EvidenceVector[];
}

const FOLDER = fileURLToPath(new URL('./evidence/', import.meta.url));

export function readEvidenceVectors(): EvidenceVectorFile[] {
  return fs
    .readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(fs.readFileSync(`${FOLDER}/${name}`, 'utf8')) as EvidenceVectorFile);
}
