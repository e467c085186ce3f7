import type { Claims, VerifyOptions } from '../../src/verify/api.ts';
import { readVectors } from './read-vectors.ts';

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

export function readEvidenceVectors(): EvidenceVectorFile[] {
  return readVectors('evidence/');
}
