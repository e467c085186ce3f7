/** `avma guest events` as an operator uses it: over rotations, into pipes, on a terminal, after a crash. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { GuestEvent } from '../../../src/events/guest-event.ts';
import { jsonLinesSink } from '../../../src/events/sinks/json-lines.ts';
import { MINUTE, NOW } from '../../support/clock.ts';
import { missingScript } from '../../support/script.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';
import { builtCommand, type Ran, TestMachine } from '../test-machine.ts';

const machine = new TestMachine();
const running = new Set<ChildProcess>();
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await machine.close();
});

/** A guest's state folder with a log that the test writes. */
function createLog(maxBytes = 1e6) {
  const folder = tempFolder();
  const file = path.join(folder, 'events.jsonl');
  const sink = jsonLinesSink<GuestEvent>(
    file,
    (sentence) => {
      throw new RangeError(sentence);
    },
    { maxBytes, keptBytes: 1e9 },
  );
  const write = (message: string, change: Partial<GuestEvent> = {}, at = NOW) =>
    sink.write(
      {
        ...{ eventId: 12309, kind: 'activation', outcome: 'AVMA Success', code: 'success', hresult: '0x0' },
        ...{ message, trigger: 'renewal', state: 'licensed', vmId: null, activationId: null },
        ...{ exchangeId: null, hostName: 'hv01', ...change },
      },
      at,
    );
  const env = { AVMA_STATE_DIR: folder };
  const events = (...args: string[]): Promise<Ran> =>
    machine.run('avma', ['guest', 'events', ...args], { env });
  return { folder, file, write, events, env: { ...machine.env, ...env } };
}

/** A command that goes on until it is stopped. */
function start(file: string, args: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(file, args, { env, stdio: 'pipe' });
  running.add(child);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text;
    });
  }
  const ended = new Promise<number | string | null>((resolve) =>
    child.once('close', (status, signal) => {
      running.delete(child);
      resolve(status ?? signal);
    }),
  );
  return { child, output, ended, shows: (text: string) => until(text, () => output.stdout.includes(text)) };
}

function follow(env: NodeJS.ProcessEnv, ...args: string[]) {
  const [file, ...script] = builtCommand('avma');
  return start(file, [...script, 'guest', 'events', '--follow', ...args], env);
}

describe('the log', () => {
  test('is shown a line an event: when, what, why, and by whom', async () => {
    const { write, events } = createLog();
    write('activated by the host for the time of its lease');
    const failed = { outcome: 'Invalid Host', code: 'host-absent', hostName: null } as const;
    write('no host at unix:h.sock', failed, NOW + MINUTE);
    write('50-page ended with 3', {
      kind: 'hook-failed',
      eventId: 8,
      outcome: null,
      trigger: 'agent',
      hostName: null,
    });
    expect(await events()).toEqual({
      status: 0,
      stderr: '',
      stdout: [
        '2026-06-01 12:00:00 UTC  activation        activated by the host for the time of its lease (hv01, renewal)',
        '2026-06-01 12:01:00 UTC  activation        no host at unix:h.sock [host-absent] (renewal)',
        '2026-06-01 12:00:00 UTC  hook-failed       50-page ended with 3',
        '',
      ].join('\n'),
    });
    expect((await events('--since', '2026-06-01T12:01')).stdout).toMatch(/^[^\n]* no host at [^\n]*\n$/);
  });

  test('that is empty says so, and one of version 0.1 is read', async () => {
    const { file, events } = createLog();
    const empty = await events('--since', '2h');
    expect(empty).toEqual({ status: 0, stdout: '', stderr: `There are no events since 2h in ${file}.\n` });
    const old = {
      ...{ time: '2026-06-01T12:00:00.000Z', provider: 'Microsoft-Windows-Security-SPP', level: 'error' },
      ...{ eventId: 12309, outcome: 'Activation Denied', code: 'grace-expired', hresult: '0xC004F009' },
      ...{ message: 'the lease ended', trigger: 'license state changed', vmId: null, activationId: null },
      ...{ exchangeId: null, hostName: null },
    };
    fs.writeFileSync(file, `${JSON.stringify(old)}\n`);
    expect((await events()).stdout).toBe(
      '2026-06-01 12:00:00 UTC  license-changed   the lease ended [grace-expired]\n',
    );
  });

  test('is read through damaged lines, which are said', async () => {
    const { file, write, events } = createLog();
    write('first');
    const damage = [
      '{"time":"2026-',
      'null',
      '{"time":5}',
      '\u0000\u0000',
      `x${'y'.repeat(70_000)}`,
      '[]',
      '"',
    ];
    for (const text of damage) fs.appendFileSync(file, `${text}\n`);
    fs.appendFileSync(file, '\n{"time":"2026-11-24T');
    // Written at the same moment as a program was killed: both are on one line.
    fs.appendFileSync(
      file,
      fs.readFileSync(file, 'utf8').split('\n')[0]?.replace('first', 'behind it') ?? '',
    );
    fs.appendFileSync(file, '\n{"time":"2026-11-24T');
    const { status, stdout, stderr } = await events();
    expect(status).toBe(0);
    expect(stdout.match(/first|behind it/g)).toEqual(['first', 'behind it']);
    expect(stdout.split('\n')).toHaveLength(3);
    expect(stderr).toContain(`A damaged line of ${file} is left out: {"time":"2026-\n`);
    expect(stderr).toContain('is left out: \\u{0}\\u{0}\n');
    expect(stderr).toMatch(/\n4 more damaged lines are left out\.\n$/);
    const json = JSON.parse((await events('--json')).stdout);
    expect(json.events).toHaveLength(2);
    expect(json.damaged).toHaveLength(damage.length + 2);
  });

  test.each([
    ['a link', (file: string) => fs.symlinkSync('/etc/passwd', file), 65],
    ['a FIFO', (file: string) => execFileSync('mkfifo', [file]), 65],
  ])('that is %s is not read', async (_what, make, status) => {
    const { file, events } = createLog();
    make(file);
    const ran = await events();
    expect(ran).toMatchObject({ status, stdout: '' });
    expect(ran.stderr).toContain('[file-invalid');
  });
});

