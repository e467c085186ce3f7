/** The pages of the manual: one for each command, and all of them as mandoc wants them. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { type CommandNode, readCommandTree } from '../../scripts/package/command-tree.ts';
import { manPages } from '../../scripts/package/man/pages.ts';
import { findProgram } from '../../src/system/find-program.ts';
import { tempFolder } from '../support/temp-folder.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const tree = readCommandTree(ROOT);
const pages = manPages(ROOT, tree, { version: '1.2.3', date: '2026-01-02' });

const namesIn = (node: CommandNode): string[] => [node.path.join('-'), ...node.commands.flatMap(namesIn)];

test('each command, each format and each service has a page', () => {
  const names = pages.map(({ name, section }) => `${name}.${section}`);
  expect(names).toEqual([
    ...namesIn(tree).map((name) => `${name}.1`),
    'slmgr.1',
    ...['avma-config.5', 'avma-host.d.5', 'avma-setup.5', 'avma-license.json.5'],
    ...['avma-agent.8', 'avma-host.8'],
  ]);
  expect(names).toContain('avma-guest-agent.1');
});

test('a page has all options and the examples of its command', () => {
  const { text = '' } = pages.find(({ name }) => name === 'avma-guest-status') ?? {};
  for (const shown of ['\\-\\-json', '\\-\\-check', '.SH "EXAMPLES"', 'avma guest status \\-\\-check']) {
    expect(text).toContain(shown);
  }
});

const mandoc = findProgram('mandoc', process.env);
if (mandoc === null) process.stderr.write("The pages are not checked: Debian's package mandoc is missing.\n");

test.skipIf(mandoc === null)('mandoc has nothing to say of them', async () => {
  const folder = tempFolder();
  const files = pages.map(({ name, section, text }) => {
    const file = path.join(folder, `${name}.${section}`);
    fs.writeFileSync(file, text);
    return file;
  });
  const { stdout } = await promisify(execFile)('mandoc', ['-T', 'lint', '-W', 'warning', ...files]).catch(
    (failed) => failed,
  );
  expect(stdout).toBe('');
});

test.skipIf(mandoc === null)('man avma-agent says what docs/guest.md says', async () => {
  const file = path.join(tempFolder(), 'avma-agent.8');
  fs.writeFileSync(file, pages.find(({ name }) => name === 'avma-agent')?.text ?? '');
  const { stdout } = await promisify(execFile)('mandoc', ['-T', 'utf8', file]);
  const shown = stdout.replace(/.\x08/g, '').replace(/\s+/g, ' ');
  const guide = fs.readFileSync(path.join(ROOT, 'docs/guest.md'), 'utf8');
  const [, stay = ''] = /^## Stay activated\n([\s\S]*?)^## /m.exec(guide) ?? [];
  const plain = stay.replace(/`|\*\*/g, '').replace(/\[([^\]]+)\]\([^)]+\)/g, '$1');
  const sentences = plain.split(/\n\n/).filter((block) => /^[A-Z]/.test(block));
  expect(sentences.length).toBeGreaterThan(2);
  for (const sentence of sentences) expect(shown).toContain(sentence.trim().replace(/\s+/g, ' '));
});
