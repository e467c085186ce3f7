import { describe, expect, test } from 'vitest';
import { type AvmaErrorCode, CODES } from '../../src/errors/codes.ts';
import { outcomeOf } from '../support/failures.ts';
import { readDocumentVectors } from '../vectors/document-vector.ts';
import { readDocument } from '../vectors/read-document.ts';

const FILES = readDocumentVectors();

/** Codes of documents that need more than the document and what is known of its vendor. */
const ELSEWHERE = /^license-(?!invalid)/;

test('there is a file for each code that a document can come to', () => {
  const codes = (Object.keys(CODES) as AvmaErrorCode[]).filter(
    (code) => /^(license|revocations|trust-update)-/.test(code) && !ELSEWHERE.test(code),
  );
  expect(FILES.map((file) => file.expect).sort()).toEqual([...codes, 'ok'].sort());
});

describe.each(FILES)('$expect', ({ expect: code, vectors }) => {
  test.each(vectors)('$kind: $name', (vector) => {
    expect(outcomeOf(() => readDocument(vector))).toBe(code);
    if (code === 'ok') expect(readDocument(vector)).toEqual(vector.after);
  });
});
