/** The control socket: what commands ask a running host over it, and what they cannot do to it. */
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { AvmaError } from '../../../src/errors/avma-error.ts';
import { callHost, streamHost } from '../../../src/host/control/call-host.ts';
import { controlSocketIn, MAX_REQUEST_BYTES } from '../../../src/host/control/control-messages.ts';
import { type ControlOptions, openControl } from '../../../src/host/control/control-server.ts';
import { failureOf } from '../../support/failures.ts';
import { HANG_MS } from '../../support/hang.ts';
import { asUnprivilegedUser } from '../../support/restrictions.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';

const REQUEST = (what: string) => `{"schema":"avma.control/1","do":"${what}"}\n`;

const HANDLERS: ControlOptions['handlers'] = {
  echo: (args) => args,
  later: async () => 'later',
  refuse: () => {
    throw new AvmaError('throttled', 'not now', { hint: 'later' });
  },
  fail: () => {
    throw new RangeError('a mistake of ours');
  },
  count: async function* () {
    for (let nth = 0; nth < 3; nth++) yield nth;
  },
  flood: async function* (_args, signal) {
    while (!signal.aborted) yield 'x'.repeat(64 * 1024);
  },
};

interface Served {
  readonly folder: string;
  readonly file: string;
  readonly log: string[];
  close(): Promise<void>;
}

async function served(options: Partial<ControlOptions> = {}): Promise<Served> {
  const folder = options.folder ?? tempFolder();
  const log: string[] = [];
  const control = await openControl({
    folder,
    handlers: HANDLERS,
    notify: (line, about) => log.push(`${about?.level ?? 'info'}: ${line}`),
    patience: HANG_MS,
    ...options,
  });
  onTestFinished(() => control.close());
  return { folder, file: controlSocketIn(folder), log, close: () => control.close() };
}

