import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { AvmaError } from '../../src/errors/avma-error.ts';
import type { Pipe } from '../../src/pipe/pipe.ts';
import { deferred } from '../support/deferred.ts';
import { HANG_MS } from '../support/hang.ts';
import { tempFolder } from '../support/temp-folder.ts';
import type { HarnessArgument } from './exit-harness.ts';
import { encode, OURS } from './frames.ts';
import { type GuestEnd, openEnd } from './guest-end.ts';
import { SITUATIONS, type Situation, type SituationName } from './situations.ts';
import { hasSocat, TRANSPORTS } from './transports.ts';

/** Has the harness as one file. */
let bundleFolder: string;
let harness: string;

beforeAll(async () => {
  bundleFolder = mkdtempSync(path.join(tmpdir(), 'avma-b-'));
  harness = path.join(bundleFolder, 'exit-harness.cjs');
  // For the native package, which stays outside of the bundle.
  symlinkSync(path.resolve('node_modules'), path.join(bundleFolder, 'node_modules'));
  await build({
    entryPoints: [fileURLToPath(new URL('./exit-harness.ts', import.meta.url))],
    outfile: harness,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['fs-native-extensions'],
    logLevel: 'error',
  });
});

afterAll(() => rmSync(bundleFolder, { recursive: true, force: true }));

let folder: string;

beforeEach(() => {
  folder = tempFolder();
});

async function open(end: GuestEnd): Promise<Pipe> {
  const pipe = await openEnd(end);
  onTestFinished(() => pipe.close());
  return pipe;
}

/** The answering line, or the code of the error. */
async function outcome(work: Promise<Uint8Array>): Promise<string> {
  try {
    return Buffer.from(await work).toString('latin1');
  } catch (thrown) {
    if (!(thrown instanceof AvmaError)) throw thrown;
    return thrown.code;
  }
}

describe.each(TRANSPORTS)('$name', (transport) => {
  const start = async (host: Situation['host'], onFrame = () => {}) => {
    const listening: typeof host = {
      ...host,
      answer(frame, end, nth) {
        onFrame();
        return host.answer(frame, end, nth);
      },
    };
    const started = await transport.start(listening, folder);
    onTestFinished(started.stop);
    return started;
  };

  for (const [name, { host, exchanges }] of Object.entries(SITUATIONS) as [SituationName, Situation][]) {
    const reason = transport.notHere?.[name];
    if (reason !== undefined) {
      test.skip(`${name}: cannot be, ${reason}`);
      continue;
    }
    test(`${name}: ${exchanges.map(({ code }) => code ?? 'answered').join(', then ')}`, async () => {
      let onFrame = () => {};
      const { end, gone } = await start(host, () => onFrame());
      const pipe = await open(end);
      for (const { id, expect: expected, givesUp = HANG_MS } of exchanges) {
        const given = new AbortController();
        onFrame = () => givesUp === 'when the host has it' && given.abort();
        // The guest looks at its end a few times more before its deadline is over.
        void gone?.then(() => setTimeout(() => given.abort(), 200));
        const deadline = typeof givesUp === 'number' ? [AbortSignal.timeout(givesUp)] : [];
        const signal = AbortSignal.any([given.signal, ...deadline]);
        expect(await outcome(pipe.exchange(encode('request', id), { signal }))).toBe(expected);
      }
    });
  }

  const { absent } = transport;
  test.skipIf(absent === undefined)('nobody there: host-absent', async () => {
    const exchange = async () => {
      const pipe = await open((absent as NonNullable<typeof absent>)(folder));
      return pipe.exchange(encode('request', OURS), { signal: AbortSignal.timeout(HANG_MS) });
    };
    expect(await outcome(exchange())).toBe('host-absent');
  });

  test('called off while it waits: host-silent, and the error says so', async () => {
    const calledOff = new AbortController();
    const pipe = await open((await start({ answer: async () => calledOff.abort() })).end);
    const work = pipe.exchange(encode('request', OURS), { signal: calledOff.signal });
    await expect(work).rejects.toMatchObject({
      code: 'host-silent',
      message: expect.stringContaining('called off'),
    });
  });

  test('called off before it began: host-silent, and nothing is sent', async () => {
    let asked = 0;
    const pipe = await open((await start({ answer: async () => void asked++ })).end);
    const work = pipe.exchange(encode('request', OURS), { signal: AbortSignal.abort() });
    expect(await outcome(work)).toBe('host-silent');
    expect(asked).toBe(0);
  });

  test('closed while it waits: host-gone', async () => {
    const heard = deferred();
    const pipe = await open((await start({ answer: async () => heard.resolve() })).end);
    const work = outcome(pipe.exchange(encode('request', OURS), { signal: AbortSignal.timeout(HANG_MS) }));
    await heard.promise;
    await pipe.close();
    expect(await work).toBe('host-gone');
  });

  test.each([
    ['answered', true],
    ['host-silent', false],
  ])('%s, a process then holds nothing and ends by itself', async (expected, answers) => {
    const { end } = await start({
      answer: async (frame, to) => {
        if (answers) await to.send(encode('response', frame.exchangeId));
      },
    });
    expect(await runHarness({ end, answers })).toEqual({
      said: `${expected}\nholds nothing\n`,
      status: 0,
      killedBy: null,
    });
  });
});

if (!hasSocat) {
  describe.skip('virtio and serial: need socat for a pseudo-terminal', () => {
    test.skip('socat is not installed');
  });
}

/** What the process said, and how it ended. The other end of its pipe stays open for as long as it runs. */
function runHarness(
  argument: HarnessArgument,
): Promise<{ said: string; status: number | null; killedBy: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [harness, JSON.stringify(argument)], {
      // A stderr that is a pipe would itself be something that Node holds.
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    // It then says what it holds.
    const hanging = setTimeout(() => child.kill('SIGTERM'), HANG_MS);
    onTestFinished(() => void child.kill('SIGKILL'));
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.on('error', reject);
    child.on('close', (status, killedBy) => {
      clearTimeout(hanging);
      resolve({ said, status, killedBy });
    });
  });
}
