/** Comments: what is exported from src has one, and none is wider than the code may be in an editor. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '..');
const MAX_COLUMNS = 120;

/** slmgr's sentences, one constant each: the comment at the head of the file is for all of them. */
const ONE_COMMENT_FOR_ALL = 'src/cli/slmgr/messages.ts';

function filesIn(...folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    fs
      .readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(ts|js|cjs)$/.test(file) && !file.endsWith('.d.ts'))
      .map((file) => path.posix.join(folder, file.split(path.sep).join('/'))),
  );
}

function linesOf(file: string): string[] {
  return fs.readFileSync(path.join(ROOT, file), 'utf8').split('\n');
}

const isComment = (line: string) => /^\s*(\/\*|\*|\/\/)/.test(line) && !line.includes('biome-ignore');

describe(`no comment is wider than ${MAX_COLUMNS} columns`, () => {
  test.each(filesIn('src', 'bin', 'scripts', 'bench', 'test'))('%s', (file) => {
    expect(linesOf(file).filter((line) => isComment(line) && line.length > MAX_COLUMNS)).toEqual([]);
  });
});

/**
 * The exports of a file without a comment above them. The type of a value that has one (`typeof`) needs none, nor does
 * the next line of a group.
 */
function uncommented(file: string): string[] {
  const lines = linesOf(file);
  return lines.filter((line, index) => {
    if (!/^export (async |abstract )?(function|class|interface|type|const) /.test(line)) return false;
    if (/^export type \w+ = .*typeof /.test(line)) return false;
    const before = lines[index - 1] ?? '';
    return !before.endsWith('*/') && !before.startsWith('export const');
  });
}

describe('what is exported says what it is', () => {
  test.each(filesIn('src').filter((file) => file !== ONE_COMMENT_FOR_ALL))('%s', (file) => {
    expect(uncommented(file)).toEqual([]);
  });
});
