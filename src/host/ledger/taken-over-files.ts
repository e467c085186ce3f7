import fs from 'node:fs';
import path from 'node:path';
import { counted } from '../../schema/counted.ts';
import type { Notify } from '../../system/notify.ts';
import { LEDGER_FILE, wasTakenOver } from './read-ledger.ts';

/**
 * Renames the files of a ledger of JSON Lines to `*.taken-over`: they are in a database now. A part that was not taken
 * over keeps its name and is said: nothing in the chain links to it, as where a ledger was begun anew.
 *
 * @param files - The names of those that were taken over, the oldest first.
 */
export function setAsideTakenOver(folder: string, files: readonly string[], notify: Notify): void {
  // The newest goes last: while it is there, a host that was interrupted here goes on at its next start.
  for (const name of files) fs.renameSync(path.join(folder, name), path.join(folder, `${name}.taken-over`));
  for (const name of fs.readdirSync(folder).filter(isPart)) {
    notify(
      `${path.join(folder, name)} was not taken over: nothing in ${LEDGER_FILE} links to it. It is left as it is: keep it with your backups. Unpacked, avma host ledger verify FILE checks it.`,
    );
  }
}

/**
 * Says what a takeover has brought into a database.
 *
 * @param newest - The newest of the ledger's files.
 * @param damaged - The number of the first line that is not as it was written; null: none.
 */
export function takenOverSentence(newest: string, records: number, damaged: number | null): string {
  const state =
    damaged === null
      ? 'It is whole.'
      : `Line ${damaged} is the first that is not as it was written: all lines are kept.`;
  return `${counted(records, 'record')} of ${newest} were taken over. ${state}`;
}

function isPart(name: string): boolean {
  return (
    (name === LEDGER_FILE || name.startsWith(`${LEDGER_FILE}.`)) &&
    !wasTakenOver(name) &&
    !/\.damaged-/.test(name)
  );
}
