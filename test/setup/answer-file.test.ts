/** What is read from answer files: each file of the corpus gives what it should, and its table is true. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readAnswerFile } from '../../src/setup/answer-file.ts';
import { CORPUS } from './corpus.ts';

const FOLDER = path.join(import.meta.dirname, 'answer-files');

function read(file: string) {
  return readAnswerFile(fs.readFileSync(path.join(FOLDER, file)));
}

test('every file of the folder is in the corpus', () => {
  const files = fs.readdirSync(FOLDER).filter((file) => file.endsWith('.xml'));
  expect(CORPUS.map(({ file }) => file as string).sort()).toEqual(files.sort());
});

describe.each(CORPUS)('$file: $shows', ({ file, outcome, ...expected }) => {
  test(`gives ${outcome}`, () => {
    const found = read(file);
    expect({ outcome: found.outcome, key: found.key }, found.why).toEqual({
      outcome,
      key: 'key' in expected ? expected.key : undefined,
    });
  });
});

test('no reason, place or path holds a whole key', () => {
  for (const { file } of CORPUS) {
    const { key: _key, ...said } = read(file);
    expect(JSON.stringify(said)).not.toMatch(
      /[BCDFGHJKMNPQRTVWY2346789]{5}(-[BCDFGHJKMNPQRTVWY2346789]{5}){4}/i,
    );
  }
});

test('README.md lists what each file gives', async () => {
  const rows = CORPUS.map(({ file, shows }) => {
    const { outcome, key, where, why } = read(file);
    const found = key === undefined ? outcome : `${outcome} ...${key.slice(-5)}`;
    const cells = [`[${file}](${file})`, shows, found, where ?? '', why];
    return `| ${cells.map((cell) => cell.replace(/[|]/g, '\\|')).join(' | ')} |`;
  });
  const text = `# Answer files, and what is read from each

One file a shape. [docs/automation.md](../../../docs/automation.md) has the rules. \`npx vitest run test/setup -u\`
writes this table from the files.

| file | shows | outcome | where | why |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
  await expect(text).toMatchFileSnapshot(path.join(FOLDER, 'README.md'));
});
