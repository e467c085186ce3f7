/** `avma host load`: guests that are played over real sockets, against a host of its own or another one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { until } from '../../support/until.ts';
import { builtCommand, type ServedHost, TestMachine } from '../test-machine.ts';

const machine = new TestMachine();
let host: ServedHost;

beforeAll(async () => {
  await machine.certifyHost('10.0.26100');
  fs.mkdirSync(machine.at('pool'));
  host = await machine.serve([
    '--throttle',
    '60/3600',
    '--listen',
    'unix:pool/1.sock',
    '--listen',
    'unix:pool/2.sock',
    '--listen',
    'unix:cut.sock',
  ]);
});
afterAll(async () => {
  await host.stop();
  await machine.close();
});

/** The approved VM IDs in the host's events, by channel. */
function approvedOn(channel: string): string[] {
  const file = machine.at('host/events.jsonl');
  if (!fs.existsSync(file)) return [];
  const lines = fs.readFileSync(file, 'utf8').trim().split('\n');
  const events = lines.map((line) => JSON.parse(line));
  return events
    .filter((event) => event.channel === channel && event.decision === 'approved')
    .map(({ vmId }) => vmId);
}

/** Elsewhere one way to end a run is enough. */
const ALL_RUN = process.env.AVMA_TEST_VM === 'required';

