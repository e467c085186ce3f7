/** The main file of the thread that opens and seals (crypto-thread.ts). */
import { parentPort } from 'node:worker_threads';
import type { KeyPair } from '../../protocol/curve-keys.ts';
import { answerCalls } from '../../system/worker-calls.ts';
import type { CryptoReply, CryptoRequest } from './crypto-thread.ts';
import { cryptoBy, type LocalCrypto } from './host-crypto.ts';
import { loadOperations } from './sodium-operations.ts';

const given = new Map<number, KeyPair>();
const here = loadOperations().then(cryptoBy);

if (parentPort !== null) {
  answerCalls(parentPort, async (request: CryptoRequest) => answerAll(request, await here));
}

function answerAll({ keys, jobs }: CryptoRequest, crypto: LocalCrypto): CryptoReply {
  for (const [number, pair] of keys) given.set(number, pair);
  return jobs.map((job) =>
    job.kind === 'open'
      ? crypto.open({ ...job, boxes: job.boxes.map(keyOf) })
      : crypto.seal({ ...job, signing: keyOf(job.signing) }),
  );
}

function keyOf(number: number): KeyPair {
  const pair = given.get(number);
  if (pair === undefined) throw new RangeError(`the thread was not given key ${number}`);
  return pair;
}
