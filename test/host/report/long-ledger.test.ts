/** A ledger of years is reported in bounded memory. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { composeLine, NO_LINE } from '../../../src/host/ledger/ledger-line.ts';
import { DAY, NOW } from '../../support/clock.ts';
import { approval } from '../../support/ledger-entries.ts';
import { openTestLedger } from '../../support/open-ledgers.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { reportingHost } from '../../support/usage-reports.ts';

const ENTRIES = 200_000;
const GUESTS = 400;
const START = NOW - 20 * DAY;

/** Written piece by piece: the test must not hold what the code under test must not hold. */
function writeLongLedger(file: string): void {
  const fd = fs.openSync(file, 'w');
  let previous = NO_LINE;
  let lines = '';
  for (let nth = 0; nth < ENTRIES; nth++) {
    const { line, digest } = composeLine(approval(nth % GUESTS, START + nth * 200), previous);
    previous = digest;
    lines += line;
    if (nth % 1000 < 999) continue;
    fs.writeSync(fd, lines);
    lines = '';
  }
  fs.closeSync(fd);
}

test('200,000 entries: each is counted, and memory grows by a fraction of the file', async () => {
  const host = reportingHost(tempFolder());
  fs.mkdirSync(host.folder);
  const file = path.join(host.folder, 'ledger.jsonl');
  writeLongLedger(file);
  // The reader's own copy of the ledger is made before: a host that is started has it already.
  await (await openTestLedger(host.folder)).close();
  const before = process.memoryUsage().rss;
  const { report } = await host.report();
  const growth = process.memoryUsage().rss - before;
  const { size } = fs.statSync(`${file}.taken-over`);
  expect(size).toBeGreaterThan(100_000_000);
  expect(growth).toBeLessThan(size / 3);
  // And the mark that the ledger was taken over.
  expect(report.ledger.count).toBe(ENTRIES + 1);
  expect(report.days.reduce((sum, { approved }) => sum + approved, 0)).toBe(ENTRIES);
  expect(report.guests).toHaveLength(GUESTS);
  expect(Math.max(...report.days.map(({ peakGuests }) => peakGuests))).toBe(GUESTS);
}, 60_000);
