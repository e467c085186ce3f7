import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { type AvmaErrorCode, CODES } from '../errors/codes.ts';
import { errnoOf } from '../system/errno.ts';
import { orAborted } from '../system/or-aborted.ts';
import { AnswerReader } from './answer-reader.ts';
import type { PipeAddress } from './environment.ts';
import type { ExchangeOptions, Pipe } from './pipe.ts';
import { hostSilent, refuseIfAborted, uriInvalid } from './pipe-errors.ts';

/** A module's default export: called once, it makes the pipe. */
export type PipeModule = (uri: string) => Pipe | Promise<Pipe>;

/** The methods that the module's pipe must have. */
type UserPipe = Pick<Pipe, 'exchange' | 'close'>;

/**
 * `module:./my-pipe.mjs`, a user's own transport. Its `exchange` may resolve with all bytes that came back: the
 * answering line is looked for among them. If it throws an error whose `code` is one of avma's (`host-absent`), the
 * code is kept.
 */
export async function openModulePipe({ uri, rest, environment }: PipeAddress): Promise<Pipe> {
  if (!/^\.{0,2}[\\/]|^[A-Za-z]:[\\/]/.test(rest)) {
    throw uriInvalid(uri, 'it does not name a file', 'Write module:./my-pipe.mjs, or the whole path.');
  }
  const file = path.resolve(rest);
  const load = environment.importModule ?? ((url: string) => import(url));
  let made: unknown;
  try {
    const { default: make } = (await load(pathToFileURL(file).href)) as { default?: unknown };
    if (typeof make !== 'function') throw uriInvalid(uri, 'its default export is not a function');
    made = await (make as PipeModule)(uri);
  } catch (thrown) {
    if (thrown instanceof AvmaError) throw thrown;
    if (errnoOf(thrown) === 'ERR_MODULE_NOT_FOUND') {
      throw new AvmaError('file-not-found', `${uri}: ${(thrown as Error).message}`, { cause: thrown });
    }
    throw new AvmaError('pipe-uri-invalid', `${uri} does not load: ${thrown}`, {
      cause: thrown,
      hint: 'Run node on the module to see what is wrong with it.',
    });
  }
  if (!isUserPipe(made)) {
    throw uriInvalid(
      uri,
      'its default export returns an object without exchange() and close()',
      'Return { exchange(frame, { signal }), close() } from the default export.',
    );
  }
  return new ModulePipe(uri, made);
}

class ModulePipe implements Pipe {
  readonly uri: string;
  readonly #pipe: UserPipe;

  constructor(uri: string, pipe: UserPipe) {
    this.uri = uri;
    this.#pipe = pipe;
  }

  async exchange(frame: Uint8Array, { signal }: ExchangeOptions): Promise<Uint8Array> {
    refuseIfAborted(this.uri, signal);
    const reader = new AnswerReader(frame);
    const silent = () => hostSilent(this.uri, signal, 'the module did not return an answer');
    let bytes: unknown;
    try {
      bytes = await orAborted(this.#pipe.exchange(frame, { signal }), signal, silent);
    } catch (thrown) {
      if (signal.aborted) throw silent();
      throw this.#named(thrown);
    }
    const answer =
      bytes instanceof Uint8Array ? reader.push(Buffer.concat([bytes, Buffer.from('\n')])) : null;
    if (answer !== null) return answer;
    throw new AvmaError('response-malformed', `${this.uri} returned bytes without an answer`);
  }

  async close(): Promise<void> {
    await this.#pipe.close();
  }

  #named(thrown: unknown): AvmaError {
    const code = errnoOf(thrown);
    if (code !== undefined && Object.hasOwn(CODES, code)) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      return new AvmaError(code as AvmaErrorCode, `${this.uri}: ${message}`, { cause: thrown });
    }
    return toAvmaError(thrown, this.uri);
  }
}

function isUserPipe(made: unknown): made is UserPipe {
  const pipe = made as Partial<UserPipe> | null | undefined;
  return typeof pipe?.exchange === 'function' && typeof pipe.close === 'function';
}
