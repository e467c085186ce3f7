/** An event log that several programs write, rotate and read at once: no line is lost, torn or read twice. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, describe, expect, test } from 'vitest';
import { listRotated } from '../../src/events/event-files.ts';
import { EventReader, type ReadLine } from '../../src/events/event-reader.ts';
import type { GuestEvent } from '../../src/events/guest-event.ts';
import { jsonLinesSink } from '../../src/events/sinks/json-lines.ts';
import type { RotationLimits } from '../../src/events/sinks/line-file.ts';
import { NOW } from '../support/clock.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** The program that writes, in one file. */
async function buildWriter(): Promise<string> {
  const outfile = path.join(tempFolder(), 'writer.mjs');
  const entryPoints = [fileURLToPath(new URL('./writer-process.ts', import.meta.url))];
  await build({ entryPoints, bundle: true, platform: 'node', format: 'esm', outfile });
  return outfile;
}

/** A program that waits for its start, and what it said it has written. */
async function startWriter(program: string, file: string, name: string, count: number) {
  const { maxBytes, keptBytes } = ALL;
  const args = [program, file, name, count, maxBytes, keptBytes].map(String);
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  running.add(child);
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  const ended = new Promise<void>((resolve) =>
    child.once('close', () => {
      running.delete(child);
      resolve();
    }),
  );
  await until(`${name} is ready`, () => said.includes('ready'));
  return {
    name,
    go: () => child.stdin.write('go\n'),
    kill: () => child.kill('SIGKILL'),
    ended,
    /** How many lines it has written at least. */
    written: () => Number(said.trimEnd().split('\n').at(-1)) || 0,
  };
}

/** The numbers that each program wrote, in the order in which they are read. */
function numbersByName(lines: readonly ReadLine[]): Map<string, number[]> {
  const numbers = new Map<string, number[]>();
  for (const line of lines) {
    if (line.kind !== 'event') continue;
    const [name = '', nth] = line.event.message.split(' ');
    numbers.set(name, [...(numbers.get(name) ?? []), Number(nth)]);
  }
  return numbers;
}

const upTo = (count: number) => Array.from({ length: count }, (_, nth) => nth);
const sorted = (numbers: readonly number[] = []) => numbers.toSorted((a, b) => a - b);
const ALL: RotationLimits = { maxBytes: 20_000, keptBytes: 1e9 };

test('four programs write and rotate, one is killed, half lines are left behind, and two read along', async () => {
  const file = path.join(tempFolder(), 'events.jsonl');
  const count = 2000;
  const program = await buildWriter();
  const start = (name: string, lines: number) => startWriter(program, file, name, lines);
  const writers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => start(name, count)));
  const killed = await start('killed', 1_000_000);
  const following = new EventReader(file);
  const followed: ReadLine[] = [];
  for (const { go } of [...writers, killed]) go();
  let ended = false;
  const end = Promise.all(writers.map((one) => one.ended)).then(() => {
    ended = true;
  });
  await until('all have written', () => {
    followed.push(...following.read());
    // As a program leaves it that is killed in the middle of a line.
    if (fs.existsSync(file)) fs.appendFileSync(file, '{"time":"2026-11-24T');
    if (killed.written() > 200) killed.kill();
    return ended;
  });
  await end;
  killed.kill();
  await killed.ended;
  const afterwards = new EventReader(file);
  const read = [...afterwards.read(), ...afterwards.cutLines()];
  afterwards.close();
  followed.push(...following.read(), ...following.cutLines());
  following.close();

  expect(listRotated(file).length).toBeGreaterThan(10);
  for (const lines of [read, followed]) {
    const numbers = numbersByName(lines);
    for (const { name } of writers) expect(sorted(numbers.get(name)), name).toEqual(upTo(count));
    const ofKilled = sorted(numbers.get('killed'));
    expect(ofKilled).toEqual(upTo(ofKilled.length));
    expect(ofKilled.length).toBeGreaterThanOrEqual(killed.written());
    const damaged = new Set(lines.flatMap((line) => (line.kind === 'damaged' ? [line.text] : [])));
    for (const text of damaged) expect(text).toMatch(/^(\{"time":"2026-11-24T)+/);
  }
});

describe('what is kept', () => {
  function sink(file: string, limits: RotationLimits) {
    const told: string[] = [];
    const { write } = jsonLinesSink<GuestEvent>(file, (sentence) => told.push(sentence), limits);
    return {
      told,
      write: (message: string) =>
        write({ eventId: 1, kind: 'agent-started', code: 'success', message } as GuestEvent, NOW),
    };
  }

  test('is the newest of it, and no more bytes than the limit says', () => {
    const file = path.join(tempFolder(), 'events.jsonl');
    const { told, write } = sink(file, { maxBytes: 5000, keptBytes: 15_000 });
    for (let nth = 0; nth < 1000; nth++) write(`${nth}`);
    const sizes = listRotated(file).map((rotated) => fs.statSync(rotated.file).size);
    expect(sizes).toHaveLength(3);
    for (const size of [...sizes, fs.statSync(file).size]) expect(size).toBeLessThanOrEqual(5000);
    expect(listRotated(file).at(-1)?.number).toBeGreaterThan(10);
    const reader = new EventReader(file);
    const numbers = [...reader.read()].map((line) =>
      line.kind === 'event' ? Number(line.event.message) : -1,
    );
    reader.close();
    expect(numbers).toEqual(upTo(1000).slice(-numbers.length));
    expect(told).toEqual([]);
  });

  test('is all of it where the folder lets no file be renamed', () => {
    const folder = tempFolder();
    const file = path.join(folder, 'events.jsonl');
    const { told, write } = sink(file, { maxBytes: 200, keptBytes: 0 });
    write('first');
    const isRoot = process.getuid?.() === 0;
    fs.chmodSync(folder, 0o555);
    fs.chmodSync(file, 0o666);
    // Root may rename everywhere.
    if (isRoot) process.seteuid?.(65534);
    try {
      for (let nth = 0; nth < 10; nth++) write(`${nth}`);
    } finally {
      if (isRoot) process.seteuid?.(0);
      fs.chmodSync(folder, 0o700);
    }
    expect(fs.readFileSync(file, 'utf8').split('\n')).toHaveLength(12);
    expect(told).toEqual([]);
  });

  test('counts no foreign file that has a similar name', () => {
    const folder = tempFolder();
    const file = path.join(folder, 'events.jsonl');
    const foreign = [
      'events.jsonl.1',
      'events.jsonl.bak',
      'events.jsonl.000001-abcdefg',
      'myevents.jsonl.000001-abcdef',
    ];
    for (const name of foreign) fs.writeFileSync(path.join(folder, name), 'x'.repeat(1000));
    const { write } = sink(file, { maxBytes: 200, keptBytes: 0 });
    for (let nth = 0; nth < 10; nth++) write(`${nth}`);
    expect(fs.readdirSync(folder)).toEqual(expect.arrayContaining(foreign));
    expect(listRotated(file)).toHaveLength(1);
  });
});
