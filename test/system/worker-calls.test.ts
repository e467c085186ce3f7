import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { WorkerCalls } from '../../src/system/worker-calls.ts';

type Request = { add: [number, number] } | { fail: string } | { bytes: Uint8Array } | { die: true };

let code: string;
let started = 0;
let calls: WorkerCalls<Request, unknown>;

beforeAll(async () => {
  const contents = `
    import { parentPort } from 'node:worker_threads';
    import { AvmaError } from './src/errors/avma-error.ts';
    import { answerCalls } from './src/system/worker-calls.ts';
    answerCalls(parentPort, (request) => {
      if ('add' in request) return request.add[0] + request.add[1];
      if ('bytes' in request) return request.bytes.map((byte) => byte + 1);
      if ('die' in request) process.exit(3);
      throw new AvmaError('disk-full', request.fail, { hint: 'Make room.' });
    });`;
  const resolveDir = path.resolve(import.meta.dirname, '../..');
  const built = await build({
    stdin: { contents, resolveDir },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    write: false,
  });
  code = built.outputFiles[0]?.text ?? '';
});

function open(): WorkerCalls<Request, unknown> {
  started = 0;
  calls = new WorkerCalls(() => {
    started++;
    return new Worker(code, { eval: true });
  });
  return calls;
}

afterEach(() => calls.close());

test('each call gets its own result, and one thread answers them all', async () => {
  const thread = open();
  const results = await Promise.all([
    thread.call({ add: [1, 2] }),
    thread.call({ bytes: new Uint8Array([7]) }),
    thread.call({ add: [3, 4] }),
  ]);
  expect(results).toEqual([3, new Uint8Array([8]), 7]);
  expect(started).toBe(1);
  expect(thread.waiting).toBe(0);
});

test('an error keeps its code, its sentence and what to do, and spoils no other call', async () => {
  const thread = open();
  const failed = thread.call({ fail: 'the disk is full' });
  const other = thread.call({ add: [1, 1] });
  await expect(failed).rejects.toMatchObject({
    code: 'disk-full',
    message: 'the disk is full',
    hint: 'Make room.',
  });
  expect(await other).toBe(2);
});

test('a thread that dies fails all that wait for it, and the next call has a new one', async () => {
  const thread = open();
  const died = Promise.allSettled([thread.call({ die: true }), thread.call({ add: [1, 1] })]);
  expect(await died).toMatchObject([
    { status: 'rejected', reason: { code: 'io-error' } },
    { status: 'rejected', reason: { code: 'io-error' } },
  ]);
  expect(await thread.call({ add: [2, 2] })).toBe(4);
  expect(started).toBe(2);
});

test('a call that waits when the thread is closed fails, and the program goes on', async () => {
  const thread = open();
  const waiting = thread.call({ add: [1, 1] });
  const settled = expect(waiting).rejects.toMatchObject({ code: 'io-error' });
  await thread.close();
  await settled;
});
