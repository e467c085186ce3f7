import fs from 'node:fs';
import path from 'node:path';
import { LEDGER_FILE, wasTakenOver } from './read-ledger.ts';

/** Renames the files of a ledger of JSON Lines to `*.taken-over`: it is in a database now. */
export function setAsideTakenOver(folder: string): void {
  for (const name of fs.readdirSync(folder).filter(isPart)) {
    fs.renameSync(path.join(folder, name), path.join(folder, `${name}.taken-over`));
  }
}

function isPart(name: string): boolean {
  return (
    (name === LEDGER_FILE || name.startsWith(`${LEDGER_FILE}.`)) &&
    !wasTakenOver(name) &&
    !/\.damaged-/.test(name)
  );
}
