/** A ledger of years is reported in bounded memory. */
import { expect, test } from 'vitest';
import { NO_LINE } from '../../../src/host/ledger/ledger-line.ts';
import type { LedgerRow } from '../../../src/host/ledger/ledger-reader.ts';
import { chainLine } from '../../../src/storage/chained-lines.ts';
import { DAY, NOW } from '../../support/clock.ts';
import { approval } from '../../support/ledger-entries.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { reportingHost } from '../../support/usage-reports.ts';

const ENTRIES = 200_000;
const GUESTS = 400;
const START = NOW - 20 * DAY;

/** Made one by one: the test must not hold what the code under test must not hold. */
function longLedger() {
  let bytes = 0;
  async function* rows(): AsyncGenerator<LedgerRow> {
    let previous = NO_LINE;
    for (let nth = 0; nth < ENTRIES; nth++) {
      const { line: text, digest } = chainLine(previous, approval(nth % GUESTS, START + nth * 200));
      bytes += text.length;
      yield { seq: nth + 1, digest, previous, text, kind: 'entry' };
      previous = digest;
    }
  }
  return { reader: { rows, folds: async () => [] }, bytes: () => bytes };
}

test.runIf(process.env.AVMA_TEST_VM === 'required')(
  'with AVMA_TEST_VM=required, 200,000 entries: each is counted, and memory grows by a fraction of the ledger',
  async () => {
    const host = reportingHost(tempFolder());
    const { reader, bytes } = longLedger();
    const before = process.memoryUsage().rss;
    const { report } = await host.report({ reader });
    const growth = process.memoryUsage().rss - before;
    expect(bytes()).toBeGreaterThan(100_000_000);
    expect(growth).toBeLessThan(bytes() / 2);
    expect(report.ledger.count).toBe(ENTRIES);
    expect(report.days.reduce((sum, { approved }) => sum + approved, 0)).toBe(ENTRIES);
    expect(report.guests).toHaveLength(GUESTS);
    expect(Math.max(...report.days.map(({ peakGuests }) => peakGuests))).toBe(GUESTS);
  },
);
