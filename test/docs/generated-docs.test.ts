/** The tables of docs/ are those of the code. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { generatedDocs } from '../../scripts/generated-docs.ts';
import { CODES } from '../../src/errors/codes.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const FILES = generatedDocs(ROOT);

test.each(FILES)('$file is up to date; if not: npm run docs', ({ file, text }) => {
  expect(fs.readFileSync(path.join(ROOT, file), 'utf8')).toBe(text);
});

test('docs/errors.md has a section for each code', () => {
  const page = FILES.find(({ file }) => file === 'docs/errors.md')?.text;
  for (const code of Object.keys(CODES)) expect(page).toContain(`\n### ${code}\n`);
});
