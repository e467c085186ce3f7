import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { remoteOutput } from '../../../src/cli/slmgr/output.ts';
import { type RemoteAnswer, runOverSsh, sshCall } from '../../../src/cli/slmgr/remote.ts';
import { joinLines } from '../../../src/cli/slmgr/run.ts';
import { DATACENTER, FakeService, slmgr } from './fake-service.ts';

const service = new FakeService([DATACENTER]);
const login = (machine: string, user = '', password = '') => ({ machine, user, password });

describe('the ssh that is called', () => {
  const OURS = ['-T', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=20'];

  test('slmgr web01 /dlv', () => {
    expect(sshCall(login('web01'), ['/dlv'], {})).toEqual({
      command: 'ssh',
      args: [...OURS, '--', 'web01', 'slmgr /dlv'],
    });
  });

  test('slmgr web01 admin "" /dlv', () => {
    expect(sshCall(login('web01', 'admin'), ['/dlv'], {})).toEqual({
      command: 'ssh',
      args: [...OURS, '-l', 'admin', '--', 'web01', 'slmgr /dlv'],
    });
  });

  test('what a shell could take for more than a word is quoted', () => {
    const call = sshCall(login('web01'), ['/ilc', "it's; $(reboot).json", '', '*'], {});
    expect(call).toMatchObject({
      args: [...OURS, '--', 'web01', `slmgr /ilc 'it'\\''s; $(reboot).json' '' '*'`],
    });
  });

  test('another ssh, with options that win, and another slmgr', () => {
    const env = { AVMA_SSH: '/opt/ssh  -F /etc/avma/ssh.conf', AVMA_REMOTE_SLMGR: 'sudo -n slmgr' };
    expect(sshCall(login('web01'), ['/ato'], env)).toEqual({
      command: '/opt/ssh',
      args: ['-F', '/etc/avma/ssh.conf', ...OURS, '--', 'web01', 'sudo -n slmgr /ato'],
    });
  });

  test.each([
    'web01',
    'WEB_01',
    'web01.example.net',
    '192.0.2.7',
    '2001:db8::1',
    'fe80::1%eth0',
    '::1',
    'localhost',
  ])('%s is a machine', (machine) => expect(sshCall(login(machine), ['/dlv'], {})).toHaveProperty('command'));

  test.each([
    '',
    '-oProxyCommand=x',
    'root@web01',
    'ssh://web01',
    'web01 x',
    'web01;x',
    '$(x)',
    'web01\n',
    '..',
    'a'.repeat(300),
  ])('%j is none', (machine) => {
    expect(sshCall(login(machine), ['/dlv'], {})).toEqual({
      refused: 'This is not the name or the address of a machine.',
    });
  });

  test.each(['admin', 'EXAMPLE\\admin', 'admin@example.net', 'svc-avma_1', 'HOST$'])('%s is a user', (user) =>
    expect(sshCall(login('web01', user), ['/dlv'], {})).toHaveProperty('command'),
  );

  test.each(['-x', 'a b', 'a;b', '$(x)', 'a\n'])('%j is none', (user) => {
    expect(sshCall(login('web01', user), ['/dlv'], {})).toEqual({
      refused: `${user} is not the name of a user.`,
    });
  });
});

describe('slmgr MACHINE', () => {
  const answering = (answer: RemoteAnswer) => {
    const asked: unknown[] = [];
    return {
      asked,
      remote: async (...args: unknown[]) => {
        asked.push(args);
        return answer;
      },
    };
  };
  const output = Buffer.from('Name: \xe9\nError: no\n\n', 'latin1');
  const answered: RemoteAnswer = { kind: 'answered', output, exitStatus: 84 };

  test('passes option and values on as they are, and bytes and exit status back', async () => {
    const { asked, remote } = answering(answered);
    const result = await slmgr('web01 admin "" /DLV All foo', service, { remote });
    expect(asked).toEqual([[login('web01', 'admin'), ['/DLV', 'All', 'foo']]]);
    expect(result).toEqual({ lines: [], remoteOutput: output, exitStatus: 84, advice: [], unlicensed: [] });
  });

  test('what the other machine prints changes its line ends only', () => {
    expect(remoteOutput(output, { eol: '\n', unicode: false })).toBe(output);
    expect(remoteOutput(output, { eol: '\r\n', unicode: false })).toEqual(
      Buffer.from('Name: \xe9\r\nError: no\r\n\r\n', 'latin1'),
    );
    expect(remoteOutput(Buffer.from('Name: \u00e9\n'), { eol: '\r\n', unicode: true })).toBe(
      'Name: \u00e9\r\n',
    );
  });

  test.each(['/?', '/ipk'])('leaves the judgement of %s to the other machine', async (option) => {
    const { asked, remote } = answering(answered);
    expect((await slmgr(`web01 ${option}`, service, { remote })).exitStatus).toBe(84);
    expect(asked).toHaveLength(1);
  });

  test.each([
    '/ad-activation-online K',
    '/ad-activation-get-iid',
    '/ad-activation-apply-cid',
    '/AO-LIST',
    '/del-ao',
  ])('does not run %s there', async (option) => {
    const { asked, remote } = answering(answered);
    expect(await slmgr(`web01 ${option}`, service, { remote })).toEqual({
      lines: ['This command of SLMgr.vbs is not supported for remote execution', ''],
      exitStatus: 1,
      advice: [],
      unlicensed: [],
    });
    expect(asked).toEqual([]);
  });

  test('says that it cannot connect', async () => {
    const { remote } = answering({ kind: 'not-connected', hresult: 0x800706ba });
    expect(await slmgr('web01 /dlv', service, { remote })).toEqual({
      lines: ['Error 0x800706BA occurred in connecting to server web01. The RPC server is unavailable', ''],
      exitStatus: 69,
      advice: [],
      unlicensed: [],
    });
  });

  test('says that no slmgr is there', async () => {
    const { remote } = answering({ kind: 'no-slmgr' });
    expect(await slmgr('web01 /dlv', service, { remote })).toEqual({
      lines: ['The remote machine does not support this version of SLMgr.vbs', ''],
      exitStatus: 1,
      advice: [],
      unlicensed: [],
    });
  });

  test('takes no password', async () => {
    const result = await slmgr('web01 admin secret /dlv', service);
    expect(result.lines).toEqual([
      'Error 0x80070057 occurred in connecting to server web01. A password on a command line can be read by every user of this machine, so none is taken there. Let admin log in with an ssh key or an agent, and leave the password empty: slmgr web01 admin "" OPTION',
      '',
    ]);
    expect(joinLines(result.lines, '\n')).not.toContain('secret');
    expect(result.exitStatus).toBe(64);
  });

  test('takes no machine that ssh could misunderstand', async () => {
    expect(await slmgr('root@web01 /dlv', service)).toEqual({
      lines: [
        'Error 0x80070057 occurred in connecting to server root@web01. This is not the name or the address of a machine.',
        '',
      ],
      exitStatus: 64,
      advice: [],
      unlicensed: [],
    });
  });
});

describe.skipIf(process.platform === 'win32')('over an ssh that runs the command here', () => {
  let folder: string;
  let env: NodeJS.ProcessEnv;
  const script = (name: string, body: string) =>
    fs.writeFileSync(path.join(folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });

  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-ssh-'));
    env = { PATH: `${folder}:${process.env['PATH']}` };
    // What sshd does: the last argument is one string, and it is the login shell's.
    script('ssh', 'for last; do :; done\nexec sh -c "$last"');
    script('slmgr', `printf '%s\\0' "$@"`);
    script('refusing', 'echo "Error: no"\nexit 84');
    script('silent', 'exit 127');
    script('broken-ssh', 'echo "cannot resolve" >&2\nexit 255');
    script('killed-ssh', 'kill -9 $$');
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  test('each argument arrives as it was', async () => {
    const argument = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));
    await fc.assert(
      fc.asyncProperty(fc.array(argument), async (values) => {
        const answer = await runOverSsh(login('web01'), ['/ilc', ...values], { env });
        expect(answer).toMatchObject({ kind: 'answered', exitStatus: 0 });
        const output = Buffer.from((answer as { output: Uint8Array }).output).toString();
        expect(output).toBe(['/ilc', ...values].map((value) => `${value}\0`).join(''));
      }),
      { numRuns: 50 },
    );
  });

  test('the exit status comes back', async () => {
    expect(
      await runOverSsh(login('web01'), ['/ato'], { env: { ...env, AVMA_REMOTE_SLMGR: 'refusing' } }),
    ).toEqual({
      kind: 'answered',
      output: Buffer.from('Error: no\n'),
      exitStatus: 84,
    });
  });

  test('a machine without slmgr', async () => {
    const answer = await runOverSsh(login('web01'), ['/ato'], {
      env: { ...env, AVMA_REMOTE_SLMGR: 'silent' },
    });
    expect(answer).toEqual({ kind: 'no-slmgr' });
  });

  test.each(['broken-ssh', 'killed-ssh'])('%s', async (name) => {
    expect(await runOverSsh(login('web01'), ['/ato'], { env: { ...env, AVMA_SSH: name } })).toEqual({
      kind: 'not-connected',
      hresult: 0x800706ba,
    });
  });

  test('no ssh at all', async () => {
    expect(await runOverSsh(login('web01'), ['/ato'], { env: { ...env, AVMA_SSH: 'no-such-ssh' } })).toEqual({
      kind: 'not-connected',
      hresult: 0x80070002,
      reason: 'no-such-ssh could not be started: install the OpenSSH client, or name one in AVMA_SSH.',
    });
  });
});
