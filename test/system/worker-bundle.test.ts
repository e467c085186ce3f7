import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { hasWorker, startWorker, useBundles } from '../../src/system/worker-bundle.ts';

const CODE = `
  const { parentPort, workerData, threadId } = require('node:worker_threads');
  parentPort.postMessage({ workerData, isThread: threadId !== 0 });
`;

/** Bundles as the executable has them, until the test ends. */
function bundled(): void {
  useBundles((name) => (name === 'worker-ledger.cjs' ? { code: CODE } : null));
  onTestFinished(() => useBundles(() => null));
}

async function firstMessage(): Promise<unknown> {
  const worker = startWorker('ledger', { answer: 42 });
  onTestFinished(async () => void (await worker?.terminate()));
  const [message] = worker === null ? [] : await once(worker, 'message');
  return message;
}

test('there is no thread where the program runs from its sources', () => {
  expect(hasWorker('ledger')).toBe(false);
  expect(startWorker('ledger')).toBeNull();
});

test('a bundle that is there runs as a thread, with its data; another one is not there', async () => {
  bundled();
  expect(hasWorker('crypto')).toBe(false);
  expect(await firstMessage()).toEqual({ workerData: { answer: 42 }, isThread: true });
});

test('a thread starts also where the working directory was deleted', async () => {
  bundled();
  const before = process.cwd();
  onTestFinished(() => process.chdir(before));
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-gone-'));
  process.chdir(folder);
  fs.rmdirSync(folder);
  expect(await firstMessage()).toEqual({ workerData: { answer: 42 }, isThread: true });
});
