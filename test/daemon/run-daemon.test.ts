import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, onTestFinished, test } from 'vitest';

/** The daemon of a scenario, in a process of its own. */
async function startDaemon(scenario: string) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./daemon-process.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
  });
  const child = spawn(process.execPath, ['--input-type=module', '-', scenario], { stdio: 'pipe' });
  onTestFinished(() => void child.kill('SIGKILL'));
  child.stdin.end(outputFiles[0]?.text);
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    log += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, ended, log: () => log, saying: (text: string) => untilSaid(child, () => log, text) };
}

function untilSaid(child: ChildProcess, log: () => string, text: string): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (log().includes(text)) resolve();
    };
    child.stderr?.on('data', look);
    look();
  });
}

const started = (child: ChildProcess) => new Promise((resolve) => child.stdout?.once('data', resolve));

describe('a daemon', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('is stopped in order by %s', async (signal) => {
    const { child, ended, log } = await startDaemon('serves');
    await started(child);
    child.kill(signal);
    expect(await ended).toBe(0);
    expect(log()).toBe(`stopping\nended by ${signal}\n`);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)(
    'that does not come to an end is ended at once by a second signal, %s',
    async (signal, status) => {
      const { child, ended, log, saying } = await startDaemon('slow to stop');
      await started(child);
      child.kill('SIGTERM');
      await saying('stopping');
      child.kill(signal);
      expect(await ended).toBe(status);
      expect(log()).toContain(`Ended at once by a second signal, ${signal}.`);
    },
  );

  test.each(['exception', 'rejection'])(
    'logs the stack of an %s that nothing caught, and stops in order',
    async (kind) => {
      const { ended, log } = await startDaemon(kind);
      expect(await ended).toBe(70);
      expect(log()).toMatch(
        /as an error\nRangeError: a mistake of ours\n\s+at .*\n(?:.*\n)*stopping\nfailed: internal\n$/,
      );
    },
  );

  test('is reloaded by SIGHUP, and goes on', async () => {
    const { child, ended, log, saying } = await startDaemon('reloads');
    await started(child);
    child.kill('SIGHUP');
    await saying('reloading');
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(log()).toBe('reloading\nstopping\nended by SIGTERM\n');
  });

  test('that cannot be reloaded is ended by SIGHUP, as any process is', async () => {
    const { child, log } = await startDaemon('serves');
    const signal = new Promise((resolve) => child.once('close', (_status, by) => resolve(by)));
    await started(child);
    child.kill('SIGHUP');
    expect(await signal).toBe('SIGHUP');
    expect(log()).toBe('');
  });

  test('logs a mistake of its own in a reload, and stops in order', async () => {
    const { child, ended, log } = await startDaemon('cannot reload');
    await started(child);
    child.kill('SIGHUP');
    expect(await ended).toBe(70);
    expect(log()).toMatch(/RangeError: a mistake of ours\n(?:.*\n)*stopping\nfailed: internal\n$/);
  });

  test('that survives faults logs the stack and goes on until a signal comes', async () => {
    const { child, ended, log, saying } = await startDaemon('survivor');
    await saying('RangeError: a mistake of ours');
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(log()).toMatch(/RangeError: a mistake of ours\n\s+at .*\n(?:.*\n)*stopping\nended by SIGTERM\n$/);
  });

  test('stops in order although its log cannot be written', async () => {
    const { ended, log } = await startDaemon('full disk');
    expect(await ended).toBe(70);
    expect(log()).toBe('stopping\nfailed: internal\n');
  });

  test('that cannot start says why', async () => {
    const { ended, log } = await startDaemon('cannot start');
    expect(await ended).toBe(70);
    expect(log()).toBe('failed: there is nothing to serve\n');
  });
});
