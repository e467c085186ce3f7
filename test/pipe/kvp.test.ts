import {
  appendFileSync,
  closeSync,
  openSync,
  readFileSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { tryLock } from 'fs-native-extensions';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { KvpHost, type KvpHostOptions } from '../../src/host/endpoints/kvp-watch.ts';
import { gatherLines, splitLine } from '../../src/kvp/message.ts';
import { encodeRecord, type PoolRecord, RECORD_LENGTH, readPool } from '../../src/kvp/pool.ts';
import { GUEST_TO_HOST, HOST_TO_GUEST, readSettledPool } from '../../src/kvp/pool-file.ts';
import { openKvpPipe } from '../../src/pipe/kvp.ts';
import type { Pipe } from '../../src/pipe/pipe.ts';
import { type Frame, parseLine } from '../../src/protocol/frame.ts';
import { HANG_MS } from '../support/hang.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';
import { encode, lineOf, NEXT, OURS, STALE } from './frames.ts';
import { testMachine } from './transports.ts';

let folder: string;

beforeEach(() => {
  folder = tempFolder();
  for (const pool of [GUEST_TO_HOST, HOST_TO_GUEST]) writeFileSync(file(pool), '');
});

const file = (pool: string) => path.join(folder, pool);
const records = (pool: string) => readPool(readFileSync(file(pool)));
const append = (pool: string, added: PoolRecord[]) =>
  appendFileSync(file(pool), Buffer.concat(added.map(encodeRecord)));

function openPipe(): Pipe {
  const pipe = openKvpPipe({ uri: `kvp:${folder}`, rest: folder, environment: testMachine(folder) });
  onTestFinished(() => pipe.close());
  return pipe;
}

const ask = (pipe: Pipe, id = OURS, signal = AbortSignal.timeout(HANG_MS)) =>
  pipe.exchange(encode('request', id), { signal }).then((line) => Buffer.from(line).toString('latin1'));

const asked = (id = OURS) =>
  until('the request is in the pool', () => gatherLines(records(GUEST_TO_HOST)).get(id));

describe('the guest', () => {
  test("asks in records of its pool and takes them away afterwards; other programs' keep their bytes", async () => {
    const theirs = Buffer.concat([encodeRecord({ key: 'CLOUD_INIT|1', value: 'x' })]);
    theirs.fill('stale', 512 + 2);
    writeFileSync(file(GUEST_TO_HOST), theirs);
    const work = ask(openPipe());
    expect(await asked()).toBe(lineOf('request', OURS));
    append(GUEST_TO_HOST, [{ key: 'WRITTEN_MEANWHILE', value: 'y' }]);
    append(HOST_TO_GUEST, splitLine(OURS, lineOf('response', OURS)));
    expect(await work).toBe(lineOf('response', OURS));
    const left = readFileSync(file(GUEST_TO_HOST));
    expect(left.subarray(0, RECORD_LENGTH)).toEqual(theirs);
    expect(readPool(left).map(({ key }) => key)).toEqual(['CLOUD_INIT|1', 'WRITTEN_MEANWHILE']);
  });

  test('takes its records away at the deadline too', async () => {
    const deadline = new AbortController();
    const work = expect(ask(openPipe(), OURS, deadline.signal)).rejects.toMatchObject({
      code: 'host-silent',
    });
    await asked();
    deadline.abort();
    await work;
    expect(records(GUEST_TO_HOST)).toEqual([]);
  });

  test('clears away what a killed process left', async () => {
    append(GUEST_TO_HOST, splitLine(STALE, lineOf('request', STALE)));
    const work = ask(openPipe());
    await asked();
    expect(gatherLines(records(GUEST_TO_HOST)).has(STALE)).toBe(false);
    append(HOST_TO_GUEST, splitLine(OURS, lineOf('response', OURS)));
    await work;
  });

  test('asks again when the pool is emptied, as cloud-init does once a boot', async () => {
    const work = ask(openPipe());
    await asked();
    truncateSync(file(GUEST_TO_HOST), 0);
    await asked();
    append(HOST_TO_GUEST, splitLine(OURS, lineOf('response', OURS)));
    expect(await work).toBe(lineOf('response', OURS));
  });

  test('waits until the host has written all parts', async () => {
    const work = ask(openPipe());
    await asked();
    for (const part of splitLine(OURS, lineOf('response', OURS)).reverse()) {
      append(HOST_TO_GUEST, [part]);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    expect(await work).toBe(lineOf('response', OURS));
  });

  test('is not misled by a pool that is being written', async () => {
    const work = ask(openPipe());
    await asked();
    const whole = Buffer.concat(splitLine(OURS, lineOf('response', OURS)).map(encodeRecord));
    for (const length of [100, RECORD_LENGTH + 7, whole.length - 1, whole.length]) {
      writeFileSync(file(HOST_TO_GUEST), whole.subarray(0, length));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await work).toBe(lineOf('response', OURS));
  });

  test.each([
    ['garbage', 'x'.repeat(900)],
    ['its own request', lineOf('request', OURS)],
    ['the answer to another exchange', lineOf('response', STALE)],
  ])('refuses %s under its own keys: response-malformed', async (_name, line) => {
    append(HOST_TO_GUEST, splitLine(OURS, line));
    await expect(ask(openPipe())).rejects.toMatchObject({ code: 'response-malformed' });
    expect(records(GUEST_TO_HOST)).toEqual([]);
  });

  test('waits for the lock that the daemon holds, but no longer than the deadline', async () => {
    const fd = openSync(file(GUEST_TO_HOST), 'r+');
    onTestFinished(() => closeSync(fd));
    expect(tryLock(fd)).toBe(true);
    await expect(ask(openPipe(), OURS, AbortSignal.timeout(100))).rejects.toMatchObject({
      code: 'host-silent',
      message: expect.stringContaining('lock'),
    });
    expect(records(GUEST_TO_HOST)).toEqual([]);
  });

  test.each([GUEST_TO_HOST, HOST_TO_GUEST])('says that no daemon ran when there is no %s', async (pool) => {
    unlinkSync(file(pool));
    await expect(ask(openPipe())).rejects.toMatchObject({
      code: 'host-absent',
      message: expect.stringContaining(pool),
      hint: expect.stringContaining('hv_kvp_daemon'),
    });
  });

  test('takes a whole path or none', () => {
    expect(() => openKvpPipe({ uri: 'kvp:pools', rest: 'pools', environment: testMachine(folder) })).toThrow(
      expect.objectContaining({ code: 'pipe-uri-invalid' }),
    );
  });
});

describe('the host', () => {
  const errors: unknown[] = [];
  const start = (answer: KvpHostOptions['answer']) => {
    const host = new KvpHost({ folder, answer, onError: (error) => errors.push(error) });
    onTestFinished(() => host.close());
    return host;
  };
  const idOf = (line: string) => line.split(' ')[2] ?? '';
  const answerTo = (line: string): Frame => {
    const parsed = parseLine(lineOf('response', idOf(line)));
    if (parsed.kind !== 'frame') throw new TypeError('the answer is not a frame');
    return parsed.frame;
  };

  test('answers once, and takes its answer away when the guest has it', async () => {
    const seen: string[] = [];
    start(async (line) => {
      seen.push(line);
      return answerTo(line);
    });
    const pipe = openPipe();
    expect(await ask(pipe)).toBe(lineOf('response', OURS));
    expect(await ask(pipe, NEXT)).toBe(lineOf('response', NEXT));
    expect(seen).toEqual([lineOf('request', OURS), lineOf('request', NEXT)]);
    await until('the answer is gone', () => records(HOST_TO_GUEST).length === 0);
  });

  test("leaves other programs' records alone", async () => {
    append(HOST_TO_GUEST, [{ key: 'NdDriverVersion', value: '1' }]);
    start(async (line) => answerTo(line));
    await ask(openPipe());
    await until('the answer is gone', () => records(HOST_TO_GUEST).length === 1);
    expect(records(HOST_TO_GUEST)).toEqual([{ key: 'NdDriverVersion', value: '1' }]);
  });

  test('stops for nothing: an answer that fails is reported, the next is given', async () => {
    start(async (line) => {
      if (idOf(line) === OURS) throw new Error('no ledger');
      return answerTo(line);
    });
    const pipe = openPipe();
    const deadline = new AbortController();
    const first = expect(ask(pipe, OURS, deadline.signal)).rejects.toMatchObject({ code: 'host-silent' });
    await until('the failure is reported', () => errors.map(String).includes('Error: no ledger'));
    deadline.abort();
    await first;
    expect(await ask(pipe, NEXT)).toBe(lineOf('response', NEXT));
  });

  test('started again, does not answer twice', async () => {
    append(GUEST_TO_HOST, splitLine(OURS, lineOf('request', OURS)));
    const first = start(async (line) => answerTo(line));
    await until('the answer is there', () => records(HOST_TO_GUEST).length === 3);
    await first.close();
    let again = 0;
    start(async (line) => {
      again++;
      return answerTo(line);
    });
    append(GUEST_TO_HOST, splitLine(NEXT, lineOf('request', NEXT)));
    await until('the next answer is there', () => gatherLines(records(HOST_TO_GUEST)).has(NEXT));
    expect(again).toBe(1);
  });
});

test('a pool that changes between two reads is looked at again', async () => {
  append(HOST_TO_GUEST, [{ key: 'a', value: '1' }]);
  const read = readSettledPool(file(HOST_TO_GUEST), new AbortController().signal);
  append(HOST_TO_GUEST, [{ key: 'b', value: '2' }]);
  expect(await read).toBeNull();
});
