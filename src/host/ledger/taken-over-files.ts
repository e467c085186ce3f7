import fs from 'node:fs';
import path from 'node:path';
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

function isPart(name: string): boolean {
  return (
    (name === LEDGER_FILE || name.startsWith(`${LEDGER_FILE}.`)) &&
    !wasTakenOver(name) &&
    !/\.damaged-/.test(name)
  );
}
