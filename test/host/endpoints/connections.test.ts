import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Responder } from '../../../src/host/answering/responder.ts';
import type { ServedEndpoint } from '../../../src/host/endpoints/endpoint.ts';
import { listenUnix } from '../../../src/host/endpoints/unix-listener.ts';
import { parseJson } from '../../../src/protocol/envelope.ts';
import { encodeFrame, FRAME_TYPES, type Frame, MAX_NOISE_LENGTH } from '../../../src/protocol/frame.ts';
import { deferred } from '../../support/deferred.ts';
import { failureOf } from '../../support/failures.ts';
import { NO_DEADLINE } from '../../support/no-deadline.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { asUnprivilegedUser } from '../../support/restrictions.ts';
import { connectClient, type SocketClient } from '../../support/socket-client.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { OTHER_VM, VM } from '../../support/test-guest.ts';
import { createTestHost, type TestHost } from '../../support/test-host.ts';
import { until } from '../../support/until.ts';

const ID = '0123456789abcdef'.repeat(2);
const HELLO: Frame = { type: 'hello', exchangeId: ID, body: new Uint8Array() };

/** Answers frames, where a test wants the responder to wait, or to be quick. */
type FrameAnswer = (frame: Frame) => Promise<Frame>;

function framesOnly(answer: FrameAnswer): Responder {
  return async (line) => (line.kind === 'frame' ? answer(line.frame) : null);
}

const quiet = () => {};

interface Served {
  readonly host: TestHost;
  readonly path: string;
  readonly endpoint: ServedEndpoint;
}

async function serve(respond?: FrameAnswer, vmId: string | null = null, mode = 0o600): Promise<Served> {
  const host = createTestHost();
  const socket = path.join(tempFolder(), 's');
  const { observe } = host;
  const environment = { respond: respond === undefined ? host.respond : framesOnly(respond), observe };
  const endpoint = await listenUnix({ path: socket, vmId, mode }, environment, (line) => host.log.push(line));
  onTestFinished(() => endpoint.close(NO_DEADLINE));
  return { host, path: socket, endpoint };
}

test('a guest that floods its socket is answered late, and costs the others no turn', async () => {
  const host = createTestHost({ throttle: { burst: 10, windowMs: 60_000 } });
  const paused: number[] = [];
  const release = deferred();
  host.pauses(async (milliseconds) => {
    paused.push(milliseconds);
    await release.promise;
  });
  const [flooded, calm] = [path.join(tempFolder(), 's'), path.join(tempFolder(), 's')];
  for (const socket of [flooded, calm]) {
    const endpoint = await listenUnix({ path: socket, vmId: null, mode: 0o600 }, host, quiet);
    onTestFinished(() => endpoint.close(NO_DEADLINE));
  }
  const flood = await connectClient(flooded);
  await flood.send(Buffer.concat(Array.from({ length: 1000 }, () => encodeFrame(HELLO))));
  for (let nth = 0; nth < 10; nth++) expect((await flood.next()).type).toBe('offer');
  // The eleventh waits for its pause, and all behind it wait for the eleventh.
  const client = await connectClient(calm);
  for (let nth = 0; nth < 5; nth++) {
    const request = rawRequest(host);
    await client.send(request.bytes);
    expect(request.answerIn(await client.next()).decision).toBe('approved');
  }
  expect(paused).toEqual([100]);
  release.resolve();
  expect(await flood.next()).toMatchObject({ type: 'fault' });
});

describe('whatever the pieces, a frame gets its answer', () => {
  test('one byte at a time', async () => {
    const { host, path } = await serve();
    const client = await connectClient(path);
    const request = rawRequest(host);
    for (const byte of request.bytes) await client.send(Uint8Array.of(byte));
    const answer = await client.next();
    expect(request.answerIn(answer).decision).toBe('approved');
  });

  test('several in one write, answered in their order', async () => {
    const { host, path } = await serve();
    const client = await connectClient(path);
    const requests = [1, 2, 3, 4].map(() => rawRequest(host));
    await client.send(Buffer.concat([encodeFrame(HELLO), ...requests.map(({ bytes }) => bytes)]));
    expect((await client.next()).type).toBe('offer');
    for (const { frame } of requests) {
      expect(await client.next()).toMatchObject({ type: 'response', exchangeId: frame.exchangeId });
    }
  });

  test('behind garbage, half a line of somebody else, and a line that is too long', async () => {
    const { path } = await serve();
    const client = await connectClient(path);
    for (const garbage of ['\x00\xff\x1b[2J login: \n', 'avma/1 request 0123', `${'A'.repeat(5000)}\n`]) {
      await client.send(Buffer.from(garbage, 'latin1'));
      await client.send(encodeFrame(HELLO));
      expect(await client.next()).toMatchObject({ type: 'offer', exchangeId: ID });
    }
  });

  test('from a guest that has closed its own side already', async () => {
    const { path } = await serve();
    const client = await connectClient(path);
    client.socket.end(encodeFrame(HELLO));
    expect((await client.next()).type).toBe('offer');
    await client.ended;
  });

  test.each([
    ['version', `avma/2 request ${ID} AAAA\n`],
    ['type', `avma/1 farewell ${ID}\n`],
  ])(
    'an unknown %s gets a fault that names what is supported, and the next frame its answer',
    async (_name, line) => {
      const { path } = await serve();
      const client = await connectClient(path);
      await client.send(Buffer.from(line));
      const fault = await client.next();
      expect(fault).toMatchObject({ type: 'fault', exchangeId: ID });
      expect(parseJson(fault.body)).toEqual({
        code: 'protocol-unsupported',
        retryAfter: null,
        supported: { versions: [1], types: [...FRAME_TYPES] },
      });
      await client.send(encodeFrame(HELLO));
      expect((await client.next()).type).toBe('offer');
    },
  );
});

