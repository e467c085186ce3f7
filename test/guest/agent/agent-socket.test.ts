/** The agent's socket: what programs ask over it, and what they cannot do to it. */
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { AvmaError } from '../../../src/errors/avma-error.ts';
import { agentSocketIn, MAX_ANSWER_BYTES } from '../../../src/guest/agent/agent-messages.ts';
import { AgentSocket, type AgentSocketOptions } from '../../../src/guest/agent/agent-socket.ts';
import { askAgent } from '../../../src/guest/agent/ask-agent.ts';
import { deferred } from '../../support/deferred.ts';
import { failureOf } from '../../support/failures.ts';
import { HANG_MS } from '../../support/hang.ts';
import { asUnprivilegedUser } from '../../support/restrictions.ts';
import { connectClient } from '../../support/socket-client.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';

const NONCE = 'ab'.repeat(16);
const QUESTION = { product: 'acme-gateway', nonce: NONCE };

interface Served {
  readonly file: string;
  readonly socket: AgentSocket;
  readonly log: string[];
  readonly faults: unknown[];
  /** Moves the clock of the limit. */
  pass(milliseconds: number): void;
}

/** A socket whose agent attests as told, by default at once. Its clock stands still. */
async function serve(options: Partial<AgentSocketOptions> = {}): Promise<Served> {
  const runFolder = options.runFolder ?? path.join(tempFolder(), 'run');
  const log: string[] = [];
  const faults: unknown[] = [];
  let now = 0;
  const socket = new AgentSocket({
    runFolder,
    deadline: 10_000,
    patience: HANG_MS,
    elapsed: () => now,
    attest: async ({ product, nonce }) => ({ for: product, nonce }),
    log: (sentence) => log.push(sentence),
    fault: (thrown) => faults.push(thrown),
    ...options,
  });
  await socket.follow();
  onTestFinished(() => socket.close());
  const pass = (by: number) => {
    now += by;
  };
  return { file: agentSocketIn(runFolder), socket, log, faults, pass };
}

/** What comes back for bytes that are sent. The program keeps its own direction open. */
async function sent(file: string, bytes: string | Buffer): Promise<string> {
  const client = net.connect({ path: file, allowHalfOpen: true });
  onTestFinished(() => void client.destroy());
  const pieces: Buffer[] = [];
  client.on('data', (piece) => pieces.push(piece));
  client.on('error', () => {});
  client.write(bytes);
  await new Promise((resolve) => client.once('end', resolve).once('close', resolve));
  return Buffer.concat(pieces).toString();
}

const ask = (file: string, question = QUESTION) => askAgent(file, question, HANG_MS);

describe('a program', () => {
  test('gets the evidence, of any user', async () => {
    const { file } = await serve();
    fs.chmodSync(path.dirname(path.dirname(file)), 0o755);
    expect(fs.statSync(file).mode & 0o777).toBe(0o666);
    expect(await asUnprivilegedUser(() => ask(file))).toEqual({ for: 'acme-gateway', nonce: NONCE });
    expect(await ask(file, { ...QUESTION, product: null as never })).toMatchObject({ for: null });
  });

  test('may end its own direction after the question, and send it in pieces', async () => {
    const { file } = await serve();
    const { socket, ended } = await connectClient(file);
    let answer = '';
    socket.on('data', (piece) => {
      answer += piece;
    });
    for (const byte of JSON.stringify({ attest: QUESTION })) socket.write(byte);
    socket.end('\n');
    await ended;
    expect(JSON.parse(answer)).toEqual({ evidence: { for: 'acme-gateway', nonce: NONCE } });
  });

  test('is told why there is none, with code and hint', async () => {
    const { file } = await serve({
      attest: async () => {
        throw new AvmaError('host-silent', 'timed out after 10 s', { hint: 'Look at the host.' });
      },
    });
    expect(await failureOf(ask(file))).toMatchObject({
      code: 'host-silent',
      message: 'timed out after 10 s',
      hint: 'Look at the host.',
    });
  });

  test('is told of a fault in the agent no more than that there is one; the agent hears of it', async () => {
    const { file, faults } = await serve({
      attest: async () => {
        throw new TypeError('a secret');
      },
    });
    const error = await failureOf(ask(file));
    expect(error.code).toBe('internal');
    expect(JSON.stringify(error)).not.toContain('secret');
    expect(faults).toHaveLength(1);
  });
});

