import fs from 'node:fs';
import path from 'node:path';
import { AvmaError } from '../../src/errors/avma-error.ts';
import { readLedger } from '../../src/host/ledger/read-ledger.ts';
import { tempFolder } from './temp-folder.ts';

/** How many lines a whole ledger has. @throws {AvmaError} `file-invalid` with the first line that is not as written. */
export function verifyLedger(text: string): number {
  const file = path.join(tempFolder(), 'ledger.jsonl');
  fs.writeFileSync(file, text);
  let count = 0;
  for (const finding of readLedger([file])) {
    if (finding.kind === 'unfinished')
      throw new AvmaError('file-invalid', 'the last line of the ledger is cut');
    count += 1;
    if (finding.kind !== 'line' || !finding.chained) {
      const what = `line ${count} of the ledger was changed, or a line before it was removed`;
      throw new AvmaError('file-invalid', what);
    }
  }
  return count;
}