describe('a connection is ended', () => {
  test.each([
    ['in one line', () => Buffer.alloc(4096, 'x')],
    ['in many lines', () => Buffer.from('not a frame\n'.repeat(400))],
  ])('after more than 64 KiB of garbage %s', async (_name, piece) => {
    const { path } = await serve();
    const client = await connectClient(path);
    const noise = piece();
    for (let sent = 0; sent <= MAX_NOISE_LENGTH + noise.length; sent += noise.length)
      await client.send(noise);
    await client.ended;
  });

  test('never for garbage with frames in between', async () => {
    const { path } = await serve();
    const client = await connectClient(path);
    for (let nth = 0; nth < 40; nth++) {
      await client.send(Buffer.concat([Buffer.alloc(4000, 'x'), encodeFrame(HELLO)]));
      expect((await client.next()).type).toBe('offer');
    }
  });

  test('by a guest in the middle of its request, and the host goes on', async () => {
    const { host, path } = await serve();
    const leaving = await connectClient(path);
    await leaving.send(rawRequest(host).bytes.subarray(0, 300));
    leaving.socket.destroy();
    const client = await connectClient(path);
    await client.send(encodeFrame(HELLO));
    expect((await client.next()).type).toBe('offer');
    expect(host.events.all).toEqual([]);
  });

  test('by a guest while it is answered, and the host goes on', async () => {
    const inside = deferred();
    const released = deferred();
    const { path } = await serve(async (frame) => {
      inside.resolve();
      await released.promise;
      return { type: 'offer', exchangeId: frame.exchangeId, body: Buffer.alloc(2000) };
    });
    const leaving = await connectClient(path);
    await leaving.send(encodeFrame(HELLO));
    await inside.promise;
    leaving.socket.destroy();
    released.resolve();
    const client = await connectClient(path);
    await client.send(encodeFrame(HELLO));
    expect((await client.next()).type).toBe('offer');
  });

  test('when 128 others are open and idle, for the one that has been idle for longest', async () => {
    const { path } = await serve();
    const clients = [];
    for (let nth = 0; nth < 128; nth++) clients.push(await connectClient(path));
    const [first, second] = clients;
    // A connection is known to be served once it has had an answer.
    for (const client of [clients.at(-1), first]) {
      await client?.send(encodeFrame(HELLO));
      await client?.next();
    }
    const newcomer = await connectClient(path);
    await second?.ended;
    for (const client of [newcomer, first]) {
      await client?.send(encodeFrame(HELLO));
      expect((await client?.next())?.type).toBe('offer');
    }
  });

  test('when 128 others are open and busy, for the newcomer', async () => {
    let begun = 0;
    const busy = deferred();
    const released = deferred();
    const { path } = await serve(async (frame) => {
      if (++begun === 128) busy.resolve();
      await released.promise;
      return { type: 'offer', exchangeId: frame.exchangeId, body: new Uint8Array() };
    });
    const clients = [];
    for (let nth = 0; nth < 128; nth++) clients.push(await connectClient(path));
    for (const client of clients) await client.send(encodeFrame(HELLO));
    await busy.promise;
    const newcomer = await connectClient(path);
    await newcomer.ended;
    released.resolve();
    for (const client of clients) expect((await client.next()).type).toBe('offer');
  });
});

test('a guest that has nothing more to say still gets the answers to what it has said', async () => {
  const asked = deferred();
  const released = deferred();
  const { path } = await serve(async ({ exchangeId }) => {
    asked.resolve();
    await released.promise;
    return { type: 'offer', exchangeId, body: new Uint8Array() };
  });
  const client = await connectClient(path);
  await client.send(Buffer.concat([encodeFrame(HELLO), encodeFrame(HELLO)]));
  await asked.promise;
  client.socket.end();
  // The host has read the end when it has answered another guest that came after it.
  const other = await connectClient(path);
  const later = other.send(encodeFrame({ ...HELLO, exchangeId: 'fedcba9876543210'.repeat(2) }));
  await later;
  released.resolve();
  expect((await client.next()).type).toBe('offer');
  expect((await client.next()).type).toBe('offer');
  await client.ended;
});

