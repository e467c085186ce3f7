/** The unit tests are pure, and the list of the other tests names files that exist. */
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { expect, test } from 'vitest';
import { HEAVY_TESTS, SYSTEM_TESTS } from './tiers.ts';

const ROOT = new URL('..', import.meta.url).pathname;

test('a unit test starts no process', () => {
  expect(() => spawn('true')).toThrow('may not start a process (spawn)');
  expect(() => execFile('true')).toThrow('may not start a process (execFile)');
});

test('a unit test opens no socket', () => {
  expect(() => net.createServer().listen('never.sock')).toThrow('may not listen on a socket');
  expect(() => net.connect('never.sock')).toThrow('may not connect to a socket');
});

test.each([...SYSTEM_TESTS, ...HEAVY_TESTS])('%s exists', (pattern) => {
  const [folder, name] = [path.join(ROOT, path.dirname(pattern)), path.basename(pattern)];
  const matching = fs
    .readdirSync(folder)
    .filter((file) => (name.startsWith('*') ? file.endsWith(name.slice(1)) : file === name));
  expect(matching).not.toEqual([]);
});
