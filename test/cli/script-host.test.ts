/** The words of Windows' script host, given to the real slmgr and cscript. */
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HANG_MS } from '../support/hang.ts';
import { undated } from '../support/undated.ts';
import { until } from '../support/until.ts';
import {
  builtCommand,
  type Ran,
  type RunOptions,
  type ServedHost,
  STANDARD_2012_R2,
  TestMachine,
} from './test-machine.ts';

const machine = new TestMachine();
const silent = net.createServer(() => {});
let host: ServedHost;

beforeAll(async () => {
  await machine.certifyHost();
  host = await machine.serve();
  await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: { AVMA_PIPE: 'unix:h.sock' } });
  silent.listen(machine.at('silent.sock'));
  await once(silent, 'listening');
});
afterAll(async () => {
  silent.close();
  await host.stop();
  await machine.close();
});

const HOST = { env: { AVMA_PIPE: 'unix:h.sock' } };
const NO_HOST = { env: { AVMA_PIPE: 'unix:nothing.sock' } };

describe('//B prints nothing at all and keeps the exit status', () => {
  test.each([
    ['slmgr', ['//B', '/dlv'], HOST, 0],
    ['slmgr', ['/ato', '//b'], HOST, 0],
    ['slmgr', ['/ato', '//B'], NO_HOST, 69],
    ['slmgr', ['//B'], HOST, 1],
    ['slmgr', ['//B', '/nonsense'], HOST, 1],
    ['slmgr', ['//B', '//Q', '/dlv'], HOST, 1],
    ['slmgr', ['//B', '//?'], HOST, 0],
    ['slmgr', ['//B', 'vm1', '/dlv'], { env: { AVMA_SSH: 'ssh -F /dev/null -p 1', AVMA_DEADLINE: '' } }, 69],
    ['cscript', ['-b', 'slmgr.vbs', '/dlv'], HOST, 0],
    ['cscript', ['//B', 'missing.vbs'], HOST, 1],
  ] as const)('%s %j', async (command, args, run, status) => {
    expect(await machine.run(command, args, run)).toEqual({ stdout: '', stderr: '', status });
  });

  test('and the activation took place', async () => {
    const activations = () =>
      machine.events('guest').filter(({ outcome }) => outcome === 'AVMA Success').length;
    const before = activations();
    await machine.mustRun('slmgr', ['//B', '/ato'], HOST);
    expect(activations()).toBe(before + 1);
  });

  test('a fault in the program is not shown either', async () => {
    fs.writeFileSync(
      machine.at('broken.mjs'),
      `export default () => ({ exchange() { throw new TypeError('broken'); }, close() {} });`,
    );
    expect(
      await machine.run('slmgr', ['//B', '/ato'], { env: { AVMA_PIPE: 'module:./broken.mjs' } }),
    ).toEqual({
      stdout: '',
      stderr: '',
      status: 74,
    });
  });
});

test.each([
  [['//nologo', '/dli']],
  [['/dli', '//Logo']],
  [['//T:600', '/dli']],
  [['//E:vbscript', '//H:CScript', '//S', '//D', '//X', '//Job:1', '//I', '/dli']],
])('slmgr %j prints what slmgr /dli prints', async (args) => {
  const plain = await machine.run('slmgr', ['/dli']);
  const ran = await machine.run('slmgr', args);
  expect({ ...ran, stdout: undated(ran.stdout) }).toEqual({ ...plain, stdout: undated(plain.stdout) });
});

test.each([[['-nologo']], [['/nologo']], [['//NoLogo']]])(
  'cscript %j leaves the banner out',
  async (options) => {
    const { stdout } = await machine.run('cscript', [...options, 'slmgr.vbs', '/xpr']);
    expect(stdout).toMatch(
      /^Windows\(R\), ServerStandard edition:\r\n {4}Automatic VM activation will expire .*\r\n\r\n$/,
    );
  },
);

describe('//U writes UTF-16LE without a byte order mark', () => {
  test('slmgr', async () => {
    const plain = await machine.run('slmgr', ['/dli']);
    const { stdout } = await machine.run('slmgr', ['//U', '/dli'], { encoding: 'utf16le' });
    expect(undated(stdout)).toBe(undated(plain.stdout));
  });

  test('cscript, its banner too', async () => {
    const plain = await machine.run('cscript', ['slmgr.vbs', '/dli']);
    const { stdout } = await machine.run('cscript', ['slmgr.vbs', '/dli', '//u'], { encoding: 'utf16le' });
    expect(undated(stdout)).toBe(undated(plain.stdout));
  });
});