describe('a guest that sends many frames at once', () => {
  const many = (count: number, frame = HELLO) =>
    Buffer.concat(Array.from({ length: count }, () => encodeFrame(frame)));

  test('does not keep another guest waiting until it has had all its answers', async () => {
    const order: string[] = [];
    const other = 'fedcba9876543210'.repeat(2);
    let victim: SocketClient | undefined;
    const { path } = await serve(async ({ exchangeId }) => {
      order.push(exchangeId);
      // Sent while the first frame of the flood is answered: the rest of it is in the host's hands by then.
      if (order.length === 1) void victim?.send(encodeFrame({ ...HELLO, exchangeId: other }));
      return { type: 'offer', exchangeId, body: new Uint8Array() };
    });
    victim = await connectClient(path);
    const flooder = await connectClient(path);
    // So few that their answers fit into the socket's buffer: only the host's own turns let the other guest in.
    await flooder.send(many(100));
    expect(await victim.next()).toMatchObject({ exchangeId: other });
    for (let nth = 0; nth < 100; nth++) await flooder.next();
    expect(order.indexOf(other)).toBeLessThan(order.length - 1);
  });

  test('is answered to the frame in hand when the host stops, and not to the end', async () => {
    let answered = 0;
    let closed: Promise<void> | undefined;
    const { path, endpoint } = await serve(async ({ exchangeId }) => {
      answered++;
      if (answered === 3) closed = endpoint.close(NO_DEADLINE);
      return { type: 'offer', exchangeId, body: new Uint8Array() };
    });
    const client = await connectClient(path);
    await client.send(many(1000));
    for (let nth = 0; nth < 3; nth++) await client.next();
    await client.ended;
    await closed;
    expect(answered).toBe(3);
  });

  test('and reads none of its answers is cut at the deadline of a stop', async () => {
    let answered = 0;
    const { host, path, endpoint } = await serve((frame) => {
      answered++;
      return bigOffers(frame);
    });
    (await connectDeafClient(path)).write(many(1000));
    await until('its answers pile up', () => answered > 20);
    await endpoint.close(AbortSignal.abort());
    expect(host.log.join('\n')).toMatch(/was cut: the host is stopping/);
  });

  test('and reads none of its answers makes room for another when 128 such guests fill the socket', async () => {
    const answers = new Map<string, number>();
    const { host, path } = await serve((frame) => {
      answers.set(frame.exchangeId, (answers.get(frame.exchangeId) ?? 0) + 1);
      return bigOffers(frame);
    });
    for (let nth = 0; nth < 128; nth++) {
      const exchangeId = nth.toString(16).padStart(32, '0');
      (await connectDeafClient(path)).write(many(200, { ...HELLO, exchangeId }));
    }
    await until('all their answers pile up', () => {
      return answers.size === 128 && [...answers.values()].every((count) => count > 20);
    });
    const newcomer = await connectClient(path);
    await newcomer.send(encodeFrame(HELLO));
    expect(await newcomer.next()).toMatchObject({ type: 'offer', exchangeId: ID });
    expect(host.log.join('\n')).toMatch(/does not read its answers, and another one wants to connect/);
  });
});

/** Answers of almost a whole frame, so that few of them fill a socket's buffers. */
const bigOffers: FrameAnswer = async ({ exchangeId }) => ({
  type: 'offer',
  exchangeId,
  body: Buffer.alloc(3000),
});

