import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { HostEvent } from '../../src/events/host-event.ts';
import { jsonLinesSink } from '../../src/events/sinks/json-lines.ts';
import { NOW } from '../support/clock.ts';
import { mountSmallDisk } from '../support/restrictions.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

const event = (message: string) => ({ eventId: 12310, code: 'success', message }) as HostEvent;

function openSink(file: string) {
  const told: string[] = [];
  const sink = jsonLinesSink<HostEvent>(file, (sentence) => told.push(sentence));
  return { told, write: (message: string) => sink.write(event(message), NOW) };
}

const linesOf = (file: string) => fs.readFileSync(file, 'utf8').split('\n');

/** The messages of the lines that are JSON; null for a line that is not. */
function messagesIn(file: string): (string | null)[] {
  return linesOf(file)
    .slice(0, -1)
    .map((line) => {
      try {
        return JSON.parse(line).message;
      } catch {
        return null;
      }
    });
}

describe('an event that cannot be written', () => {
  test('fails nothing, is said once, and their number is said when events are written again', () => {
    const folder = path.join(tempFolder(), 'later');
    const file = path.join(folder, 'events.jsonl');
    const { told, write } = openSink(file);
    write('a');
    write('b');
    expect(told).toEqual([expect.stringMatching(/^Events are being lost: .*events\.jsonl/)]);
    fs.mkdirSync(folder);
    write('c');
    write('d');
    expect(told.slice(1)).toEqual([`Events are written to ${file} again; 2 were lost.`]);
    expect(messagesIn(file)).toEqual(['c', 'd']);
    fs.rmSync(folder, { recursive: true });
  });

  test('also when nobody can be told', () => {
    const sink = jsonLinesSink<HostEvent>(path.join(tempFolder(), 'no', 'such', 'folder'), () => {
      throw new RangeError('no space left');
    });
    expect(() => sink.write(event('lost'), NOW)).not.toThrow();
  });

  test('spoils no other event: after a full disk the next line begins anew', ({ skip }) => {
    const disk = tempFolder();
    if (!mountSmallDisk(disk)) skip('only root can mount a small disk to fill');
    const file = path.join(disk, 'events.jsonl');
    const filling = path.join(disk, 'filling');
    const { told, write } = openSink(file);
    write('first');
    fs.writeFileSync(filling, Buffer.alloc(240 * 1024));
    // Longer than what is left, so that only part of it can be written.
    write('x'.repeat(64 * 1024));
    expect(linesOf(file).at(-1)).not.toBe('');
    fs.rmSync(filling);
    write('next');
    expect(messagesIn(file)).toEqual(['first', null, 'next']);
    fs.writeFileSync(filling, Buffer.alloc(180 * 1024));
    write('y'.repeat(64 * 1024));
    expect(told.map((sentence) => sentence.split(' ').slice(0, 3).join(' '))).toEqual([
      'Events are being',
      'Events are written',
      'Events are being',
    ]);
  });

  test('and left part of a line behind, before another process goes on', () => {
    const file = path.join(tempFolder(), 'events.jsonl');
    openSink(file).write('first');
    fs.appendFileSync(file, '{"time":"2026-');
    openSink(file).write('next');
    expect(messagesIn(file)).toEqual(['first', null, 'next']);
  });
});

describe('an event file that is not a plain file is not written, and that is said', () => {
  test.each([
    ['a link to a file', (file: string, target: string) => fs.symlinkSync(target, file)],
    ['a FIFO', (file: string) => execFileSync('mkfifo', [file])],
    ['a device', (file: string) => fs.symlinkSync('/dev/full', file)],
  ])('%s', (_name, put) => {
    const folder = tempFolder();
    const file = path.join(folder, 'events.jsonl');
    const target = path.join(folder, 'target');
    put(file, target);
    const { told, write } = openSink(file);
    write('lost');
    expect(told).toEqual([expect.stringMatching(/is a (link|pipe)/)]);
    expect(fs.existsSync(target)).toBe(false);
  });
});

describe('events that are gathered', () => {
  /** A sink that gathers for an hour, and what the process runs when it ends. */
  function gathering(file: string) {
    const sink = jsonLinesSink<HostEvent>(file, () => {}, { gatherMs: 3_600_000 });
    const atExit = process.listeners('exit').at(-1);
    onTestFinished(() => void (atExit && process.off('exit', atExit)));
    return { write: (message: string) => sink.write(event(message), NOW), end: () => atExit?.(0) };
  }

  test('are written together when their time has come', async () => {
    const file = path.join(tempFolder(), 'events.jsonl');
    const sink = jsonLinesSink<HostEvent>(file, () => {}, { gatherMs: 5 });
    for (const message of ['a', 'b', 'c']) sink.write(event(message), NOW);
    expect(fs.existsSync(file)).toBe(false);
    await until('the events are written', () => fs.existsSync(file));
    expect(messagesIn(file)).toEqual(['a', 'b', 'c']);
  });

  test('are not lost when the process ends', () => {
    const file = path.join(tempFolder(), 'events.jsonl');
    const { write, end } = gathering(file);
    write('a');
    write('b');
    end();
    expect(messagesIn(file)).toEqual(['a', 'b']);
  });

  test('do not become many: 256 are written at once', () => {
    const file = path.join(tempFolder(), 'events.jsonl');
    const { write } = gathering(file);
    for (let nth = 1; nth <= 300; nth++) write(`${nth}`);
    expect(messagesIn(file)).toHaveLength(256);
  });

  test('are all counted when they cannot be written', () => {
    const folder = path.join(tempFolder(), 'later');
    const told: string[] = [];
    const sink = jsonLinesSink<HostEvent>(path.join(folder, 'e'), (line) => told.push(line), { gatherMs: 1 });
    for (let nth = 0; nth < 256; nth++) sink.write(event('lost'), NOW);
    fs.mkdirSync(folder);
    for (let nth = 0; nth < 256; nth++) sink.write(event('kept'), NOW);
    expect(told).toEqual([
      expect.stringMatching(/^Events are being lost/),
      expect.stringMatching(/; 256 were lost\.$/),
    ]);
  });
});
