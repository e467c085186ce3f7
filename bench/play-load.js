// The load tool of this checkout, against a host of any checkout.
import { spawn } from 'node:child_process';
import path from 'node:path';

const TOOL = path.resolve(import.meta.dirname, '../bin/avma');

/**
 * Plays guests against sockets of a certified host.
 *
 * @param pipes sockets, or folders of sockets with a `/` at the end, relative to the host's folder.
 * @param args the further arguments of `avma host load`.
 * @returns `done` resolves with its figures (docs/schemas/host-load.schema.json); `kill` ends it without.
 */
export function startLoad({ folder, options }, pipes, args) {
  const pipe = pipes.flatMap((one) => ['--pipe', `unix:${one}`]);
  const load = spawn(process.execPath, [TOOL, 'host', 'load', ...pipe, ...args.map(String), '--json'], {
    ...options,
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  load.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  load.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const done = new Promise((resolve, reject) => {
    load.once('error', reject);
    load.once('close', () => {
      if (stdout !== '') resolve(JSON.parse(stdout));
      else reject(new Error(`avma host load ${args.join(' ')}: ${stderr}`));
    });
  });
  // Who ends it does not ask for its figures.
  done.catch(() => {});
  return { done, kill: () => load.kill('SIGKILL') };
}

/** As {@link startLoad}, to its end. */
export function playLoad(host, pipes, args) {
  return startLoad(host, pipes, args).done;
}
