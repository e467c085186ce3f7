import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { makePrivateFolder } from '../../storage/atomic-file.ts';
import { openPlainFile, readOpenFile } from '../../storage/read-file.ts';
import { debug } from '../../system/debug.ts';
import { errnoOf } from '../../system/errno.ts';

const AGENT_LOCK = 'agent.lock';

/** The locked byte, far beyond the file's end: on Windows a locked byte could not be read by others. */
const LOCKED_BYTE = 2 ** 40;

const MAX_LOCK_BYTES = 64;

/** How long an agent waits for the lock, in milliseconds: {@link agentHolder} holds it for a moment. */
const LOCK_TIMEOUT_MS = 1000;
const LOCK_POLL_MS = 20;

const { O_RDWR, O_CREAT } = fs.constants;

/** The right to be the agent of a state folder, which one process has at a time. */
export interface AgentLock {
  /**
   * Locks the file that has the name now, if the folder was emptied or restored under the agent: a second agent could
   * lock that one.
   *
   * @returns What is wrong, a sentence; undefined while this process is the only agent.
   */
  follow(): string | undefined;
  release(): void;
}

/**
 * Takes the lock of the agent of a state folder, and writes this process's ID into it for {@link agentHolder}. The
 * kernel releases it when the process ends, however it ends.
 *
 * @throws {AvmaError} `agent-running`, with the process that has the lock; `access-denied`, `file-invalid`.
 */
export async function lockAgent(stateFolder: string): Promise<AgentLock> {
  makePrivateFolder(stateFolder);
  const { tryLock } = await import('../../storage/native-lock.ts');
  const file = path.join(stateFolder, AGENT_LOCK);
  const fd = openPlainFile(file, O_RDWR | O_CREAT, 0o600);
  try {
    const givenUpAt = performance.now() + LOCK_TIMEOUT_MS;
    while (!tryLock(fd, LOCKED_BYTE, 1)) {
      if (performance.now() < givenUpAt) {
        await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
        continue;
      }
      const pid = pidIn(fd, file);
      throw new AvmaError(
        'agent-running',
        `an agent is running already for ${stateFolder}${pid === null ? '' : `: process ${pid}`}`,
      );
    }
    writePid(fd);
  } catch (thrown) {
    fs.closeSync(fd);
    throw toAvmaError(thrown, `cannot lock ${file}`);
  }
  debug('lock', () => `this process is the agent of ${stateFolder}`);
  return new FollowingLock(file, fd, tryLock);
}

type TryLock = (fd: number, start: number, length: number) => boolean;

class FollowingLock implements AgentLock {
  readonly #file: string;
  readonly #tryLock: TryLock;
  #fd: number;

  constructor(file: string, fd: number, tryLock: TryLock) {
    this.#file = file;
    this.#fd = fd;
    this.#tryLock = tryLock;
  }

  follow(): string | undefined {
    let fd: number | undefined;
    try {
      const named = fs.statSync(this.#file, { throwIfNoEntry: false });
      const held = fs.fstatSync(this.#fd);
      if (named?.ino === held.ino && named.dev === held.dev) return undefined;
      makePrivateFolder(path.dirname(this.#file));
      fd = openPlainFile(this.#file, O_RDWR | O_CREAT, 0o600);
      if (!this.#tryLock(fd, LOCKED_BYTE, 1)) {
        fs.closeSync(fd);
        return `A second agent runs, because ${this.#file} was replaced. Stop one of the two.`;
      }
      writePid(fd);
    } catch (thrown) {
      if (fd !== undefined) fs.closeSync(fd);
      const { message } = toAvmaError(thrown, `cannot lock ${this.#file} again`);
      return `A second agent could be started: ${message}.`;
    }
    fs.closeSync(this.#fd);
    this.#fd = fd;
    debug('lock', () => `${this.#file} was replaced and is locked again`);
    return undefined;
  }

  release(): void {
    fs.closeSync(this.#fd);
  }
}

/**
 * The process that is the agent of a state folder now.
 *
 * @returns Its ID, 0 where it cannot be read; null when no agent is running.
 * @throws {AvmaError} `access-denied` where this user may not open the lock.
 */
export async function agentHolder(stateFolder: string): Promise<number | null> {
  const file = path.join(stateFolder, AGENT_LOCK);
  let fd: number;
  try {
    fd = openPlainFile(file, O_RDWR);
  } catch (thrown) {
    if (thrown instanceof AvmaError && thrown.code === 'file-not-found') return null;
    throw thrown;
  }
  try {
    const { tryLock } = await import('../../storage/native-lock.ts');
    return tryLock(fd, LOCKED_BYTE, 1) ? null : (pidIn(fd, file) ?? 0);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot look at the lock ${file}`);
  } finally {
    fs.closeSync(fd);
  }
}

/** On a full disk the lock counts all the same, and nobody is told which process has it. */
function writePid(fd: number): void {
  try {
    fs.ftruncateSync(fd);
    fs.writeSync(fd, `${process.pid}\n`, 0);
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    debug('lock', () => `the process ID is not written: ${thrown}`);
  }
}

/** What the holder wrote; null for anything else than a number. */
function pidIn(fd: number, file: string): number | null {
  const text = readOpenFile(fd, file, MAX_LOCK_BYTES).toString('latin1').trim();
  return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : null;
}