describe('//T ends the run', () => {
  const timedOut = (script: string, eol: string) =>
    [
      `Script execution time was exceeded on script "${script}".`,
      'Script execution was terminated.',
      '',
    ].join(eol);

  test('when a host stays silent, with exit status 1 and two lines', async () => {
    const run = { env: { AVMA_PIPE: 'unix:silent.sock', AVMA_DEADLINE: '600' } };
    expect(await machine.run('slmgr', ['//T:1', '/ato'], run)).toEqual({
      stdout: timedOut(builtCommand('slmgr').at(-1) as string, '\n'),
      stderr: '',
      status: 1,
    });
    const { stdout, status } = await machine.run('cscript', ['-t:1', '-nologo', 'slmgr.vbs', '/ato'], run);
    expect(stdout).toBe(timedOut(machine.at('slmgr.vbs'), '\r\n'));
    expect(status).toBe(1);
  });

  test('a script path of Windows is shown as it was given', async () => {
    const run = { env: { AVMA_PIPE: 'unix:silent.sock', AVMA_DEADLINE: '600' } };
    const script = String.raw`C:\Windows\System32\slmgr.vbs`;
    const { stdout } = await machine.run('cscript', ['//nologo', script, '/ato', '//T:1'], run);
    expect(stdout).toBe(timedOut(script, '\r\n'));
  });

  test('and with //B nothing is printed', async () => {
    const run = { env: { AVMA_PIPE: 'unix:silent.sock', AVMA_DEADLINE: '600' } };
    expect(await machine.run('slmgr', ['//B', '//T:1', '/ato'], run)).toEqual({
      stdout: '',
      stderr: '',
      status: 1,
    });
  });

  test('the children of a pipe end with it, and the license is as it was', async () => {
    const pidFile = machine.at('child.pid');
    const command = `echo $$ >${pidFile}; sleep 600 & echo $! >>${pidFile}; exec sleep 600`;
    const run = { env: { AVMA_PIPE: `exec:${command}`, AVMA_DEADLINE: '600' } };
    const before = await machine.run('slmgr', ['/dli']);
    const pids = () => fs.readFileSync(pidFile, 'utf8').trim().split('\n').map(Number);
    const hasBegun = () => fs.existsSync(pidFile) && pids().length === 2;
    expect((await runTooLong(hasBegun, ['/ato'], run)).status).toBe(1);
    for (const pid of pids()) await until(`${pid} has ended`, () => !isRunning(pid));
    const after = await machine.run('slmgr', ['/dli']);
    expect(undated(after.stdout)).toBe(undated(before.stdout));
    expect(fs.readdirSync(machine.at('guest')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    await machine.mustRun('slmgr', ['/ato'], HOST);
  });

  test('a pipe that does not even close does not hold it up', async () => {
    fs.writeFileSync(
      machine.at('stuck.mjs'),
      `setInterval(() => {}, 1000);
       const never = () => new Promise(() => {});
       export default () => ({ exchange: never, close: never });`,
    );
    const run = { env: { AVMA_PIPE: 'module:./stuck.mjs', AVMA_DEADLINE: '600' } };
    expect((await machine.run('slmgr', ['//T:1', '/ato'], run)).status).toBe(1);
  });

  test('ssh ends with it', async () => {
    const [ssh, pidFile] = [machine.at('ssh'), machine.at('ssh.pid')];
    fs.writeFileSync(ssh, `#!/bin/sh\necho $$ >${pidFile}\nexec sleep 600\n`, { mode: 0o755 });
    const pid = () => Number(fs.readFileSync(pidFile, 'utf8'));
    const hasBegun = () => fs.existsSync(pidFile) && pid() > 0;
    expect((await runTooLong(hasBegun, ['vm1', '/dlv'], { env: { AVMA_SSH: ssh } })).status).toBe(1);
    await until('ssh has ended', () => !isRunning(pid()));
  });

  test('0 is no limit, and a run that is over in time ends at once', async () => {
    expect((await machine.run('slmgr', ['//T:0', '/ato'], HOST)).stdout).toContain('activated successfully');
    expect((await machine.run('slmgr', ['//T:32767', '/ato'], HOST)).stdout).toContain(
      'activated successfully',
    );
  });
});

describe("the script host's own messages", () => {
  test.each([
    ['slmgr', ['//Q', '/dlv'], 'Input Error: Unknown option "//Q" specified.\n', 1],
    ['slmgr', ['//', '/dlv'], 'Input Error: Unknown option "//" specified.\n', 1],
    ['slmgr', ['//T:abc', '/dlv'], 'Input Error: Unknown option "//T:abc" specified.\n', 1],
    ['cscript', ['//nologo', '//Q', 'slmgr.vbs'], 'Input Error: Unknown option "//Q" specified.\r\n', 1],
    ['cscript', ['//nologo'], 'Input Error: There is no script file specified.\r\n', 1],
  ] as const)('%s %j', async (command, args, stdout, status) => {
    expect(await machine.run(command, args)).toEqual({ stdout, stderr: '', status });
  });

  test('a script that is not there, by its whole path', async () => {
    const { stdout, status } = await machine.run('cscript', ['//nologo', 'missing.vbs', '/dlv']);
    expect(stdout).toBe(`Input Error: Can not find script file "${machine.at('missing.vbs')}".\r\n`);
    expect(status).toBe(1);
  });

  test('//? prints the usage of the script host, after its banner', async () => {
    const { stdout, status } = await machine.run('cscript', ['//?']);
    expect(stdout).toMatch(
      /^Microsoft \(R\) Windows Script Host .*\r\n.*\r\n\r\nUsage: CScript scriptname\.extension/,
    );
    expect(status).toBe(0);
    expect((await machine.run('slmgr', ['//?', '/dlv'])).stdout).toMatch(/^Usage: CScript /);
  });
});

/**
 * Runs slmgr with a limit of one second; with more, as long as what the limit should end had not even begun by then.
 *
 * @param hasBegun - Asked after each run.
 */
async function runTooLong(
  hasBegun: () => boolean,
  args: readonly string[],
  options: RunOptions,
): Promise<Ran> {
  for (let seconds = 1; ; seconds *= 2) {
    const ran = await machine.run('slmgr', [`//T:${seconds}`, ...args], options);
    if (hasBegun() || seconds * 1000 > HANG_MS) return ran;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A child that ended and that its new parent has not collected yet still has a number.
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
