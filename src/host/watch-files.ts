import { rootKey } from '../protocol/vendor-trust.ts';
import type { ProcessLock } from '../storage/process-lock.ts';
import type { Notify } from '../system/notify.ts';
import type { CatalogReader } from './catalog-reader.ts';
import type { HostHoldings } from './holdings/holdings.ts';
import type { HoldingsReader } from './holdings/holdings-reader.ts';
import { noticesOf, type Said } from './holdings/notices.ts';
import { ProblemReporter } from './notify.ts';

/** How often a running host looks at its files, in milliseconds. */
const FILES_POLL_MS = 1000;

/** The files of a running host that somebody may change. */
export interface WatchedFiles {
  readonly lock: ProcessLock;
  readonly catalogs: CatalogReader;
  readonly documents: HoldingsReader;
}

/**
 * Keeps the lock, reports what becomes of certificates and licenses, and reads what has changed.
 *
 * @returns A function that ends this.
 */
export function watchFiles({ lock, catalogs, documents }: WatchedFiles, notify: Notify): () => void {
  const lockProblems = new ProblemReporter(notify);
  let last: Said | null = null;
  let roots = rootsOf(documents.current);
  const look = () => {
    const holdings = documents.current;
    const { said, notices } = noticesOf(holdings, Date.now(), last);
    last = said;
    for (const { text, level } of notices) notify(text, { level });
    // Which catalogs agree depends on which roots are one vendor's.
    const before = roots;
    roots = rootsOf(holdings);
    catalogs.refresh(roots !== before);
  };
  look();
  const timer = setInterval(() => {
    const problem = lock.follow();
    lockProblems.report(problem === undefined ? [] : [problem]);
    look();
  }, FILES_POLL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** The roots of each vendor, as one text. */
function rootsOf({ vendors }: HostHoldings): string {
  return JSON.stringify(vendors.map(({ roots, retiredRoots }) => [...roots.map(rootKey), ...retiredRoots]));
}
