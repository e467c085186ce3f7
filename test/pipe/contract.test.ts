import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { AvmaError } from '../../src/errors/avma-error.ts';
import { namedPipe } from '../../src/pipe/npipe.ts';
import type { Pipe } from '../../src/pipe/pipe.ts';
import { openPipe } from '../../src/pipe/pipe-uri.ts';
import { deferred } from '../support/deferred.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { encode, OURS } from './frames.ts';
import { SITUATIONS, type Situation, type SituationName } from './situations.ts';
import { type GuestEnd, hasSocat, TRANSPORTS } from './transports.ts';

// Inside node_modules, so that the bundle finds the native package that it leaves outside.
const BUILD = path.resolve(`node_modules/.cache/avma-pipe-test-${process.pid}`);
const HARNESS = path.join(BUILD, 'exit-harness.cjs');

beforeAll(async () => {
  mkdirSync(BUILD, { recursive: true });
  await build({
    entryPoints: [fileURLToPath(new URL('./exit-harness.ts', import.meta.url))],
    outfile: HARNESS,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['fs-native-extensions'],
    logLevel: 'error',
  });
});

afterAll(() => rmSync(BUILD, { recursive: true, force: true }));

let folder: string;

beforeEach(() => {
  folder = tempFolder();
});

async function open(end: GuestEnd): Promise<Pipe> {
  const pipe = end.socketAsNamedPipe
    ? namedPipe(end.uri, end.socketAsNamedPipe)
    : await openPipe(end.uri, end.environment);
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
  const start = async (host: Situation['host']) => {
    const { stop, ...end } = await transport.start(host, folder);
    onTestFinished(stop);
    return end;
  };

  for (const [name, { host, exchanges }] of Object.entries(SITUATIONS) as [SituationName, Situation][]) {
    const reason = transport.notHere?.[name];
    if (reason !== undefined) {
      test.skip(`${name}: cannot be, ${reason}`);
      continue;
    }
    test(`${name}: ${exchanges.map(({ code }) => code ?? 'answered').join(', then ')}`, async () => {
      const pipe = await open(await start(host));
      for (const { id, deadline, expect: expected } of exchanges) {
        const signal = AbortSignal.timeout(deadline);
        expect(await outcome(pipe.exchange(encode('request', id), { signal }))).toBe(expected);
      }
    });
  }

  test('nobody there: host-absent', async () => {
    const exchange = async () => {
      const pipe = await open(transport.absent(folder));
      return pipe.exchange(encode('request', OURS), { signal: AbortSignal.timeout(5_000) });
    };
    expect(await outcome(exchange())).toBe('host-absent');
  });

  test('called off while it waits: host-silent, at once', async () => {
    const calledOff = new AbortController();
    const pipe = await open(await start({ answer: async () => calledOff.abort() }));
    const work = pipe.exchange(encode('request', OURS), { signal: calledOff.signal });
    await expect(work).rejects.toMatchObject({
      code: 'host-silent',
      message: expect.stringContaining('called off'),
    });
  });

  test('called off before it began: host-silent, and nothing is sent', async () => {
    let asked = 0;
    const pipe = await open(await start({ answer: async () => void asked++ }));
    const work = pipe.exchange(encode('request', OURS), { signal: AbortSignal.abort() });
    expect(await outcome(work)).toBe('host-silent');
    expect(asked).toBe(0);
  });

  test('closed while it waits: host-gone', async () => {
    const heard = deferred();
    const pipe = await open(await start({ answer: async () => heard.resolve() }));
    const work = outcome(pipe.exchange(encode('request', OURS), { signal: AbortSignal.timeout(5_000) }));
    await heard.promise;
    await pipe.close();
    expect(await work).toBe('host-gone');
  });

  test.each([
    ['answered', 5_000],
    ['host-silent', 300],
  ])(
    '%s, a process then holds nothing and ends by itself within 100 ms',
    { retry: 3 },
    async (expected, deadline) => {
      const answers = expected === 'answered';
      const end = await start({
        answer: async (frame, to) => {
          if (answers) await to.send(encode('response', frame.exchangeId));
        },
      });
      // Beside one that opens no pipe: on a busy machine that one takes its time to end, too.
      const [idle, run] = await Promise.all([runHarness(null, 0), runHarness(end, deadline)]);
      expect(run).toMatchObject({ said: `${expected}, holds nothing`, status: 0 });
      expect(run.lingered - idle.lingered).toBeLessThan(100);
    },
  );
});

if (!hasSocat) {
  describe.skip('virtio and serial: need socat for a pseudo-terminal', () => {
    test.skip('socat is not installed');
  });
}

/** What the process said, how it ended, and how many milliseconds later. */
function runHarness(
  end: GuestEnd | null,
  deadline: number,
): Promise<{ said: string; lingered: number; status: number | null }> {
  return new Promise((resolve, reject) => {
    const argument = JSON.stringify({ end, deadline });
    // A stderr that is a pipe would itself be something that Node holds.
    const child = spawn(process.execPath, [HARNESS, argument], { stdio: ['ignore', 'pipe', 'ignore'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    let said = '';
    let saidAt = Number.POSITIVE_INFINITY;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      saidAt = Math.min(saidAt, performance.now());
      said += text;
    });
    child.on('error', reject);
    child.on('exit', (status) =>
      resolve({ said: said.trim(), lingered: performance.now() - saidAt, status }),
    );
  });
}
