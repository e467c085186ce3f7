import net from 'node:net';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { parseJson } from '../../protocol/envelope.ts';
import { errnoOf } from '../../system/errno.ts';
import type { AttestationRequest } from '../attestation.ts';
import { AgentAnswer, failureError, MAX_ANSWER_BYTES } from './agent-messages.ts';

/**
 * Asks the agent for an attestation, as any program may.
 *
 * @param socketFile - As `agentSocketIn` names it.
 * @param timeout - Milliseconds for all of it.
 * @returns The evidence as it came: not checked at all.
 * @throws {AvmaError} `agent-unavailable` where no agent answers, `access-denied`, and what the agent says.
 */
export async function askAgent(
  socketFile: string,
  attest: AttestationRequest,
  timeout: number,
): Promise<unknown> {
  const line = await exchangeLines(socketFile, `${JSON.stringify({ attest })}\n`, timeout);
  const answer = AgentAnswer.safeParse(parseJson(line));
  if (!answer.success)
    throw unavailable(socketFile, 'what answers there is no agent of this version of avma');
  if ('error' in answer.data) throw failureError(answer.data.error);
  return answer.data.evidence;
}

/** The line that comes back, without its end. */
function exchangeLines(file: string, line: string, timeout: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path: file });
    const pieces: Buffer[] = [];
    let length = 0;
    const end = (error: AvmaError) => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(
      () => end(unavailable(file, `the agent has not answered within ${timeout / 1000} seconds`)),
      timeout,
    );
    socket.on('error', (thrown) => end(connectionError(file, thrown)));
    socket.on('close', () => end(unavailable(file, 'the agent closed the connection without an answer')));
    socket.once('connect', () => socket.write(line));
    socket.on('data', (chunk) => {
      pieces.push(chunk);
      length += chunk.length;
      if (length > MAX_ANSWER_BYTES) return end(unavailable(file, 'the answer is too long'));
      if (!chunk.includes('\n')) return;
      clearTimeout(timer);
      socket.destroy();
      const all = Buffer.concat(pieces);
      resolve(all.subarray(0, all.indexOf('\n')));
    });
  });
}

function connectionError(file: string, thrown: Error): AvmaError {
  switch (errnoOf(thrown)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new AvmaError('agent-unavailable', `no agent runs on this machine: there is no ${file}`);
    case 'ECONNREFUSED':
      return new AvmaError('agent-unavailable', `no agent listens on ${file}: the one that did is gone`);
    case 'EACCES':
    case 'EPERM':
      return new AvmaError('access-denied', `this user may not connect to ${file}`, {
        cause: thrown,
        hint: 'The agent lets every user connect: look at the mode of that socket and its folders (ls -ld), or start the agent anew.',
      });
    case 'EPIPE':
    case 'ECONNRESET':
      return unavailable(file, 'the agent closed the connection without an answer');
    default:
      return toAvmaError(thrown, `cannot ask the agent on ${file}`);
  }
}

function unavailable(file: string, what: string): AvmaError {
  return new AvmaError('agent-unavailable', `cannot ask the agent on ${file}: ${what}`);
}
