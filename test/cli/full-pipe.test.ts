/** stdout is a pipe that is full and does not wait: the program that made it, or another that shares it, made it so. */
import { spawn, spawnSync } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';
import { builtCommand } from './test-machine.ts';

/** Makes stdout the smallest pipe that Linux has, 4096 bytes (F_SETPIPE_SZ is 1031), which does not wait. */
const SMALL_PIPE =
  'use Fcntl; fcntl(STDOUT, 1031, 4096); fcntl(STDOUT, F_SETFL, O_WRONLY | O_NONBLOCK); exec @ARGV';

const hasPerl = spawnSync('perl', ['-e', 'use Fcntl;']).status === 0;

test.skipIf(!hasPerl || process.platform !== 'linux')(
  'all that slmgr prints arrives through a pipe that is full (needs perl)',
  async () => {
    const env = { ...process.env, AVMA_STATE_DIR: tempFolder() };
    const [file, ...words] = builtCommand('slmgr');
    const args = [...words, '/dlv', 'all'];
    const whole = spawnSync(file, args, { env }).stdout.toString();
    expect(whole.length).toBeGreaterThan(4096);
    // Whoever ends without waiting for room has ended before the reader begins.
    const script = `perl -e '${SMALL_PIPE}' "$@" | (sleep 1; cat)`;
    const shell = spawn('sh', ['-c', script, 'sh', file, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    expect(await text(shell.stdout)).toBe(whole);
  },
);
