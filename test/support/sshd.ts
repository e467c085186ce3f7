/** OpenSSH's own server on a loopback port, with keys of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

const SSHD = '/usr/sbin/sshd';
/** sshd wants this folder when root runs it; the system makes it at boot, if sshd is a service. */
const PRIVILEGE_SEPARATION = '/run/sshd';

export const SSHD_IS_MISSING = !fs.existsSync(SSHD);

export interface Sshd {
  /** Keys, known hosts and configuration lie here; the test may add its own files. */
  readonly folder: string;
  /** The environment under which slmgr's ssh reaches this server. */
  readonly env: NodeJS.ProcessEnv;
  stop(): void;
}

export async function startSshd(): Promise<Sshd> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-sshd-'));
  const file = (name: string) => path.join(folder, name);
  for (const key of ['host', 'user', 'stranger']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)]);
  }
  fs.copyFileSync(file('user.pub'), file('authorized_keys'));
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
  fs.writeFileSync(file('known_hosts'), `[127.0.0.1]:${port},[localhost]:${port} ${type} ${key}\n`);
  fs.writeFileSync(
    file('ssh.conf'),
    [
      `Port ${port}`,
      'AddressFamily inet',
      `UserKnownHostsFile ${file('known_hosts')}`,
      'IdentitiesOnly yes',
      'LogLevel QUIET',
    ].join('\n'),
  );
  const sshd = spawn(SSHD, ['-D', '-e', '-f', file('sshd.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
  await listening(sshd);
  return {
    folder,
    env: { AVMA_SSH: `ssh -F ${file('ssh.conf')} -i ${file('user')}` },
    stop() {
      sshd.kill();
      fs.rmSync(folder, { recursive: true });
    },
  };
}

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
