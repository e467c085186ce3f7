/** `slmgr localhost /dlv` through a real sshd, with the built slmgr at both ends. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SSHD_IS_MISSING, type Sshd, startSshd } from '../support/sshd.ts';
import { undated } from '../support/undated.ts';
import { builtCommand, type ServedHost, STANDARD_2012_R2, TestMachine } from './test-machine.ts';

if (SSHD_IS_MISSING) {
  process.stderr.write("Tests of remote machines are skipped: Debian's package openssh-server is missing.\n");
}

describe.skipIf(SSHD_IS_MISSING)('slmgr on another machine', () => {
  const machine = new TestMachine();
  let host: ServedHost;
  let sshd: Sshd;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    await machine.certifyHost();
    host = await machine.serve();
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: { AVMA_PIPE: 'unix:h.sock' } });
    sshd = await startSshd();
    const there = Object.entries({ ...machine.env, AVMA_PIPE: host.uri })
      .filter(([name]) => name.startsWith('AVMA_') || name === 'TZ')
      .map(([name, value]) => `${name}=${value}`);
    env = {
      ...sshd.env,
      AVMA_REMOTE_SLMGR: ['env', ...there, ...builtCommand('slmgr')].join(' '),
      // Whatever this end knows must not matter.
      AVMA_STATE_DIR: machine.at('nothing'),
    };
  });
  afterAll(async () => {
    await sshd?.stop();
    await host.stop();
    await machine.close();
  });

  test.each([['/dlv'], ['/dli'], ['/xpr'], ['/dti'], ['/nonsense'], ['/ipk']])(
    'localhost %s gives the same bytes and the same status as it does there',
    async (option) => {
      const here = await machine.run('slmgr', [option]);
      const there = await machine.run('slmgr', ['localhost', option], { env });
      // The two runs are seconds apart, and slmgr counts from now.
      expect({ ...there, stdout: undated(there.stdout) }).toEqual({ ...here, stdout: undated(here.stdout) });
    },
  );

  test('activates there', async () => {
    const { stdout, status } = await machine.run('slmgr', ['localhost', '/ato'], { env });
    expect(stdout).toContain('\nProduct activated successfully.\n');
    expect(status).toBe(0);
  });

  test('and what fails there fails here, with its status', async () => {
    const { stdout, status } = await machine.run('slmgr', ['localhost', '/ipk', 'wrong'], { env });
    expect(stdout).toMatch(/^Error: 0xC004F050 /);
    expect(status).toBe(65);
  });

  test('CRLF line ends are made here', async () => {
    const { stdout } = await machine.run('slmgr', ['localhost', '/dli'], {
      env: { ...env, AVMA_EOL: 'crlf' },
    });
    expect(stdout).toMatch(/^\r\nName: .*\r\n/);
    expect(stdout.replaceAll('\r\n', '')).not.toContain('\n');
  });
});