/** A guest that never reads. */
async function connectDeafClient(path: string): Promise<net.Socket> {
  const socket = net.connect({ path, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  socket.pause();
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

describe("the host's socket", () => {
  test.each([0o600, 0o660, 0o666])('has the mode %o from the beginning', async (mode) => {
    const { path } = await serve(undefined, null, mode);
    expect(fs.statSync(path).mode & 0o777).toBe(mode);
  });

  test('knows whose it is: another VM is refused on it', async () => {
    const { host, path } = await serve(undefined, OTHER_VM);
    const client = await connectClient(path);
    const request = rawRequest(host, { vmId: VM });
    await client.send(request.bytes);
    expect(request.answerIn(await client.next())).toMatchObject({
      decision: 'refused',
      hresult: 0xc004fd04,
    });
    expect(host.events.last).toMatchObject({ channel: `unix:${path}`, vmId: OTHER_VM, vmIdFrom: 'channel' });
  });

  test('that a killed host left is replaced', async () => {
    const socket = path.join(tempFolder(), 's');
    await leaveStaleSocket(socket);
    expect(fs.statSync(socket).isSocket()).toBe(true);
    const host = createTestHost();
    const endpoint = await listenUnix({ path: socket, vmId: null, mode: 0o600 }, host, quiet);
    onTestFinished(() => endpoint.close(NO_DEADLINE));
    const client = await connectClient(socket);
    await client.send(encodeFrame(HELLO));
    expect((await client.next()).type).toBe('offer');
  });

  test('that another process serves is left alone: file-exists', async () => {
    const { host, path } = await serve();
    const failure = await failureOf(listenUnix({ path, vmId: null, mode: 0o600 }, host, quiet));
    expect(failure.code).toBe('file-exists');
    expect(failure.message).toContain(path);
    const client = await connectClient(path);
    await client.send(encodeFrame(HELLO));
    expect((await client.next()).type).toBe('offer');
  });

  test('is not made over any other file: file-exists', async () => {
    const file = path.join(tempFolder(), 'important');
    fs.writeFileSync(file, 'keep me');
    const host = createTestHost();
    expect((await failureOf(listenUnix({ path: file, vmId: null, mode: 0o600 }, host, quiet))).code).toBe(
      'file-exists',
    );
    expect(fs.readFileSync(file, 'utf8')).toBe('keep me');
  });

  test('in a folder that is not there: file-not-found', async () => {
    const socket = path.join(tempFolder(), 'none', 's');
    const host = createTestHost();
    const failure = await failureOf(listenUnix({ path: socket, vmId: null, mode: 0o600 }, host, quiet));
    expect(failure.code).toBe('file-not-found');
  });

  test('in a folder that may not be written: access-denied', async () => {
    const folder = tempFolder();
    fs.chmodSync(folder, 0o555);
    const host = createTestHost();
    const endpoint = { path: path.join(folder, 's'), vmId: null, mode: 0o600 };
    expect((await asUnprivilegedUser(() => failureOf(listenUnix(endpoint, host, quiet)))).code).toBe(
      'access-denied',
    );
  });
});

describe('a host that is told to stop', () => {
  test('answers what is in flight, ends the idle ones, and removes its socket', async () => {
    const inFlight = deferred();
    const released = deferred();
    const { path, endpoint } = await serve(async (frame) => {
      inFlight.resolve();
      await released.promise;
      return { type: 'offer', exchangeId: frame.exchangeId, body: new Uint8Array() };
    });
    const idle = await connectClient(path);
    const client = await connectClient(path);
    await client.send(encodeFrame(HELLO));
    await inFlight.promise;
    const closed = endpoint.close(NO_DEADLINE);
    await idle.ended;
    released.resolve();
    expect((await client.next()).type).toBe('offer');
    await client.ended;
    await closed;
    expect(fs.existsSync(path)).toBe(false);
    await expect(connectClient(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('makes its socket again when the file is deleted, and says so', async () => {
    const { host, path } = await serve();
    const before = await connectClient(path);
    fs.rmSync(path);
    await until('the socket is there', () => fs.existsSync(path));
    const client = await connectClient(path);
    for (const one of [before, client]) {
      await one.send(encodeFrame(HELLO));
      expect((await one.next()).type).toBe('offer');
    }
    expect(fs.statSync(path).mode & 0o777).toBe(0o600);
    await until('it is said', () =>
      host.log.includes(`The socket unix:${path} was deleted; the host has made it again.`),
    );
  });

  test('leaves another file alone in the place of its socket, says so once, and comes back', async () => {
    const { host, path } = await serve();
    fs.rmSync(path);
    fs.writeFileSync(path, 'keep me');
    await until('it is said', () => host.log.some((line) => /another file is in its place/.test(line)));
    expect(fs.readFileSync(path, 'utf8')).toBe('keep me');
    fs.rmSync(path);
    await until('the socket is there', () => fs.existsSync(path));
    await connectClient(path);
    expect(host.log.filter((line) => /in its place/.test(line))).toHaveLength(1);
  });

  test('leaves the socket alone that another host has put in its place', async () => {
    const { host, path, endpoint } = await serve();
    fs.rmSync(path);
    const successor = await listenUnix({ path, vmId: null, mode: 0o600 }, host, quiet);
    onTestFinished(() => successor.close(NO_DEADLINE));
    await endpoint.close(NO_DEADLINE);
    const client = await connectClient(path);
    await client.send(encodeFrame(HELLO));
    expect((await client.next()).type).toBe('offer');
  });
});

/** A socket file whose process is gone: a rename keeps it from being removed when its server closes. */
async function leaveStaleSocket(socket: string): Promise<void> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(`${socket}.before`, resolve));
  fs.renameSync(`${socket}.before`, socket);
  await new Promise((resolve) => server.close(resolve));
}
