import { NO_LINE, readLine } from './ledger-line.ts';
import type { LedgerReader } from './ledger-reader.ts';
import type { LedgerFinding } from './read-ledger.ts';

/** What is in a ledger, record by record, each link checked. A break is a finding, and reading goes on behind it. */
export async function* findingsOf(reader: LedgerReader): AsyncGenerator<LedgerFinding> {
  let last = NO_LINE;
  for await (const { seq, text, digest, kind } of reader.rows()) {
    const line = kind === 'damaged' ? undefined : readLine(text);
    if (line === undefined) yield { kind: 'changed', place: `record ${seq}` };
    else yield { kind: 'line', chained: line.previous === last, ...line };
    last = line?.digest ?? digest;
  }
}
