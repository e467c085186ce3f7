/** `avma host top` on a real terminal, of util-linux's script, and into a pipe. */
import { type ChildProcess, spawn } from 'node:child_process';
import xterm from '@xterm/headless';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { missingScript } from '../../support/script.ts';
import { until } from '../../support/until.ts';
import { builtCommand, type ServedHost, STANDARD_2012_R2, TestMachine } from '../test-machine.ts';

const missing = missingScript();
const machine = new TestMachine();
let host: ServedHost;

beforeAll(async () => {
  await machine.certifyHost();
  host = await machine.serve();
  await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2]);
});
afterAll(async () => {
  await host.stop();
  await machine.close();
});

const activate = () => machine.mustRun('avma', ['guest', 'activate'], { env: { AVMA_PIPE: 'unix:h.sock' } });

test('where there is no terminal, one picture is printed', async () => {
  await activate();
  const { stdout, status } = await machine.run('avma', ['host', 'top']);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^hv01 {2}activated/);
  expect(stdout).toMatch(/^Guests +1 licensed, 1 present$/m);
  expect(stdout).toMatch(/ approved +\S+ +\S{8} +ServerStandard/);
  expect(stdout).not.toContain('\x1b');
});

describe.skipIf(missing !== undefined)('on a terminal', () => {
  /** The command on a terminal of 80 columns and 24 rows. */
  function top(): { child: ChildProcess; shown: () => string; ended: Promise<unknown> } {
    const terminal = new xterm.Terminal({ cols: 80, rows: 24, allowProposedApi: true });
    const command = builtCommand('avma')
      .map((word) => `'${word}'`)
      .join(' ');
    const line = `stty cols 80 rows 24; ${command} host top; echo "after $?"`;
    const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
      ...{ env: { ...machine.env, TERM: 'xterm', LANG: 'C.UTF-8' }, cwd: machine.folder, stdio: 'pipe' },
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    child.stdout?.on('data', (bytes: Buffer) => terminal.write(bytes));
    const ended = new Promise((resolve) => child.once('close', resolve));
    const shown = () => {
      const { active } = terminal.buffer;
      return [...Array(24).keys()]
        .map((row) => active.getLine(active.baseY + row)?.translateToString(true) ?? '')
        .join('\n');
    };
    return { child, shown, ended };
  }

  test('it follows what happens, and a host that is started again, until q', async () => {
    const { child, shown, ended } = top();
    await until('the host is shown', () => shown().includes('q ends'));
    await activate();
    await until('the activation is shown', () => /^\d\d:\d\d:\d\d +. approved/m.test(shown()));
    await host.stop();
    await until('it says that the host is gone', () => shown().includes('does not run any more'));
    host = await machine.serve();
    await until('the host is back', () => shown().includes('Nothing has happened since'));
    child.stdin?.write('q');
    await ended;
    await until('the shell goes on', () => shown().includes('after 0'));
  });

  test('^C ends it, and gives the terminal back', async () => {
    const { child, shown, ended } = top();
    await until('the host is shown', () => shown().includes('q ends'));
    child.stdin?.write('\x03');
    await ended;
    await until('the shell goes on', () => /after (0|130)/.test(shown()));
  });
});

test('without a host it says so', async () => {
  await host.stop();
  const ran = await machine.run('avma', ['host', 'top']);
  host = await machine.serve();
  expect(ran).toMatchObject({ status: 69, stderr: expect.stringContaining('[host-not-running') });
});
