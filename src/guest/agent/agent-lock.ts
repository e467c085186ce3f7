import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { makePrivateFolder } from '../../storage/atomic-file.ts';
import { isLocked, type ProcessLock, takeProcessLock } from '../../storage/process-lock.ts';
import { openPlainFile, readOpenFile } from '../../storage/read-file.ts';
import { debug } from '../../system/debug.ts';
import { errnoOf } from '../../system/errno.ts';

const AGENT_LOCK = 'agent.lock';

const MAX_LOCK_BYTES = 64;

const { O_RDWR, O_CREAT } = fs.constants;

/**
 * Takes the right to be the agent of a state folder, and writes this process's ID into the locked file for
 * {@link agentHolder}. A folder that was emptied under the agent is made again.
 *
 * @throws {AvmaError} `agent-running`, with the process that has the lock; `access-denied`, `file-invalid`.
 */
export async function lockAgent(stateFolder: string): Promise<ProcessLock> {
  const file = path.join(stateFolder, AGENT_LOCK);
  return takeProcessLock({
    file,
    open() {
      makePrivateFolder(stateFolder);
      return openPlainFile(file, O_RDWR | O_CREAT, 0o600);
    },
    taken: writePid,
    busy(fd) {
      const pid = pidIn(fd, file);
      const who = pid === null ? '' : `: process ${pid}`;
      return new AvmaError('agent-running', `an agent is running already for ${stateFolder}${who}`);
    },
    overtaken: `A second agent runs, because ${file} was replaced. Stop one of the two.`,
    lost: (reason) => `A second agent could be started: ${reason}.`,
  });
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
    return (await isLocked(fd)) ? (pidIn(fd, file) ?? 0) : null;
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
