import net from 'node:net';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { parseJson } from '../../protocol/envelope.ts';
import { errnoOf } from '../../system/errno.ts';
import { longestSocketPath } from '../../system/socket-path.ts';
import {
  ControlAnswer,
  controlSocketIn,
  failureError,
  type HostQuestion,
  MAX_ANSWER_BYTES,
} from './control-messages.ts';

/** How long an answer may take, in milliseconds. */
const TIMEOUT_MS = 10_000;

/**
 * Asks the host that runs from a folder for one thing.
 *
 * @returns What its handler gave, as JSON carries it: to be checked by a schema.
 * @throws {AvmaError} `host-not-running` where none runs, or where it cannot be asked; `access-denied`; `host-silent`
 *   after ten seconds; and what the host says.
 */
export async function callHost(folder: string, question: HostQuestion): Promise<unknown> {
  for await (const result of streamHost(folder, question, AbortSignal.timeout(TIMEOUT_MS))) return result;
  throw new AvmaError('host-silent', `the host has not answered within ${TIMEOUT_MS / 1000} seconds`, {
    hint: 'Look at what it does: journalctl -u avma-host, and top for its processor time.',
  });
}

/**
 * As {@link callHost}, for a stream: its items as they come, until the host ends it.
 *
 * @param signal - Ends the stream without an error.
 * @throws {AvmaError} As {@link callHost}; `host-not-running` also where the host ends in between.
 */
export async function* streamHost(
  folder: string,
  question: HostQuestion,
  signal: AbortSignal,
): AsyncGenerator<unknown> {
  if (signal.aborted) return;
  const file = controlSocketIn(folder);
  if (Buffer.byteLength(file) > longestSocketPath(process.platform)) {
    throw unreachable(`no host can be asked here: the path ${file} is too long for a socket`);
  }
  const socket = net.connect({ path: file, signal });
  try {
    socket.write(`${JSON.stringify({ schema: 'avma.control/1', ...question })}\n`);
    for await (const line of linesOf(socket)) {
      const answer = ControlAnswer.safeParse(parseJson(line)).data;
      if (answer === undefined)
        throw unreachable(`what answers on ${file} is no host of this version of avma`);
      if (!answer.ok) throw failureError(answer);
      if ('end' in answer) return;
      yield answer.result;
    }
    throw unreachable('the host ended before its answer did');
  } catch (thrown) {
    if (signal.aborted) return;
    throw connectionError(file, thrown);
  } finally {
    socket.destroy();
  }
}

/** The lines that come, without their ends. @throws {AvmaError} for one that is too long. */
async function* linesOf(socket: net.Socket): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = [];
  let length = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      yield Buffer.concat([...pieces, chunk.subarray(from, end)]);
      pieces = [];
      length = 0;
      from = end + 1;
    }
    const rest = chunk.subarray(from);
    length += rest.length;
    if (length > MAX_ANSWER_BYTES) throw unreachable('its answer is too long');
    if (rest.length > 0) pieces.push(rest);
  }
}

function unreachable(what: string): AvmaError {
  return new AvmaError('host-not-running', what);
}

function connectionError(file: string, thrown: unknown): AvmaError {
  switch (errnoOf(thrown)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return unreachable(`no host runs here: there is no ${file}`);
    case 'ECONNREFUSED':
      return unreachable(`no host runs here: the one that listened on ${file} is gone`);
    case 'EACCES':
    case 'EPERM':
      return new AvmaError('access-denied', `this user may not ask the host on ${file}`, {
        cause: thrown,
        hint: 'Run the command as root, or as the user whom the host runs as.',
      });
    case 'EPIPE':
    case 'ECONNRESET':
      return unreachable('the host ended before its answer did');
    default:
      return toAvmaError(thrown, `cannot ask the host on ${file}`);
  }
}