describe('rubbish is answered by an error line', () => {
  test.each([
    ['an empty line', '\n'],
    ['text', 'hello\n'],
    ['another question', '{"check":{}}\n'],
    ['a member too many', `{"attest":${JSON.stringify({ ...QUESTION, key: 1 })}}\n`],
    ['no product', `{"attest":{"nonce":"${NONCE}"}}\n`],
    ['a product that breaks the line', `{"attest":{"product":"a\\nb","nonce":"${NONCE}"}}\n`],
    ['a short nonce', '{"attest":{"product":null,"nonce":"abcd"}}\n'],
    ['a long nonce', `{"attest":{"product":null,"nonce":"${'ab'.repeat(33)}"}}\n`],
    ['a nonce in upper case', `{"attest":{"product":null,"nonce":"${'AB'.repeat(16)}"}}\n`],
    ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 0x0a])],
    ['a line without an end', 'x'.repeat(4096)],
    ['a long line', `${JSON.stringify({ attest: QUESTION })}${' '.repeat(2000)}\n`],
  ])('%s', async (_what, bytes) => {
    const { file } = await serve();
    const answer = await sent(file, bytes);
    expect(answer).toMatch(/^\{"error":.*\}\n$/);
    expect(JSON.parse(answer).error).toMatchObject({ code: 'argument-invalid', retryAfter: null });
    // It cost nobody anything.
    for (let asked = 0; asked < 6; asked += 1) expect(await ask(file)).toBeDefined();
  });
});

describe('a client that keeps the agent waiting', () => {
  test('is dropped when it does not ask', async () => {
    const { file } = await serve({ patience: 20 });
    expect(await sent(file, '{"attest":')).toBe('');
  });

  test('is dropped when it does not read its answer', async () => {
    const { file } = await serve({
      patience: 20,
      attest: async () => ({ padding: 'x'.repeat(MAX_ANSWER_BYTES) }),
    });
    const client = net.connect({ path: file });
    onTestFinished(() => void client.destroy());
    client.pause();
    client.on('error', () => {});
    client.write(`${JSON.stringify({ attest: QUESTION })}\n`);
    const clients = () => fs.readFileSync('/proc/self/net/unix', 'latin1').split(file).length;
    await until('its connection is there', () => clients() > 2);
    await until('its connection is cut', () => clients() <= 2);
  });

  test('and a hundred others that say nothing keep no program from asking', async () => {
    const { file } = await serve();
    for (let count = 0; count < 100; count += 1) await connectClient(file);
    expect(await ask(file)).toBeDefined();
  });

  test('and has gone before its answer comes keeps the next one from nothing', async () => {
    const first = deferred();
    const attested: (string | null)[] = [];
    const { file } = await serve({
      attest: async ({ product }) => {
        attested.push(product);
        await first.promise;
        return {};
      },
    });
    const gone = await connectClient(file);
    await gone.send(Buffer.from(`${JSON.stringify({ attest: { ...QUESTION, product: 'one' } })}\n`));
    await until('it is asked for', () => attested.length === 1);
    const next = ask(file, { ...QUESTION, product: 'two' });
    gone.socket.destroy();
    first.resolve();
    expect(await next).toEqual({});
    expect(attested).toEqual(['one', 'two']);
  });
});

describe('many clients at once', () => {
  test('are answered one after another, six of them; the others are told how long to wait', async () => {
    let running = 0;
    let most = 0;
    const { file, pass } = await serve({
      attest: async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        return {};
      },
    });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => ask(file)));
    const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as AvmaError] : []));
    expect(outcomes.length - refused.length).toBe(6);
    expect(most).toBe(1);
    for (const error of refused) {
      expect(error).toMatchObject({ code: 'throttled', message: expect.stringMatching(/in 10 seconds$/) });
    }
    pass(9_000);
    expect((await failureOf(ask(file))).message).toMatch(/in 1 second$/);
    pass(1_000);
    expect(await ask(file)).toBeDefined();
    expect((await failureOf(ask(file))).code).toBe('throttled');
  });

  test('wait for one that takes long no longer than an exchange may take', async () => {
    const first = deferred();
    const { file, pass } = await serve({
      attest: async () => {
        await first.promise;
        return {};
      },
    });
    const one = ask(file);
    // Its token is taken first.
    const two = failureOf(ask(file));
    const client = await connectClient(file);
    await client.send(Buffer.from('rubbish\n'));
    await client.ended;
    pass(10_001);
    first.resolve();
    await one;
    expect((await two).code).toBe('pipe-busy');
  });
});

