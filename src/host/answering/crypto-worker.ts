/** The main file of the thread that opens and seals (crypto-thread.ts). */
import { parentPort } from 'node:worker_threads';
import type { KeyPair } from '../../protocol/curve-keys.ts';
import { answerCalls } from '../../system/worker-calls.ts';
import type { CryptoJob, CryptoReply, CryptoRequest } from './crypto-thread.ts';
import { openBox, sealResponse } from './host-crypto.ts';

const given = new Map<number, KeyPair>();

if (parentPort !== null) answerCalls(parentPort, answerAll);

function answerAll({ keys, jobs }: CryptoRequest): CryptoReply {
  for (const [number, pair] of keys) given.set(number, pair);
  return jobs.map(answer);
}

function answer(job: CryptoJob): CryptoReply[number] {
  return job.kind === 'open'
    ? openBox({ ...job, boxes: job.boxes.map(keyOf) })
    : sealResponse({ ...job, signing: keyOf(job.signing) });
}

function keyOf(number: number): KeyPair {
  const pair = given.get(number);
  if (pair === undefined) throw new RangeError(`the thread was not given key ${number}`);
  return pair;
}
