import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { foreignFolder } from '../../storage/vouched-file.ts';
import { debug } from '../../system/debug.ts';
import { KeptSocket } from '../../system/kept-socket.ts';
import type { SocketClient } from '../../system/socket-client.ts';
import type { AttestationRequest } from '../attestation.ts';
import { agentSocketIn, failureLine, MAX_QUESTION_BYTES, questionIn } from './agent-messages.ts';
import { type AttestationBudget, fullBudget, takeAttestation } from './attestation-limit.ts';

/** What the agent's socket is made from. */
export interface AgentSocketOptions {
  /** Where the socket is made: it belongs to root, or to the user whose agent this is. */
  readonly runFolder: string;
  /** How long an exchange may take, in milliseconds: a question that has waited for as long is not begun. */
  readonly deadline: number;
  /** How long a client may take to ask, and to read its answer, in milliseconds. */
  readonly patience: number;
  /** Milliseconds of a clock that nobody can set. */
  elapsed(): number;
  /**
   * Fresh evidence. One call at a time.
   *
   * @throws {AvmaError} where there is none.
   */
  attest(request: AttestationRequest): Promise<object>;
  log(sentence: string): void;
  /** Takes a mistake of avma's own. */
  fault(thrown: unknown): void;
}

/**
 * The socket of the agent, through which every program of the machine may ask for an attestation
 * (`RUN_FOLDER/agent.sock`, mode 0666). Nothing else can be asked, and nothing that is asked changes anything: the
 * clients are not trusted. A client that is slow, silent or talks rubbish is answered so and dropped.
 */
export class AgentSocket {
  readonly #options: AgentSocketOptions;
  readonly #socket: KeptSocket;
  #budget: AttestationBudget;
  /** Ends when all questions before have been answered: the pipe to the host takes one exchange at a time. */
  #turn: Promise<void> = Promise.resolve();
  #said: string | undefined;

  constructor(options: AgentSocketOptions) {
    this.#options = options;
    this.#budget = fullBudget(options.elapsed());
    const { runFolder, patience } = options;
    const file = agentSocketIn(runFolder);
    this.#socket = new KeptSocket({
      file,
      mode: 0o666,
      prepare: () => {
        makeRunFolder(runFolder);
        requireOwnFolder(runFolder);
      },
      terms: { patience, maxQuestionBytes: MAX_QUESTION_BYTES, topic: 'agent' },
      asked: (client, line) => void this.#take(client, line),
      busy: failureLine(new AvmaError('throttled', 'too many programs ask at once', BUSY), 1),
      looked: (problem) => this.#say(problem, file),
    });
  }

  /**
   * Listens, and listens again where the socket was deleted. Whoever serves calls it now and then. A socket that cannot
   * be made is said once: the agent keeps the machine licensed without it. Never rejects.
   */
  follow(): Promise<void> {
    return this.#socket.look();
  }

  /** Drops all clients, and removes the socket. */
  close(): Promise<void> {
    return this.#socket.close('the agent stops');
  }

  #say(problem: unknown, file: string): void {
    if (problem === null) {
      this.#said = undefined;
      return;
    }
    const { message, hint } = toAvmaError(problem, `cannot listen on ${file}`);
    const sentence = `Programs cannot ask for an attestation: ${message}. ${hint}`;
    if (this.#said !== sentence) this.#options.log(sentence);
    this.#said = sentence;
  }

  async #take(client: SocketClient, line: Buffer | null): Promise<void> {
    let request: AttestationRequest;
    try {
      request = questionIn(line);
    } catch (thrown) {
      client.end(failureLine(toAvmaError(thrown, 'the question cannot be read'), null));
      return;
    }
    await this.#answer(client, request);
  }

  async #answer(client: SocketClient, request: AttestationRequest): Promise<void> {
    const { deadline, elapsed } = this.#options;
    const { budget, wait } = takeAttestation(this.#budget, elapsed());
    this.#budget = budget;
    if (wait > 0) {
      const seconds = Math.ceil(wait / 1000);
      const message = `this machine may ask for its next attestation in ${seconds} second${seconds === 1 ? '' : 's'}`;
      client.end(failureLine(new AvmaError('throttled', message, LIMITED), seconds));
      return;
    }
    const asked = elapsed();
    this.#turn = this.#turn.then(async () => {
      if (client.gone.aborted) return;
      if (elapsed() - asked > deadline) {
        client.end(failureLine(new AvmaError('pipe-busy', 'other questions have kept the pipe', BUSY), 1));
      } else client.end(await this.#attest(request));
    });
    await this.#turn;
  }

  /** The line that answers a question. */
  async #attest(request: AttestationRequest): Promise<string> {
    try {
      const evidence = await this.#options.attest(request);
      return `${JSON.stringify({ evidence })}\n`;
    } catch (thrown) {
      const error = toAvmaError(thrown, 'cannot attest');
      debug('agent', () => `no attestation: ${error.message} [${error.code}]`);
      if (error.code !== 'internal') return failureLine(error, null);
      this.#options.fault(error);
      return failureLine(new AvmaError('internal', 'a fault in the agent; its log has more'), null);
    }
  }
}

const BUSY = { hint: 'Ask again in a few seconds.' };

const LIMITED = {
  hint:
    'Ask for an attestation at the start of a program or once a day, and otherwise verify the evidence in ' +
    '/run/avma/license.json, which costs nothing.',
};

/** Makes the folder where it is missing, as for license.json: every user may enter it. */
function makeRunFolder(folder: string): void {
  try {
    if (fs.mkdirSync(folder, { recursive: true, mode: 0o755 }) !== undefined) fs.chmodSync(folder, 0o755);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot make the folder ${path.resolve(folder)}`);
  }
}

/** @throws {AvmaError} `file-invalid` for a folder in which others could put a socket of theirs. */
function requireOwnFolder(folder: string): void {
  const what = foreignFolder(folder);
  if (what === undefined) return;
  throw new AvmaError('file-invalid', `${folder} ${what}`, {
    hint: `Remove ${folder}; the agent makes it anew when it is started again.`,
  });
}