describe('the socket', () => {
  test('that a killed agent has left is replaced', async () => {
    const runFolder = path.join(tempFolder(), 'run');
    fs.mkdirSync(runFolder, { mode: 0o755 });
    const file = agentSocketIn(runFolder);
    const left = net.createServer();
    await new Promise<void>((resolve) => left.listen(file, resolve));
    fs.linkSync(file, `${file}.kept`);
    await new Promise((resolve) => left.close(resolve));
    fs.renameSync(`${file}.kept`, file);
    expect((await failureOf(ask(file))).code).toBe('agent-unavailable');
    const { log } = await serve({ runFolder });
    expect(log).toEqual([]);
    expect(await ask(file)).toBeDefined();
  });

  test('is made again when somebody deletes it, and removed with the agent', async () => {
    const { file, socket } = await serve();
    fs.rmSync(file);
    expect(await failureOf(ask(file))).toMatchObject({
      code: 'agent-unavailable',
      message: expect.stringContaining('no agent runs'),
    });
    await socket.follow();
    expect(await ask(file)).toBeDefined();
    await socket.close();
    expect(fs.existsSync(file)).toBe(false);
    await socket.follow();
    expect(fs.existsSync(file)).toBe(false);
  });

  test.each<[string, (folder: string) => void, RegExp]>([
    [
      'whose folder others may write',
      (folder) => fs.chmodSync(folder, 0o777),
      /may be written by every user/,
    ],
    [
      'whose folder is a link',
      (folder) => {
        fs.renameSync(folder, `${folder}-real`);
        fs.symlinkSync(`${folder}-real`, folder);
      },
      /a link/,
    ],
    [
      'in whose place another file lies, which stays',
      (folder) => fs.writeFileSync(agentSocketIn(folder), 'mine'),
      /not a socket/,
    ],
  ])('%s is not made, which is said once', async (_what, spoil, says) => {
    const runFolder = path.join(tempFolder(), 'run');
    fs.mkdirSync(runFolder, { mode: 0o755 });
    spoil(runFolder);
    const { log, socket } = await serve({ runFolder });
    await socket.follow();
    expect(log).toEqual([expect.stringMatching(says)]);
    const left = fs.lstatSync(agentSocketIn(runFolder), { throwIfNoEntry: false });
    expect(left?.isSocket() ?? false).toBe(false);
  });

  test('that is served by another process is left alone', async () => {
    const { file } = await serve();
    const { log } = await serve({ runFolder: path.dirname(file) });
    expect(log).toEqual([expect.stringMatching(/another process is serving/)]);
    expect(await ask(file)).toBeDefined();
  });
});

describe('a program that meets something else on the socket', () => {
  async function listening(answer: (socket: net.Socket) => void): Promise<string> {
    const file = path.join(tempFolder(), 'agent.sock');
    const server = net.createServer(answer);
    await new Promise<void>((resolve) => server.listen(file, resolve));
    onTestFinished(() => void server.close());
    return file;
  }

  test.each<[string, (socket: net.Socket) => void, RegExp]>([
    ['ends the connection', (socket) => socket.end(), /without an answer/],
    ['talks otherwise', (socket) => void socket.end('220 ready\n'), /no agent of this version/],
    ['talks without end', (socket) => void socket.write('x'.repeat(2 * MAX_ANSWER_BYTES)), /too long/],
  ])('which %s', async (_what, answer, says) => {
    const file = await listening((socket) => {
      socket.on('error', () => {});
      answer(socket);
    });
    expect(await failureOf(ask(file))).toMatchObject({
      code: 'agent-unavailable',
      message: expect.stringMatching(says),
    });
  });

  test('which says nothing', async () => {
    const file = await listening(() => {});
    const error = await failureOf(askAgent(file, QUESTION, 20));
    expect(error).toMatchObject({
      code: 'agent-unavailable',
      message: expect.stringMatching(/0\.02 seconds/),
    });
  });

  test('which it may not connect to', async () => {
    const { file } = await serve();
    fs.chmodSync(path.dirname(path.dirname(file)), 0o755);
    fs.chmodSync(file, 0o600);
    if (process.geteuid?.() !== 0) return;
    expect((await asUnprivilegedUser(() => failureOf(ask(file)))).code).toBe('access-denied');
  });

  test('which names a code that this version does not know', async () => {
    const error = { code: 'moon-phase', message: 'not now', hint: 'Wait.', retryAfter: null };
    const file = await listening((socket) => void socket.end(`${JSON.stringify({ error })}\n`));
    expect(await failureOf(ask(file))).toMatchObject({ code: 'refused', message: 'not now', hint: 'Wait.' });
  });
});
