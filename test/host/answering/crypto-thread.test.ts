import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { CryptoThread } from '../../../src/host/answering/crypto-thread.ts';
import type { HostCrypto } from '../../../src/host/answering/host-crypto.ts';
import { type OpenJob, openBox } from '../../../src/host/answering/host-crypto.ts';
import { type CryptoHelper, Turns } from '../../../src/host/answering/turns.ts';
import { failureOf } from '../../support/failures.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { createTestHost, type TestHost } from '../../support/test-host.ts';

let code = '';

beforeAll(async () => {
  const entry = path.resolve(import.meta.dirname, '../../../src/host/answering/crypto-worker.ts');
  const options = { bundle: true, platform: 'node', format: 'cjs', write: false } as const;
  code = (await build({ entryPoints: [entry], ...options })).outputFiles[0]?.text ?? '';
});

function openThread(): { thread: CryptoThread; workers: Worker[] } {
  const workers: Worker[] = [];
  const thread = new CryptoThread(() => {
    const worker = new Worker(code, { eval: true });
    workers.push(worker);
    return worker;
  });
  onTestFinished(() => thread.close());
  return { thread, workers };
}

/** What a guest has sealed to the host. */
function sealedTo(host: TestHost): OpenJob {
  return { packet: new Uint8Array(rawRequest(host).frame.body), boxes: [host.identity.box] };
}

test('the thread opens what this one would, and nothing else', async () => {
  const host = createTestHost();
  const crypto = openThread().thread.together();
  const jobs = [sealedTo(host), sealedTo(host)];
  const foreign = sealedTo(createTestHost());
  const [first, second, none] = await Promise.all([
    ...jobs.map((job) => crypto.open(job)),
    crypto.open({ ...foreign, boxes: [host.identity.box] }),
  ]);
  const [own, other] = jobs.map((job) => openBox(job));
  expect(Buffer.from(first?.plaintext ?? [])).toEqual(Buffer.from(own?.plaintext ?? []));
  expect(Buffer.from(second?.plaintext ?? [])).toEqual(Buffer.from(other?.plaintext ?? []));
  expect(none).toBeNull();
});

test('of many guests at once the thread answers some, and all of them verify', async () => {
  const { thread } = openThread();
  let shared = 0;
  const counting: CryptoHelper = {
    get idle() {
      return thread.idle;
    },
    together(): HostCrypto {
      const { open, seal } = thread.together();
      return {
        open,
        seal(job) {
          shared++;
          return seal(job);
        },
      };
    },
  };
  const host = createTestHost({ turns: new Turns(counting) });
  const requests = Array.from({ length: 60 }, () => rawRequest(host));
  const answers = await Promise.all(requests.map(({ frame }) => host.ask(frame)));
  for (const [index, request] of requests.entries()) {
    expect(request.answerIn(answers[index] ?? null).decision).toBe('approved');
  }
  expect(shared).toBeGreaterThan(0);
  expect(shared).toBeLessThan(requests.length);
});

test('a thread that dies fails what it had, and the next one is given the keys again', async () => {
  const host = createTestHost();
  const { thread, workers } = openThread();
  expect(await thread.together().open(sealedTo(host))).not.toBeNull();
  const lost = failureOf(async () => thread.together().open(sealedTo(host)));
  await workers[0]?.terminate();
  expect((await lost).code).toBe('io-error');
  expect(await thread.together().open(sealedTo(host))).not.toBeNull();
  expect(workers).toHaveLength(2);
});
