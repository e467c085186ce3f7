import { type ChildProcess, type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { AvmaError, toAvmaError } from '../../../errors/avma-error.ts';
import { pause } from '../../../system/pause.ts';
import { commandLine, type Launcher } from '../../launcher.ts';

/** How long the host may take until its sockets are there, in milliseconds. */
const START_TIMEOUT_MS = 30_000;
/** How long it may take to stop before it is killed, in milliseconds. */
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 20;

/** More than any load sends: what is measured is the host, not its throttle. */
const NO_THROTTLE = '9999999/1';

/** A host of a load run's own. */
export interface LoadHost {
  readonly sockets: readonly string[];
  /** The folder with the trust anchor of its vendor. */
  readonly trustFolder: string;
  /** Stops it and removes all that it has written. */
  remove(): Promise<void>;
}

/**
 * Makes a vendor and a host that it has certified, in a temporary folder, and has the host serve in a process
 * of its own.
 * The folder is removed if that fails.
 *
 * @param sockets - How many sockets it listens on.
 * @returns undefined if the signal came before the host was there.
 * @throws {AvmaError} `internal` with the host's last words.
 */
export async function startLoadHost(
  launcher: Launcher,
  sockets: number,
  signal: AbortSignal,
): Promise<LoadHost | undefined> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-load-'));
  let host: ChildProcess | undefined;
  let heir: Heir | undefined;
  const remove = async () => {
    if (host !== undefined) await stop(host);
    heir?.kill('SIGKILL');
    fs.rmSync(folder, { recursive: true, force: true });
  };
  try {
    const trustFolder = await certifyHost(launcher, folder);
    const paths = Array.from({ length: sockets }, (_, at) => path.join(folder, `${at}.sock`));
    host = serve(launcher, folder, paths);
    heir = appointHeir(folder, host);
    await listening(host, folder, paths, signal);
    return { sockets: paths, trustFolder, remove };
  } catch (thrown) {
    await remove();
    if (signal.aborted) return undefined;
    throw thrown;
  }
}

function environmentOf(folder: string): NodeJS.ProcessEnv {
  const outside = Object.entries(process.env).filter(([name]) => !name.startsWith('AVMA_'));
  return {
    ...Object.fromEntries(outside),
    AVMA_STATE_DIR: path.join(folder, 'guest'),
    AVMA_HOST_DIR: path.join(folder, 'host'),
    AVMA_TRUST_DIR: path.join(folder, 'trust'),
    AVMA_CONFIG: path.join(folder, 'config.json'),
  };
}

/** From `vendor init` to `host activate`. Returns the folder of the trust anchor. */
async function certifyHost(launcher: Launcher, folder: string): Promise<string> {
  const at = (name: string) => path.join(folder, name);
  const avma = async (...words: readonly string[]): Promise<string> => {
    const [file, ...args] = commandLine(launcher, 'avma', words);
    try {
      return (await promisify(execFile)(file, args, { env: environmentOf(folder) })).stdout;
    } catch (thrown) {
      throw toAvmaError(thrown, `cannot set up a host: avma ${words.slice(0, 2).join(' ')}`);
    }
  };
  fs.writeFileSync(at('config.json'), '{}');
  await avma('vendor', 'init', '--out', at('vendor'), '--name', 'Load test');
  await avma('host', 'init', '--name', 'load-test');
  fs.writeFileSync(at('request.json'), await avma('host', 'request'));
  const windows = ['--edition', 'ServerDatacenter', '--os-version', '10.0.26100', '--licensing', 'MAK'];
  const key = ['--key', at('vendor/root.key'), '--days', '365'];
  fs.writeFileSync(
    at('certificate.json'),
    await avma('vendor', 'certify', at('request.json'), ...key, ...windows),
  );
  await avma('host', 'activate', at('certificate.json'));
  fs.mkdirSync(at('trust'));
  fs.copyFileSync(at('vendor/root.pub.json'), at('trust/root.pub.json'));
  return at('trust');
}

/** The host's talk goes to a file, as a service's goes to the journal. */
function serve(launcher: Launcher, folder: string, paths: readonly string[]): ChildProcess {
  const listen = paths.flatMap((socket) => ['--listen', `unix:${socket}`]);
  const [file, ...args] = commandLine(launcher, 'avma', [
    ...['host', 'serve', '--throttle', NO_THROTTLE, '--host-throttle', NO_THROTTLE],
    ...listen,
  ]);
  const log = fs.openSync(path.join(folder, 'host.log'), 'w', 0o600);
  try {
    return spawn(file, args, { env: environmentOf(folder), stdio: ['ignore', log, log] });
  } finally {
    fs.closeSync(log);
  }
}

type Heir = ChildProcessByStdio<Writable, null, null>;

/** What a run that was killed leaves to do: wait until its end of the pipe is closed, stop the host, remove all. */
const LAST_WILL = `
read -r _
kill -TERM "$1"
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" 2>/dev/null && sleep 1; done
kill -KILL "$1"
rm -rf -- "$2"
`;

/** A process that cleans up if this one is killed. Windows has no shell for it. */
function appointHeir(folder: string, { pid }: ChildProcess): Heir | undefined {
  if (process.platform === 'win32' || pid === undefined) return undefined;
  const args = ['-c', LAST_WILL, 'avma-load', String(pid), folder];
  // In a session of its own: Ctrl-C on the terminal is for the run, which cleans up itself.
  const heir = spawn('/bin/sh', args, { detached: true, cwd: '/', stdio: ['pipe', 'ignore', 'ignore'] });
  heir.on('error', () => {});
  heir.unref();
  return heir;
}

async function listening(
  host: ChildProcess,
  folder: string,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const failed = once(host, 'error').then(([error]) => Promise.reject(error));
  const givenUpAt = performance.now() + START_TIMEOUT_MS;
  while (!paths.every((socket) => fs.existsSync(socket))) {
    if (host.exitCode !== null || signal.aborted || performance.now() > givenUpAt) {
      const said = fs.readFileSync(path.join(folder, 'host.log'), 'utf8').trim().split('\n').slice(-3);
      throw new AvmaError('internal', `the host of the load run did not start: ${said.join(' ')}`);
    }
    await Promise.race([pause(POLL_MS, signal), failed]);
  }
}

async function stop(host: ChildProcess): Promise<void> {
  if (host.exitCode !== null || host.signalCode !== null || host.pid === undefined) return;
  const ended = once(host, 'exit');
  host.kill('SIGTERM');
  const timer = setTimeout(() => host.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}