test('a setup that is applied by a command is an event for each of its values', async () => {
  const folder = tempFolder();
  const config = path.join(folder, 'config.json');
  const setup = path.join(folder, 'setup.yaml');
  fs.writeFileSync(config, '{}');
  fs.writeFileSync(
    setup,
    'schema: avma.setup/1\npipe: unix:/srv/nowhere.sock\nkey: BCDFG-HJKMN-PQRTV-WXY23-46789\n',
  );
  const env = { AVMA_STATE_DIR: folder, AVMA_CONFIG: config };
  await machine.run('avma', ['guest', 'apply', '--dry-run', setup], { env });
  expect(fs.readdirSync(folder)).not.toContain('events.jsonl');
  await machine.run('avma', ['guest', 'apply', setup], { env });
  const { stdout } = await machine.run('avma', ['guest', 'events', '--json'], { env });
  expect(JSON.parse(stdout).events).toMatchObject([
    { eventId: 3, kind: 'setup-applied', trigger: 'setup', message: `the pipe from ${setup} was applied` },
    { eventId: 4, kind: 'setup-failed', level: 'error', code: 'key-invalid' },
  ]);
});

describe('--follow', () => {
  test('shows the last ten, then each event once through rotations, and ends with 0 on SIGTERM', async () => {
    const { folder, write, env } = createLog(2000);
    for (let nth = 0; nth < 30; nth++) write(`early ${nth}.`);
    const { child, output, ended, shows } = follow(env);
    await shows('early 29.');
    for (let nth = 0; nth < 200; nth++) {
      write(`later ${nth}.`);
      if (nth % 50 === 0) await shows(`later ${nth}.`);
    }
    await shows('later 199.');
    expect(fs.readdirSync(folder).length).toBeGreaterThan(10);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    const seen = (name: string) =>
      [...output.stdout.matchAll(new RegExp(`${name} (\\d+)\\.`, 'g'))].map(([, nth]) => Number(nth));
    expect(seen('early')).toEqual(Array.from({ length: 10 }, (_, nth) => 20 + nth));
    expect(seen('later').sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, nth) => nth));
    expect(output.stderr).toBe('');
  });

  test('waits for a log that does not exist yet, also where its folder does not', async () => {
    const { folder, write, env } = createLog();
    fs.rmdirSync(folder);
    const { child, ended, shows } = follow(env, '--since', '2026-06-01');
    fs.mkdirSync(folder);
    write('the first.');
    await shows('the first.');
    child.kill('SIGINT');
    expect(await ended).toBe(0);
  });

  test('ends with 0 and without a word when nobody reads any more', async () => {
    const { write, env } = createLog();
    write('one.');
    const { child, output, ended, shows } = follow(env);
    await shows('one.');
    child.stdout.destroy();
    // What is written before the pipe is closed may still be taken.
    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    await until('it has ended', () => {
      write('into nothing.');
      return isOver;
    });
    expect(await ended).toBe(0);
    expect(output.stderr).toBe('');
  });

  test('on a terminal colors what is bad, and ^C ends it', async ({ skip }) => {
    const missing = missingScript();
    if (missing !== undefined) skip(missing);
    const { write, env } = createLog();
    write('it failed.', { code: 'host-absent', outcome: 'Invalid Host' });
    const words = [...builtCommand('avma'), 'guest', 'events', '-f'].map((word) => `'${word}'`);
    // In place of the shell, which ^C would end too.
    const command = `exec ${words.join(' ')}`;
    const options = ['--quiet', '--return', '--command', command, '/dev/null'];
    const terminal = { ...env, TERM: 'xterm', LC_ALL: 'C.UTF-8' };
    const { child, output, ended, shows } = start('script', options, terminal);
    await shows('it failed.');
    expect(output.stdout).toContain('\u001b[31m✗ activation');
    child.stdin.write('\u0003');
    expect(await ended).toBe(0);
  });
});
