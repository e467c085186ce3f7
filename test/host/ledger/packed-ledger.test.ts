/** Ledgers of JSON Lines whose older parts a rotation has packed. */
import fs from 'node:fs';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { LedgerRecord } from '../../../src/host/ledger/ledger.ts';
import { withWholeLedger } from '../../../src/host/ledger/packed-ledger.ts';
import { DAY, NOW } from '../../support/clock.ts';
import { failureOf } from '../../support/failures.ts';
import { approval } from '../../support/ledger-entries.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { reportingHost } from '../../support/usage-reports.ts';

const START = NOW - 100 * DAY;

/** A host whose ledger has an answer each ten days: the two oldest parts are packed, the next is renamed only. */
function rotatedHost() {
  const host = reportingHost(tempFolder());
  const records: LedgerRecord[] = Array.from({ length: 10 }, (_, nth) =>
    approval(nth, START + nth * 10 * DAY),
  );
  host.ledger(records);
  const at = (name: string) => path.join(host.folder, name);
  const lines = fs.readFileSync(at('ledger.jsonl'), 'utf8').split(/(?<=\n)/);
  const write = (name: string, from: number, to: number, pack: boolean) => {
    const text = lines.slice(from, to).join('');
    fs.writeFileSync(at(name), pack ? gzipSync(text) : text);
    fs.utimesSync(at(name), to, to);
  };
  write('ledger.jsonl.3.gz', 0, 3, true);
  write('ledger.jsonl.2.gz', 3, 6, true);
  write('ledger.jsonl.1', 6, 8, false);
  write('ledger.jsonl', 8, 10, false);
  return { ...host, at };
}

const namesOf = (parts: readonly string[]) => parts.map((part) => path.basename(part));

test('a report of everything has the lines of packed parts, and no break between parts', async () => {
  const host = rotatedHost();
  const { report } = await host.report();
  expect(report.ledger).toMatchObject({ count: 10, after: '0'.repeat(64) });
  expect(report.incidents).toEqual([]);
  expect(report.guests).toHaveLength(10);
});

test('all parts are there, the oldest first, and nothing of what was unpacked stays', async () => {
  const host = rotatedHost();
  const { parts, close } = await withWholeLedger(host.folder);
  expect(namesOf(parts)).toEqual(['ledger.jsonl.3', 'ledger.jsonl.2', 'ledger.jsonl.1', 'ledger.jsonl']);
  const aside = path.dirname(parts[0] ?? '');
  expect(aside).not.toBe(host.folder);
  expect(fs.existsSync(aside)).toBe(true);
  close();
  expect(fs.existsSync(aside)).toBe(false);
});

test('a part that is there unpacked too is read once', async () => {
  const host = rotatedHost();
  fs.writeFileSync(host.at('ledger.jsonl.2'), gunzipSync(fs.readFileSync(host.at('ledger.jsonl.2.gz'))));
  const { parts, close } = await withWholeLedger(host.folder);
  expect(parts[1]).toBe(host.at('ledger.jsonl.2'));
  close();
  expect((await host.report()).report.ledger.count).toBe(10);
});

test.each<[string, (whole: Buffer) => Uint8Array]>([
  ['cut', (whole) => whole.subarray(0, whole.length - 20)],
  ['no gzip', () => Buffer.from('ledger')],
])(
  'a packed part that is %s is named, and the report is made once it is moved away',
  async (_what, damage) => {
    const host = rotatedHost();
    const file = host.at('ledger.jsonl.2.gz');
    fs.writeFileSync(file, damage(fs.readFileSync(file)));
    const failure = await failureOf(host.report());
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toContain(file);
    fs.rmSync(file);
    const { report } = await host.report();
    expect(report.incidents.map(({ kind }) => kind)).toEqual(['ledger-break']);
  },
);
