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
  stop(): Promise<void>;
}

export async function startSshd(): Promise<Sshd> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-sshd-'));
  const file = (name: string) => path.join(folder, name);
  for (const key of ['host', 'user', 'stranger']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)]);
  }
  fs.copyFileSync(file('user.pub'), file('authorized_keys'));
  if (process.getuid?.() === 0) fs.mkdirSync(PRIVILEGE_SEPARATION, { recursive: true, mode: 0o755 });
  const { sshd, port } = await startOnFreePort(file);
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
  return {
    folder,
    env: { AVMA_SSH: `ssh -F ${file('ssh.conf')} -i ${file('user')}` },
    async stop() {
      const ended = new Promise((resolve) => sshd.once('exit', resolve));
      sshd.kill();
      await ended;
      fs.rmSync(folder, { recursive: true });
    },
  };
}

/** sshd cannot choose a port itself, and another program may take a free one before sshd does. */
async function startOnFreePort(
  file: (name: string) => string,
): Promise<{ sshd: ChildProcess; port: number }> {
  for (let tries = 5; ; tries--) {
    const port = await freePort();
    writeConfiguration(file, port);
    const sshd = spawn(SSHD, ['-D', '-e', '-f', file('sshd.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
    try {
      await listening(sshd);
      return { sshd, port };
    } catch (thrown) {
      if (tries === 1 || !String(thrown).includes('Address already in use')) throw thrown;
    }
  }
}

function writeConfiguration(file: (name: string) => string, port: number): void {
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
    sshd.on('close', () => reject(new Error(said)));
  });
}
