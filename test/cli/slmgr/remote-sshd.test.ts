/** The same against OpenSSH's own server, on a loopback port with keys of its own; skipped where there is none. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runOverSsh } from '../../../src/cli/slmgr/remote.ts';

const SSHD = '/usr/sbin/sshd';
const KEYGEN = 'ssh-keygen';
/** sshd wants this folder when root runs it; the system makes it at boot, if sshd is a service. */
const PRIVILEGE_SEPARATION = '/run/sshd';
const USER = os.userInfo().username;

describe.skipIf(!fs.existsSync(SSHD))('over OpenSSH', () => {
  let folder: string;
  let sshd: ChildProcess;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-sshd-'));
    const file = (name: string) => path.join(folder, name);
    for (const key of ['host', 'user', 'stranger']) {
      execFileSync(KEYGEN, ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)]);
    }
    fs.copyFileSync(file('user.pub'), file('authorized_keys'));
    fs.writeFileSync(file('slmgr'), '#!/bin/sh\nprintf "%s\\n" "$@"\nprintf "caf\\351\\n"\nexit 84\n', {
      mode: 0o755,
    });
    if (process.getuid?.() === 0) fs.mkdirSync(PRIVILEGE_SEPARATION, { recursive: true, mode: 0o755 });
    const port = await freePort();
    fs.writeFileSync(
      file('sshd.conf'),
      [
        `ListenAddress 127.0.0.1:${port}`,
        `HostKey ${file('host')}`,
        `AuthorizedKeysFile ${file('authorized_keys')}`,
        'PidFile none',
        'StrictModes no',
        'PasswordAuthentication no',
        'KbdInteractiveAuthentication no',
      ].join('\n'),
    );
    const [type, key] = fs.readFileSync(file('host.pub'), 'utf8').split(' ');
    fs.writeFileSync(file('known_hosts'), `[127.0.0.1]:${port} ${type} ${key}\n`);
    fs.writeFileSync(
      file('ssh.conf'),
      [
        `Port ${port}`,
        `UserKnownHostsFile ${file('known_hosts')}`,
        'IdentitiesOnly yes',
        'LogLevel QUIET',
      ].join('\n'),
    );
    env = {
      ...process.env,
      AVMA_SSH: `ssh -F ${file('ssh.conf')} -i ${file('user')}`,
      AVMA_REMOTE_SLMGR: file('slmgr'),
    };
    sshd = spawn(SSHD, ['-D', '-e', '-f', file('sshd.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
    await listening(sshd);
  });
  afterAll(() => {
    sshd.kill();
    fs.rmSync(folder, { recursive: true });
  });

  test('arguments, bytes and exit status survive', async () => {
    const values = ['/ilc', 'a  b', "it's", '', '$HOME `id` "*" \\ ~ !', '-x', 'two\nlines'];
    expect(await runOverSsh({ machine: '127.0.0.1', user: USER, password: '' }, values, env)).toEqual({
      kind: 'answered',
      output: Buffer.from([...values, 'caf\xe9', ''].join('\n'), 'latin1'),
      exitStatus: 84,
    });
  });

  test('a machine without slmgr is told from one that cannot be reached', async () => {
    const machine = { machine: '127.0.0.1', user: '', password: '' };
    const missing = {
      ...env,
      AVMA_REMOTE_SLMGR: path.join(folder, 'nothing-here'),
      AVMA_SSH: `${env['AVMA_SSH']}`,
    };
    expect(await runOverSsh(machine, ['/dlv'], missing)).toEqual({ kind: 'no-slmgr' });
    const strange = { ...env, AVMA_SSH: env['AVMA_SSH']?.replace(/user$/, 'stranger') };
    expect(await runOverSsh(machine, ['/dlv'], strange)).toEqual({
      kind: 'not-connected',
      hresult: 0x800706ba,
    });
  });

  test('a host key that is not the known one is not connected to', async () => {
    fs.writeFileSync(path.join(folder, 'known_hosts'), '');
    expect(await runOverSsh({ machine: '127.0.0.1', user: '', password: '' }, ['/dlv'], env)).toEqual({
      kind: 'not-connected',
      hresult: 0x800706ba,
    });
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Resolves when sshd says that it listens; rejects with what it says instead. */
function listening(sshd: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    sshd.stderr?.on('data', (chunk: Buffer) => {
      said += chunk;
      if (said.includes('Server listening')) resolve();
    });
    sshd.on('error', reject);
    sshd.on('exit', () => reject(new Error(said)));
  });
}
