import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { onTestFinished } from 'vitest';
import { findProgram } from '../../src/system/find-program.ts';
import { until } from './until.ts';

/** What is missing to receive messages as systemd does; undefined where nothing is. */
export const cannotReceive: string | undefined = ['systemd-notify', 'perl'].find(
  (program) => findProgram(program, process.env) === null,
);

/**
 * Node has no such sockets. After its message, systemd-notify sends a file descriptor and waits until it is closed:
 * recv drops it, and what came with it is no assignment.
 */
const RECEIVER = `
  socket(S, AF_UNIX, SOCK_DGRAM, 0) or die; bind(S, sockaddr_un($ARGV[0])) or die; $| = 1;
  while (defined recv(S, $message, 65536, 0)) { print "$message\n" unless $message =~ /^BARRIER=/ }`;

/**
 * A socket that takes the messages of sd_notify(3), as systemd's does: `messages` has each assignment that came, in
 * order. Gone when the test has finished.
 */
export async function notifySocket(file: string): Promise<{ env: NodeJS.ProcessEnv; messages(): string[] }> {
  const child = spawn('perl', ['-MSocket', '-e', RECEIVER, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('close', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    fs.rmSync(file, { force: true });
  });
  let received = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    received += text;
  });
  await until('the socket is there', () => fs.existsSync(file));
  return {
    env: { NOTIFY_SOCKET: file },
    messages: () => received.split('\n').filter((line) => line !== ''),
  };
}
