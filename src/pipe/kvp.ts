import { accessSync, existsSync } from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { exchangeOfKey, gatherLines, isPartKey, splitLine } from '../kvp/message.ts';
import type { PoolRecord } from '../kvp/pool.ts';
import { changePool, GUEST_TO_HOST, HOST_TO_GUEST, readSettledPool } from '../kvp/pool-file.ts';
import { KVP_FOLDER } from '../protocol/defaults.ts';
import { backoff } from '../system/backoff.ts';
import { debug } from '../system/debug.ts';
import { errnoOf } from '../system/errno.ts';
import { pause } from '../system/pause.ts';
import { AnswerReader } from './answer-reader.ts';
import type { PipeAddress } from './environment.ts';
import type { ExchangeOptions, Pipe } from './pipe.ts';
import { hostAbsent, hostGone, hostSilent, refuseIfAborted, uriInvalid } from './pipe-errors.ts';

const ENABLE =
  'Enable the Data Exchange integration service of the VM, and start hv_kvp_daemon (package hyperv-daemons).';

/** Between two reads of the host's pool: doubles from the least to the most. */
const MIN_PAUSE_MS = 20;
const MAX_PAUSE_MS = 500;

/** How long removing the request may take after the deadline has passed. */
const CLEANUP_TIMEOUT_MS = 250;

/** `kvp:`, Hyper-V's Data Exchange; `kvp:/FOLDER` for pools that lie elsewhere. */
export function openKvpPipe({ uri, rest, environment }: PipeAddress): Pipe {
  if (rest !== '' && !path.isAbsolute(rest)) {
    throw uriInvalid(uri, 'it does not name a folder by its whole path', 'Write kvp: alone, or kvp:/FOLDER.');
  }
  return new KvpPipe(uri, rest === '' ? path.join(environment.root, KVP_FOLDER) : rest);
}

/** Exchanges through two pools: the request as records of one, the answer as records of the other. */
class KvpPipe implements Pipe {
  readonly uri: string;
  readonly #folder: string;
  readonly #closing = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(uri: string, folder: string) {
    this.uri = uri;
    this.#folder = folder;
  }

  exchange(frame: Uint8Array, { signal }: ExchangeOptions): Promise<Uint8Array> {
    const answer = this.#exchange(frame, signal);
    this.#running = answer.catch(() => {});
    return answer;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #exchange(frame: Uint8Array, deadline: AbortSignal): Promise<Uint8Array> {
    refuseIfAborted(this.uri, deadline);
    const reader = new AnswerReader(frame);
    const request = splitLine(reader.exchangeId, Buffer.from(frame).toString('latin1').trim());
    this.#refuseIfMissing();
    const signal = AbortSignal.any([deadline, this.#closing.signal]);
    try {
      // Remove other exchanges' records too: their process was killed, or writes them again when it reads next.
      const asked = { remove: isPartKey, append: request };
      if (!(await changePool(this.#pool(GUEST_TO_HOST), asked, signal))) {
        throw this.#late(deadline, 'another program holds the lock on the pool');
      }
      const delays = backoff(MIN_PAUSE_MS, MAX_PAUSE_MS);
      for (;;) {
        const records = await readSettledPool(this.#pool(HOST_TO_GUEST), signal);
        const line = gatherLines(records ?? []).get(reader.exchangeId);
        if (line !== undefined) return this.#answer(reader, line);
        if (signal.aborted) {
          throw this.#late(
            deadline,
            'the request lies in the pool, and Data Exchange does not show whether the host reads it',
          );
        }
        await this.#keepAsking(reader.exchangeId, request, signal);
        await pause(delays.next().value, signal);
      }
    } catch (thrown) {
      throw this.#explain(thrown);
    } finally {
      await this.#tidyUp(reader.exchangeId);
    }
  }

  #pool(name: string): string {
    return path.join(this.#folder, name);
  }

  #refuseIfMissing(): void {
    if (!existsSync(this.#folder)) {
      throw hostAbsent(this.uri, `${this.#folder} does not exist`, { hint: ENABLE });
    }
    for (const name of [GUEST_TO_HOST, HOST_TO_GUEST]) {
      try {
        accessSync(this.#pool(name));
      } catch (thrown) {
        if (errnoOf(thrown) !== 'ENOENT') throw this.#explain(thrown);
        // The daemon makes all pools when it starts.
        throw hostAbsent(this.uri, `${this.#folder} has no ${name}`, { cause: thrown, hint: ENABLE });
      }
    }
  }

  // cloud-init empties the pool at each boot, and other programs may write back what they read before the request.
  async #keepAsking(exchangeId: string, request: readonly PoolRecord[], signal: AbortSignal): Promise<void> {
    const records = await readSettledPool(this.#pool(GUEST_TO_HOST), signal);
    if (records === null || gatherLines(records).has(exchangeId)) return;
    const remove = (key: string) => exchangeOfKey(key) === exchangeId;
    await changePool(this.#pool(GUEST_TO_HOST), { remove, append: request }, signal);
  }

  #answer(reader: AnswerReader, line: string): Uint8Array {
    const answer = reader.push(Buffer.from(`${line}\n`));
    if (answer !== null) return answer;
    throw new AvmaError(
      'response-malformed',
      `${this.uri}: the host's records are not an answer to the request`,
    );
  }

  #late(deadline: AbortSignal, seen: string): AvmaError {
    if (!deadline.aborted) return hostGone(this.uri, 'the pipe was closed on this side');
    return hostSilent(this.uri, deadline, seen, { hint: ENABLE });
  }

  async #tidyUp(exchangeId: string): Promise<void> {
    const remove = (key: string) => exchangeOfKey(key) === exchangeId;
    const enough = new AbortController();
    const timer = setTimeout(() => enough.abort(), CLEANUP_TIMEOUT_MS);
    try {
      await changePool(this.#pool(GUEST_TO_HOST), { remove, append: [] }, enough.signal);
    } catch (thrown) {
      // The exchange's own result matters more, and the next exchange removes these records.
      const error = toAvmaError(thrown, this.uri);
      if (error.code === 'internal') throw error;
      debug('kvp', () => `the request stays in the pool: ${error.message}`);
    } finally {
      clearTimeout(timer);
    }
  }

  #explain(thrown: unknown): AvmaError {
    const error = toAvmaError(thrown, this.uri);
    switch (error.code) {
      case 'file-not-found':
        return hostGone(this.uri, 'the file of its pool was removed', { cause: thrown, hint: ENABLE });
      case 'access-denied':
        return new AvmaError('access-denied', `this user may not write ${this.#pool(GUEST_TO_HOST)}`, {
          cause: thrown,
        });
      default:
        return error;
    }
  }
}
