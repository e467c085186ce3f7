/** `avma host serve --libvirt` beside a real libvirtd, as a process of its own. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { HANG_MS } from '../support/hang.ts';
import type { LibvirtRoot } from './libvirt-root.ts';

/** A host that serves the domains of a libvirtd. */
export interface LibvirtHost {
  /** All that it has said, a line each. */
  readonly said: readonly string[];
  /** Resolves with the first line from the `from`th on that matches; rejects when the host ends. */
  says(pattern: RegExp, from?: number): Promise<string>;
  /** The VM IDs that are present, as `avma host seats` says. */
  present(): Promise<number>;
  /** What a command of avma prints that asks this host, run outside. */
  avma(...args: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

/** Where avma and its host's files are, at the same paths inside and outside. */
export interface HostFiles {
  readonly installed: string;
  readonly hostFolder: string;
  readonly config: string;
}

/** Starts a host inside; resolves when it serves. @param options - More of `avma host serve`. */
export async function startHost(
  root: LibvirtRoot,
  { installed, hostFolder, config }: HostFiles,
  options: readonly string[] = [],
): Promise<LibvirtHost> {
  const env = { AVMA_HOST_DIR: hostFolder, AVMA_CONFIG: config, AVMA_STATE_DIR: `${hostFolder}.state` };
  const launcher = `${installed}/bin/avma`;
  const child = root.start(env, process.execPath, launcher, 'host', 'serve', '--libvirt', ...options);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const said: string[] = [];
  const wake = new Set<() => void>();
  let rest = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    said.push(...lines);
    for (const look of wake) look();
  });
  const says = (pattern: RegExp, from = 0) =>
    new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not said: ${pattern}\n${said.join('\n')}`)), HANG_MS);
      const look = () => {
        const line = said.slice(from).find((one) => pattern.test(one));
        if (line === undefined) return;
        clearTimeout(timer);
        wake.delete(look);
        resolve(line);
      };
      wake.add(look);
      look();
      void ended.then(() => {
        clearTimeout(timer);
        reject(new Error(`the host ended: ${said.join('\n')}`));
      });
    });
  const avma = (...args: readonly string[]) =>
    new Promise<string>((resolve, reject) => {
      execFile(
        process.execPath,
        [launcher, ...args],
        { env: { ...process.env, ...env } },
        (error, stdout, stderr) => {
          if (error === null) resolve(stdout);
          else reject(new Error(`avma ${args.join(' ')}: ${stderr}${stdout}`));
        },
      );
    });
  await says(/answers guests/);
  return {
    said,
    says,
    avma,
    present: async () => JSON.parse(await avma('host', 'seats', '--json')).present,
    async stop() {
      // The host is the child of the nsenter that was started.
      const pids = fs.readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
      process.kill(Number(pids), 'SIGTERM');
      await ended;
    },
  };
}