describe('a host of its own', () => {
  /** Where the command puts its host. */
  const folder = machine.at('tmp');
  beforeAll(() => void fs.mkdirSync(folder));

  test('is certified, serves, is measured, and leaves nothing', async () => {
    const load = ['host', 'load', '--requests', '40', '--connections', '4', '--guests', '10', '--prepared'];
    const ran = await machine.run('avma', load, { env: { TMPDIR: folder } });
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toMatch(/^Requests +40 in /m);
    expect(ran.stdout).toMatch(/^Failures +0$/m);
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  test.runIf(ALL_RUN)('with AVMA_TEST_VM=required, is gone when the run is killed', async () => {
    const [file, ...script] = builtCommand('avma');
    const run = spawn(file, [...script, 'host', 'load', '--rate', '20', '--for', '1h'], {
      ...{ env: { ...machine.env, TMPDIR: folder }, stdio: 'ignore' },
    });
    onTestFinished(() => void run.kill('SIGKILL'));
    const serving = await until('the host serves', () => {
      const found = fs.readdirSync(folder).map((name) => path.join(folder, name, 'host/serving.json'));
      return found.find((file) => fs.existsSync(file));
    });
    const host = JSON.parse(fs.readFileSync(serving, 'utf8')).pid;
    run.kill('SIGKILL');
    await until('all is removed', () => fs.readdirSync(folder).length === 0);
    expect(() => process.kill(host, 0)).toThrow('ESRCH');
  });

  test.runIf(ALL_RUN)(
    'with AVMA_TEST_VM=required, that is not there yet is given up on an interrupt',
    async () => {
      const [file, ...script] = builtCommand('avma');
      const run = spawn(file, [...script, 'host', 'load', '--rate', '20', '--for', '1h'], {
        ...{ env: { ...machine.env, TMPDIR: folder }, stdio: ['ignore', 'ignore', 'pipe'] },
      });
      onTestFinished(() => void run.kill('SIGKILL'));
      let stderr = '';
      run.stderr.on('data', (text) => {
        stderr += text;
      });
      await until('it has begun', () => fs.readdirSync(folder)[0]);
      run.kill('SIGINT');
      expect(await once(run, 'close')).toEqual([130, null]);
      expect(stderr).toBe('Interrupted before the host was there.\n');
      expect(fs.readdirSync(folder)).toEqual([]);
    },
  );

  test.runIf(ALL_RUN)('with AVMA_TEST_VM=required, is gone when the run is interrupted', async () => {
    const [file, ...script] = builtCommand('avma');
    const args = [...script, 'host', 'load', '--rate', '20', '--for', '1h', '--json'];
    const run = spawn(file, args, {
      env: { ...machine.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let stdout = '';
    run.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    const ledger = () => fs.readdirSync(folder).map((name) => path.join(folder, name, 'host/events.jsonl'));
    await until('the host has answered', () => ledger().some((events) => fs.existsSync(events)));
    run.kill('SIGINT');
    await once(run, 'close');
    expect(JSON.parse(stdout)).toMatchObject({ rate: 20, failures: 0 });
    expect(fs.readdirSync(folder)).toEqual([]);
  });
});

describe('another host', () => {
  test('is asked over all sockets of a folder, and each guest keeps to one', async () => {
    const load = ['host', 'load', '--pipe', 'unix:pool/', '--rate', '200', '--for', '1s', '--guests', '4'];
    const ran = await machine.run('avma', [...load, '--json', '--seed', 'a']);
    // The host's throttle allows 60 frames on each socket, of which some are hellos.
    const { failures, ...load200 } = JSON.parse(ran.stdout);
    expect(load200).toMatchObject({
      channels: 2,
      requests: 200,
      failuresByCode: [{ code: 'throttled', count: failures }],
    });
    expect(failures).toBeGreaterThanOrEqual(80);
    expect(failures).toBeLessThan(100);
    expect(ran.status).toBe(1);
    const [first, second] = [approvedOn('unix:pool/1.sock'), approvedOn('unix:pool/2.sock')];
    expect([new Set(first).size, new Set(second).size]).toEqual([2, 2]);
    expect(first.filter((vmId) => second.includes(vmId))).toEqual([]);
  });

  test.runIf(ALL_RUN)('with AVMA_TEST_VM=required, knows the guests of a seed again', async () => {
    const load = ['host', 'load', '--pipe', 'unix:h.sock', '--guests', '2', '--seed', 'a', '--requests', '2'];
    expect(await machine.run('avma', load)).toMatchObject({ status: 0 });
    const before = [...approvedOn('unix:pool/1.sock'), ...approvedOn('unix:pool/2.sock')];
    // Events are written in batches, after the answers.
    const again = await until('both approvals are in the events', () => {
      const found = approvedOn('unix:h.sock');
      return found.length === 2 && found;
    });
    expect(again.filter((vmId) => !before.includes(vmId))).toEqual([]);
  });

  test('a run that is interrupted shows what was asked until then, and ends as killed by the signal', async () => {
    const [file, ...script] = builtCommand('avma');
    const load = ['host', 'load', '--pipe', 'unix:cut.sock', '--rate', '5', '--for', '1h', '--json'];
    const run = spawn(file, [...script, ...load], { env: machine.env, cwd: machine.folder });
    onTestFinished(() => void run.kill('SIGKILL'));
    const said = { stdout: '', stderr: '' };
    run.stdout.setEncoding('utf8').on('data', (text) => {
      said.stdout += text;
    });
    run.stderr.setEncoding('utf8').on('data', (text) => {
      said.stderr += text;
    });
    await until('the host has answered', () => approvedOn('unix:cut.sock').length > 0);
    run.kill('SIGINT');
    expect(await once(run, 'close')).toEqual([130, null]);
    const { requests, failures } = JSON.parse(said.stdout);
    expect(failures).toBe(0);
    expect(said.stderr).toBe(`Interrupted: ${requests} of 18,000 requests came to an end.\n`);
  });

  test('that nobody here trusts is not measured', async () => {
    const load = ['host', 'load', '--pipe', 'unix:h.sock', '--requests', '2'];
    const ran = await machine.run('avma', load, { env: { AVMA_STATE_DIR: machine.at('untrusting') } });
    expect(ran.stderr).toContain('[certificate-untrusted');
  });
});

test.each([
  [['--requests', '5', '--rate', '5'], '--requests and --rate exclude each other'],
  [['--depth', '2', '--rate', '5'], '--depth and a rate exclude each other'],
  [['--pipe', 'virtio:x'], '--pipe is "virtio:x", which is no unix socket'],
  [['--pipe', 'unix:nothing/'], 'cannot list nothing/'],
  [['--for', 'ever'], '--for is "ever", which is no time'],
  [['--rate', '0'], '--rate is "0"'],
  [['--requests', '300000', '--prepared'], 'that is 300000 requests, and a run has 200000 at most'],
  [['--requests', '1', '--pipe', 'unix:nobody.sock'], 'ENOENT'],
])('%j is an error that says why', async (args, why) => {
  const ran = await machine.run('avma', ['host', 'load', ...args]);
  expect(ran.stderr).toContain(why);
  expect(ran.status).not.toBe(0);
});