/** A client without manners: what it received when the host ended the connection. */
async function connected(
  file: string,
): Promise<{ socket: net.Socket; received: () => string; over: Promise<void> }> {
  const socket = net.connect({ path: file, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  let text = '';
  socket.on('data', (piece) => {
    text += piece;
  });
  socket.on('error', () => {});
  const over = new Promise<void>(
    (resolve) => void socket.once('end', resolve).once('close', () => resolve()),
  );
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  return { socket, received: () => text, over };
}

async function all(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const items: unknown[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

const neverAborts = () => new AbortController().signal;

describe('a command gets', () => {
  test('what the handler gives, at once or later, with its arguments', async () => {
    const { folder } = await served();
    expect(await callHost(folder, { do: 'echo', args: { vm: 'a\nb' } })).toEqual({ vm: 'a\nb' });
    expect(await callHost(folder, { do: 'later' })).toBe('later');
  });

  test('the items of a stream, to its end', async () => {
    const { folder } = await served();
    expect(await all(streamHost(folder, { do: 'count' }, neverAborts()))).toEqual([0, 1, 2]);
  });

  test('why it gets nothing, with the code and the hint of the host', async () => {
    const { folder } = await served();
    expect(await failureOf(callHost(folder, { do: 'refuse' }))).toMatchObject({
      code: 'throttled',
      message: 'not now',
      hint: 'later',
    });
  });

  test('no stack of a mistake of ours, which the log has', async () => {
    const { folder, log } = await served();
    const error = await failureOf(callHost(folder, { do: 'fail' }));
    expect(error).toMatchObject({ code: 'internal', message: 'a fault in the host; its log has more' });
    expect(log.join('\n')).toMatch(/^error: A fault[\s\S]+a mistake of ours[\s\S]+control-socket\.test\.ts/);
  });

  test('a word about versions for what the host does not know', async () => {
    const { folder } = await served();
    expect(await failureOf(callHost(folder, { do: 'constructor' }))).toMatchObject({
      code: 'argument-invalid',
      hint: expect.stringContaining('versions'),
    });
  });

  test('host-not-running where none runs, where it was killed, and where it stops in between', async () => {
    const folder = tempFolder();
    expect(await failureOf(callHost(folder, { do: 'echo' }))).toMatchObject({ code: 'host-not-running' });
    const host = await served({ folder });
    const stream = streamHost(folder, { do: 'flood' }, neverAborts());
    await stream.next();
    await host.close();
    expect(await failureOf(all(stream))).toMatchObject({ code: 'host-not-running' });
    expect(fs.existsSync(host.file)).toBe(false);
  });

  test('access-denied as a user who may not ask', async () => {
    const { folder, file } = await served();
    fs.chmodSync(folder, 0o755);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    const error = await asUnprivilegedUser(() => failureOf(callHost(folder, { do: 'echo' })));
    expect(error).toMatchObject({ code: 'access-denied' });
  });
});

describe('the host is not harmed by a client that', () => {
  test.each([
    ['talks rubbish', 'GET / HTTP/1.1\r\n\n', 'does not understand'],
    ['sends what is no UTF-8', Buffer.from([0xff, 0x0a]), 'does not understand'],
    ['sends another version', '{"schema":"avma.control/2","do":"echo"}\n', 'does not understand'],
    ['never ends its line', 'x'.repeat(MAX_REQUEST_BYTES + 1), 'too long'],
  ])('%s', async (_what, bytes, answer) => {
    const { file } = await served();
    const { socket, received, over } = await connected(file);
    socket.write(bytes);
    await over;
    expect(JSON.parse(received())).toMatchObject({ ok: false, message: expect.stringContaining(answer) });
  });

  test('says nothing: it is dropped', async () => {
    const { file } = await served({ patience: 50 });
    const { received, over } = await connected(file);
    await over;
    expect(received()).toBe('');
  });

  test('never reads: it is dropped, and the work for it ends', async () => {
    let ended = false;
    const { folder, file } = await served({
      patience: 50,
      handlers: {
        ...HANDLERS,
        async *flood(_args, signal) {
          try {
            while (!signal.aborted) yield 'x'.repeat(64 * 1024);
          } finally {
            ended = true;
          }
        },
      },
    });
    const { socket } = await connected(file);
    socket.pause();
    socket.write(REQUEST('flood'));
    await until('the stream ends', () => ended);
    expect(await callHost(folder, { do: 'later' })).toBe('later');
  });

  test('goes away from a stream in which nothing happens', async () => {
    let ended = false;
    const { file } = await served({
      handlers: {
        async *quiet(_args, signal) {
          yield 'first';
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          ended = true;
        },
      },
    });
    const { socket, received } = await connected(file);
    socket.write(REQUEST('quiet'));
    await until('the first item comes', () => received() !== '');
    socket.destroy();
    await until('the stream ends', () => ended);
  });

  test('is one of hundreds: the silent ones make room', async () => {
    const { folder, file } = await served();
    await Promise.all(Array.from({ length: 100 }, () => connected(file)));
    expect(await callHost(folder, { do: 'later' })).toBe('later');
  });

  test('keeps all places with streams: the next one is told to come later', async () => {
    const { folder, file } = await served({
      handlers: {
        async *quiet(_args, signal) {
          yield 'first';
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        },
      },
    });
    const followers = await Promise.all(Array.from({ length: 32 }, () => connected(file)));
    for (const { socket } of followers) socket.write(REQUEST('quiet'));
    await until('all have their first item', () => followers.every(({ received }) => received() !== ''));
    expect(await failureOf(callHost(folder, { do: 'quiet' }))).toMatchObject({ code: 'throttled' });
    followers[0]?.socket.destroy();
    await until('there is room', async () => {
      try {
        return (await callHost(folder, { do: 'quiet' })) === 'first';
      } catch {
        return false;
      }
    });
  });
});

describe('the socket', () => {
  test('of a host that was killed is replaced', async () => {
    const folder = tempFolder();
    const file = controlSocketIn(folder);
    const killed = net.createServer();
    await new Promise<void>((resolve) => killed.listen(file, resolve));
    fs.renameSync(file, `${file}.kept`);
    await new Promise((resolve) => killed.close(resolve));
    fs.renameSync(`${file}.kept`, file);
    await served({ folder });
    expect(await callHost(folder, { do: 'later' })).toBe('later');
  });

  test('is made anew when it was deleted', async () => {
    const { folder, file } = await served();
    fs.rmSync(file);
    await until('it is there again', () => fs.existsSync(file));
    expect(await callHost(folder, { do: 'later' })).toBe('later');
  });

  test('is never put over another file: that is said once, and guests are answered all the same', async () => {
    const folder = tempFolder();
    fs.writeFileSync(controlSocketIn(folder), 'mine');
    const { log } = await served({ folder });
    expect(log).toEqual([expect.stringMatching(/^warning: Commands cannot ask this host.*is not a socket/)]);
    expect(fs.readFileSync(controlSocketIn(folder), 'utf8')).toBe('mine');
  });

  test('with a path that is too long is said once, to the command too', async () => {
    const folder = path.join(tempFolder(), 'x'.repeat(110));
    fs.mkdirSync(folder);
    const { log } = await served({ folder });
    expect(log).toEqual([expect.stringMatching(/longer than 107 bytes.*AVMA_HOST_DIR/)]);
    expect(await failureOf(callHost(folder, { do: 'later' }))).toMatchObject({ code: 'host-not-running' });
  });
});
