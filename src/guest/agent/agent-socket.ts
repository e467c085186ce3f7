import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { foreignFolder } from '../../storage/vouched-file.ts';
import { debug } from '../../system/debug.ts';
import { closeServer, listenOn, removeStaleSocket } from '../../system/own-socket.ts';
import type { AttestationRequest } from '../attestation.ts';
import { AgentClient } from './agent-client.ts';
import { agentSocketIn, failureLine } from './agent-messages.ts';
import { type AttestationBudget, fullBudget, takeAttestation } from './attestation-limit.ts';

/** The most clients at once. Beyond it, one that has not asked yet makes room for a new one. */
const MAX_CLIENTS = 32;

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
  readonly #file: string;
  readonly #clients = new Set<AgentClient>();
  #server: net.Server | undefined;
  #ino: number | undefined;
  #budget: AttestationBudget;
  /** Ends when all questions before have been answered: the pipe to the host takes one exchange at a time. */
  #turn: Promise<void> = Promise.resolve();
  #said: string | undefined;
  #following: Promise<void> | undefined;
  #closed = false;

  constructor(options: AgentSocketOptions) {
    this.#options = options;
    this.#file = agentSocketIn(options.runFolder);
    this.#budget = fullBudget(options.elapsed());
  }

  /**
   * Listens, and listens again where the socket was deleted. Whoever serves calls it now and then. A socket that cannot
   * be made is said once: the agent keeps the machine licensed without it. Never throws.
   */
  follow(): Promise<void> {
    this.#following ??= this.#lookAfterSocket().finally(() => {
      this.#following = undefined;
    });
    return this.#following;
  }

  async #lookAfterSocket(): Promise<void> {
    if (this.#closed || process.platform === 'win32') return;
    try {
      if (this.#server !== undefined) {
        const found = fs.lstatSync(this.#file, { throwIfNoEntry: false });
        if (found?.ino === this.#ino) return;
        await this.#stopListening();
      }
      await this.#listen();
      this.#said = undefined;
    } catch (thrown) {
      const { message, hint } = toAvmaError(thrown, `cannot listen on ${this.#file}`);
      const sentence = `Programs cannot ask for an attestation: ${message}. ${hint}`;
      if (this.#said !== sentence) this.#options.log(sentence);
      this.#said = sentence;
    }
  }

  /** Drops all clients, and removes the socket. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const client of this.#clients) client.drop('the agent stops');
    await this.#stopListening();
  }

  async #listen(): Promise<void> {
    const { runFolder } = this.#options;
    makeRunFolder(runFolder);
    requireOwnFolder(runFolder);
    await removeStaleSocket(this.#file);
    const server = net.createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    await listenOn(server, this.#file, 0o666);
    this.#server = server;
    this.#ino = fs.statSync(this.#file).ino;
    // The agent was stopped meanwhile.
    if (this.#closed) await this.#stopListening();
  }

  async #stopListening(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) await closeServer(server, this.#file, this.#ino);
  }

  #accept(socket: net.Socket): void {
    const client = new AgentClient(socket, this.#options.patience, {
      asked: (request) => void this.#answer(client, request),
      gone: () => void this.#clients.delete(client),
    });
    this.#clients.add(client);
    if (this.#clients.size <= MAX_CLIENTS) return;
    // The oldest first: a set keeps the order in which they came.
    const leaving = [...this.#clients].find(({ isWaiting }) => !isWaiting) ?? client;
    leaving.turnAway(failureLine(new AvmaError('throttled', 'too many programs ask at once', BUSY), 1));
  }

  async #answer(client: AgentClient, request: AttestationRequest): Promise<void> {
    const { deadline, elapsed } = this.#options;
    const { budget, wait } = takeAttestation(this.#budget, elapsed());
    this.#budget = budget;
    if (wait > 0) {
      const seconds = Math.ceil(wait / 1000);
      const message = `this machine may ask for its next attestation in ${seconds} second${seconds === 1 ? '' : 's'}`;
      client.answer(failureLine(new AvmaError('throttled', message, LIMITED), seconds));
      return;
    }
    const asked = elapsed();
    this.#turn = this.#turn.then(async () => {
      if (client.isGone) return;
      if (elapsed() - asked > deadline) {
        client.answer(failureLine(new AvmaError('pipe-busy', 'other questions have kept the pipe', BUSY), 1));
      } else client.answer(await this.#attest(request));
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
