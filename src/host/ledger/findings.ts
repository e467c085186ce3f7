import { FoldIndex, type IndexedRun, readFold } from './fold-index.ts';
import { NO_LINE, readLine } from './ledger-line.ts';
import type { LedgerReader } from './ledger-reader.ts';
import type { LedgerFinding } from './read-ledger.ts';

/**
 * What is in a ledger, record by record and fold by fold, with each link checked. A break is a finding, and reading
 * goes on behind it. Memory grows with the folds only.
 */
export async function* findingsOf(
  reader: Pick<LedgerReader, 'rows' | 'folds'>,
): AsyncGenerator<LedgerFinding> {
  const digests = new Map<object, string>();
  const folds = (await reader.folds()).map(readFold).flatMap(({ fold, digest }) => {
    if (fold !== undefined) digests.set(fold, digest);
    return fold ?? [];
  });
  const index = new FoldIndex(folds);
  let last = NO_LINE;
  let next = 1;
  for await (const { seq, text, digest, kind } of reader.rows()) {
    for (let run = index.nextFrom(next, seq); run !== undefined; run = index.nextFrom(next, seq)) {
      if (run.previous !== last) yield { kind: 'changed', place: foldPlace(run) };
      const isFirst = run.from === run.fold.from;
      yield { kind: 'folded', ...run, isFirst, foldDigest: digests.get(run.fold) ?? '' };
      last = run.digest;
      next = Math.max(run.to, run.from) + 1;
    }
    const line = kind === 'damaged' ? undefined : readLine(text);
    if (line === undefined) yield { kind: 'changed', place: `record ${seq}` };
    else yield { kind: 'line', chained: line.previous === last, ...line };
    last = line?.digest ?? digest;
    next = seq + 1;
  }
}

function foldPlace({ from, to }: IndexedRun): string {
  return `the fold of records ${from} to ${to}`;
}
