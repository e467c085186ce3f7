import path from 'node:path';
import { expect, test } from 'vitest';
import { frozenFiles, presentFiles } from '../vectors/frozen.ts';

const FOLDER = path.resolve(import.meta.dirname, '../vectors');

/**
 * Version 1 of the protocol is what these files say. A file that has changed is another version: change it back, and
 * put what is new into a file of its own (docs/protocol.md, section 12).
 */
test('no vector of version 1 has changed, is missing, or is not listed', () => {
  expect(presentFiles(FOLDER)).toEqual(frozenFiles(FOLDER));
});
