/** `avma host guests` and `avma host events`: what an operator learns of a host's guests. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { until } from '../../support/until.ts';
import { builtCommand, type ServedHost, STANDARD_2012_R2, TestMachine } from '../test-machine.ts';

const machine = new TestMachine();
let host: ServedHost;
const run = (...args: string[]) => machine.run('avma', ['host', ...args]);
const activate = (socket: string) =>
  machine.mustRun('avma', ['guest', 'activate'], { env: { AVMA_PIPE: `unix:${socket}` } });

beforeAll(async () => {
  await machine.certifyHost();
  host = await machine.serve(['--listen', 'unix:other.sock']);
  await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2]);
});
afterAll(async () => {
  await host.stop();
  await machine.close();
});

test('a host that nobody has asked says so', async () => {
  const ran = await run('guests');
  expect({ ...ran }).toMatchObject({ status: 0, stdout: '', stderr: 'No guest has asked this host yet.\n' });
  expect((await run('guests', 'web01')).stderr).toContain('this host knows no guest "web01"');
});

describe('a guest that was activated here and there', () => {
  beforeAll(async () => {
    await activate('h.sock');
    expect((await run('guests', machine.vmId)).stdout).toMatch(/^Approved +1 time$/m);
    await activate('other.sock');
  });

  test('is one row, with its state and its last place', async () => {
    const { stdout } = await run('guests');
    const [headings, row, ...more] = stdout.trimEnd().split('\n');
    expect(headings).toMatch(/^VM ID +NAME +PRODUCT +STATE +UNTIL \(UTC\) +LAST SEEN +PRESENT +CHANNEL$/);
    expect(row).toMatch(new RegExp(`^${machine.vmId} .* licensed +2.* yes +unix:other.sock$`));
    expect(more).toEqual([]);
  });

  test('is found by how its VM ID begins, with its history, and where it has moved', async () => {
    const { stdout } = await run('guests', machine.vmId.slice(0, 5).toUpperCase());
    expect(stdout).toMatch(new RegExp(`^VM ID +${machine.vmId}$`, 'm'));
    expect(stdout).toMatch(/^Approved +2 times$/m);
    const history = stdout.slice(stdout.indexOf('TIME (UTC)')).trimEnd().split('\n').slice(1);
    expect(history).toHaveLength(2);
    expect(history[0]).toMatch(/approved .* moved to \S+ unix:other\.sock$/);
    expect(history[1]).not.toContain('moved');
  });

  test('is known where no host runs, and nothing is said of its presence', async () => {
    await host.stop();
    onTestFinished(async () => {
      host = await machine.serve(['--listen', 'unix:other.sock']);
    });
    expect((await run('guests')).stdout).toMatch(/licensed .* \d\d:\d\d {2} +unix:other\.sock$/m);
    expect((await run('guests', machine.vmId)).stdout).toContain('not known: no host runs here');
  });
});

describe('events', () => {
  test('are decisions and marks, in order', async () => {
    const { stdout } = await run('events');
    expect(
      stdout
        .split('\n')
        .map((line) => line.split(/ {2,}/)[1])
        .slice(0, 3),
    ).toEqual([...['started', 'approved', 'approved']]);
  });

  test('are followed through a restart of the host, each once, until ^C', async () => {
    const past = (await run('events')).stdout.trimEnd().split('\n').length;
    const [file, ...script] = builtCommand('avma');
    const child = spawn(file, [...script, 'host', 'events', '--follow'], {
      env: machine.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const kinds: string[] = [];
    createInterface(child.stdout).on('line', (line) => kinds.push(line.split(/ {2,}/)[1] ?? ''));
    let said = '';
    child.stderr.on('data', (piece) => {
      said += piece;
    });
    await until('the past is shown', () => kinds.length >= past);
    const before = kinds.length;
    await activate('h.sock');
    await until('an activation is shown', () => kinds.slice(before).includes('approved'));
    await host.stop();
    host = await machine.serve(['--listen', 'unix:other.sock']);
    await until('the restart is shown', () => kinds.slice(before).includes('started'));
    await activate('h.sock');
    await until(
      'the next one is shown',
      () => kinds.slice(before).filter((kind) => kind === 'approved').length === 2,
    );
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
    const recorded = kinds.slice(before).filter((kind) => !kind.startsWith('guest-'));
    expect(recorded).toEqual(['approved', 'stopped', 'started', 'approved']);
    expect(said).toBe('');
  });

  test('end quietly when nobody reads them', async () => {
    const [file, ...script] = builtCommand('avma');
    const child = spawn(file, [...script, 'host', 'events', '--follow'], {
      env: machine.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let said = '';
    child.stderr.on('data', (piece) => {
      said += piece;
    });
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    child.stdout.destroy();
    await activate('h.sock');
    expect(await ended).toEqual([0, null]);
    expect(said).toBe('');
  });
});
