import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { debug } from '../../system/debug.ts';
import { errnoOf } from '../../system/errno.ts';
import type { LicenseSummary } from './license-summary.ts';

/** How long one hook may run, in milliseconds; then its whole process group is killed. */
const HOOK_TIMEOUT_MS = 30_000;

/** How long output may still come after a hook has ended: a program that it left behind may hold the pipe. */
const OUTPUT_GRACE_MS = 500;

/** How many changes may wait while hooks run; then the oldest is left out. */
const MAX_WAITING = 100;

/** How much of one hook's output is logged. */
const MAX_OUTPUT_LINES = 20;
const MAX_OUTPUT_BYTES = 16 * 1024;

/** The names that run-parts takes: no dots, so that what a package manager or an editor left is not run. */
const HOOK_NAME = /^[A-Za-z0-9_-]+$/;

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** One change of the license, as a hook gets it on its standard input: `avma.license-change/1`. */
export interface LicenseChangeDocument {
  readonly schema: 'avma.license-change/1';
  readonly old: LicenseSummary;
  readonly new: LicenseSummary;
}

/** Where hooks are, and where it is said what becomes of them. */
export interface HookEnvironment {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  log(sentence: string): void;
  /** A hook failed, or may not be run. */
  failed(error: AvmaError): void;
  /** Milliseconds that a hook may run; {@link HOOK_TIMEOUT_MS} unless said otherwise. */
  readonly limit?: number;
}

/**
 * Runs the programs of `on-change.d` after each change, one after another and in the background: no activation waits
 * for a hook, and none fails because of one.
 */
export class Hooks {
  readonly #environment: HookEnvironment;
  #waiting: LicenseChangeDocument[] = [];
  #running: Promise<void> | undefined;
  #child: ChildProcess | undefined;
  #stopped = false;
  /** What was said of hooks that may not be run; said again only when it changes. */
  #refused = '';

  constructor(environment: HookEnvironment) {
    this.#environment = environment;
  }

  /** Has all hooks run for a change. Returns at once. */
  changed(before: LicenseSummary, after: LicenseSummary): void {
    if (this.#stopped) return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.#waiting.shift();
      this.#environment.log(
        `Hooks are too slow: ${MAX_WAITING} changes wait for them, and the oldest was left out.`,
      );
    }
    this.#waiting.push({ schema: 'avma.license-change/1', old: before, new: after });
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when every change so far has been told. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** Kills the hook that runs, and forgets the changes that wait. */
  stop(): void {
    this.#stopped = true;
    this.#waiting = [];
    if (this.#child !== undefined) killGroup(this.#child);
  }

  async #run(): Promise<void> {
    for (let change = this.#waiting.shift(); change !== undefined; change = this.#waiting.shift()) {
      for (const file of this.#find()) {
        if (this.#stopped) return;
        await this.#runOne(file, change);
      }
    }
  }

  /** The hooks in the order of their names; none where there is no folder. */
  #find(): string[] {
    const { folder, failed } = this.#environment;
    try {
      const { hooks, refused } = findHooks(folder);
      const said = refused.map(({ message }) => message).join('\n');
      if (said !== this.#refused) for (const error of refused) failed(error);
      this.#refused = said;
      return hooks;
    } catch (thrown) {
      const error = toAvmaError(thrown, `cannot read the folder ${folder}`);
      if (error.code !== 'file-not-found') failed(error);
      return [];
    }
  }

  async #runOne(file: string, change: LicenseChangeDocument): Promise<void> {
    const { env, log, failed, limit = HOOK_TIMEOUT_MS } = this.#environment;
    try {
      debug('exec', () => `runs the hook ${file}`);
      const output = new HookOutput();
      const end = await this.#toItsEnd(file, change, { env, limit, output });
      for (const line of output.lines()) log(`${file}: ${line}`);
      if (end !== undefined && !this.#stopped)
        failed(new AvmaError('hook-failed', `the hook ${file} ${end}`));
    } catch (thrown) {
      failed(toAvmaError(thrown, `cannot run the hook ${file}`));
    } finally {
      this.#child = undefined;
    }
  }

  /** @returns What was wrong with its end; undefined when it ended with 0. */
  #toItsEnd(
    file: string,
    change: LicenseChangeDocument,
    { env, limit, output }: { env: NodeJS.ProcessEnv; limit: number; output: HookOutput },
  ): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      // A group of its own, so that what it started can be killed with it.
      const child = spawn(file, [], { env, cwd: '/', detached: true, stdio: 'pipe', windowsHide: true });
      this.#child = child;
      let tooLong = false;
      const timer = setTimeout(() => {
        tooLong = true;
        killGroup(child);
      }, limit);
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (bytes: Buffer) => output.add(bytes));
      // A hook need not read its input.
      child.stdin.on('error', () => {});
      child.stdin.end(`${JSON.stringify(change)}\n`);
      const leave = () => {
        clearTimeout(timer);
        for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      };
      child.once('error', (error) => {
        leave();
        reject(error);
      });
      child.once('exit', (status, signal) => {
        const end = tooLong
          ? `did not end within ${limit / 1000} seconds and was killed`
          : signal !== null
            ? `was killed by ${signal}`
            : status === 0
              ? undefined
              : `ended with status ${status}`;
        const done = () => {
          leave();
          resolve(end);
        };
        const grace = setTimeout(done, OUTPUT_GRACE_MS);
        child.once('close', () => {
          clearTimeout(grace);
          done();
        });
      });
    });
  }
}

/** The beginning of what a hook wrote, in lines. */
class HookOutput {
  #pieces: Buffer[] = [];
  #kept = 0;
  #length = 0;

  add(bytes: Buffer): void {
    this.#length += bytes.length;
    const kept = bytes.subarray(0, MAX_OUTPUT_BYTES - this.#kept);
    this.#kept += kept.length;
    if (kept.length > 0) this.#pieces.push(kept);
  }

  lines(): string[] {
    const all = Buffer.concat(this.#pieces)
      .toString('utf8')
      .split('\n')
      .filter((line) => line.trim() !== '');
    const shown = all.slice(0, MAX_OUTPUT_LINES);
    const more = all.length > shown.length || this.#length > this.#kept;
    return more ? [...shown, `(${this.#length} bytes in all; the rest is left out)`] : shown;
  }
}

/**
 * The hooks of a folder that may be run, in the order of their names, and an error for each that may not. Only the
 * owner of the machine may make the agent run something: hooks, their folder and those above it belong to root or to
 * the user whom the agent runs as, and nobody else may write them. A file that is not executable is no hook.
 *
 * @throws {AvmaError} as the system says for a folder that cannot be read; `file-not-found` where there is none.
 */
function findHooks(folder: string): { hooks: string[]; refused: AvmaError[] } {
  // Windows has neither owners nor modes that Node would show.
  if (process.platform === 'win32') return { hooks: [], refused: [] };
  try {
    const unsafe = unsafePlace(folder);
    const names = fs
      .readdirSync(folder)
      .filter((name) => HOOK_NAME.test(name))
      .sort();
    if (unsafe !== undefined) {
      const error = new AvmaError('hook-failed', `no hook is run: ${unsafe}`);
      return { hooks: [], refused: names.length === 0 ? [] : [error] };
    }
    const hooks: string[] = [];
    const refused: AvmaError[] = [];
    for (const name of names) {
      const file = path.join(folder, name);
      const stat = fs.statSync(file, { throwIfNoEntry: false });
      if (stat === undefined || !stat.isFile() || (stat.mode & 0o111) === 0) continue;
      const reason = unsafePlace(file);
      if (reason === undefined) hooks.push(file);
      else {
        const why = reason.replace(`${fs.realpathSync(file)} `, 'it ');
        refused.push(new AvmaError('hook-failed', `the hook ${file} is not run: ${why}`));
      }
    }
    return { hooks, refused };
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot read the folder ${folder}`);
  }
}

/**
 * Who else than root and this user may put something in place of a file or folder: by its own owner and mode, or by
 * those of a folder above it. Links are followed first.
 */
function unsafePlace(place: string): string | undefined {
  const real = fs.realpathSync(place);
  const own = unsafeReason(real, WRITABLE_BY_OTHERS);
  if (own !== undefined) return own;
  for (let folder = path.dirname(real), below = real; folder !== below; folder = path.dirname(folder)) {
    // In a folder like /tmp nobody can take away what is not his.
    const isSticky = (fs.statSync(folder).mode & STICKY) !== 0;
    const reason = unsafeReason(folder, isSticky ? 0 : WRITABLE_BY_OTHERS);
    if (reason !== undefined) return reason;
    below = folder;
  }
  return undefined;
}

function unsafeReason(place: string, forbidden: number): string | undefined {
  const { uid, mode } = fs.statSync(place);
  if (uid !== 0 && uid !== process.getuid?.()) return `${place} belongs to user ${uid}, not to root`;
  if ((mode & forbidden) !== 0) return `${place} may be written by others than its owner`;
  return undefined;
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (thrown) {
    // It has ended by itself, or has become another user's, whom an agent that is not root's cannot end.
    if (errnoOf(thrown) !== 'ESRCH' && errnoOf(thrown) !== 'EPERM') throw thrown;
  }
}
