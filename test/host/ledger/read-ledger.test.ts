/** Ledgers read as a stream, in one file and in the parts of a rotation. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { composeLine, NO_LINE } from '../../../src/host/ledger/ledger-line.ts';
import { ClockWatch } from '../../../src/host/ledger/marks.ts';
import { ledgerParts, readLedger } from '../../../src/host/ledger/read-ledger.ts';
import { HOUR, NOW, SECOND } from '../../support/clock.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** A ledger of marks, one a second, as the host wrote it before; a part of its own begins at those lines. */
function ledgerOfMarks(count: number, rotateAt: readonly number[] = []): string {
  const folder = tempFolder();
  const begins = [0, ...rotateAt, count];
  const lines: string[] = [];
  let previous = NO_LINE;
  for (let nth = 0; nth < count; nth++) {
    const { line, digest } = composeLine({ time: NOW + nth * SECOND, mark: 'started' }, previous);
    lines.push(line);
    previous = digest;
  }
  for (let part = 0; part <= rotateAt.length; part++) {
    const age = rotateAt.length - part;
    const file = path.join(folder, age === 0 ? 'ledger.jsonl' : `ledger.jsonl.${age}`);
    fs.writeFileSync(file, lines.slice(begins[part], begins[part + 1]).join(''));
  }
  return folder;
}

function whole(folder: string): boolean {
  return [...readLedger(ledgerParts(folder))].every((finding) => finding.kind === 'line' && finding.chained);
}

test('the parts of a rotated ledger are found by their links, whatever their names say', () => {
  const folder = ledgerOfMarks(9, [3, 6]);
  const [a, b] = ['ledger.jsonl.1', 'ledger.jsonl.2'].map((name) => path.join(folder, name)) as [
    string,
    string,
  ];
  fs.renameSync(a, `${a}.swap`);
  fs.renameSync(b, a);
  fs.renameSync(`${a}.swap`, b);
  fs.copyFileSync(path.join(folder, 'ledger.jsonl'), path.join(folder, 'ledger.jsonl.copy'));
  expect(ledgerParts(folder)).toEqual([a, b, path.join(folder, 'ledger.jsonl')]);
  expect(whole(folder)).toBe(true);
});

test('a part that is missing shows as a first line that links to nothing that is there', () => {
  const folder = ledgerOfMarks(9, [3, 6]);
  fs.rmSync(path.join(folder, 'ledger.jsonl.2'));
  const findings = [...readLedger(ledgerParts(folder))];
  expect(findings).toHaveLength(6);
  expect(findings.map((finding) => finding.kind === 'line' && finding.chained)).toEqual([
    false,
    ...Array(5).fill(true),
  ]);
});

test('a line that was changed, and one that is longer than any: both are found, and reading goes on', () => {
  const folder = ledgerOfMarks(6);
  const file = path.join(folder, 'ledger.jsonl');
  const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n');
  lines[1] = lines[1]?.replace('started', 'stopped') ?? '';
  lines[3] = 'x'.repeat(5_000_000);
  fs.writeFileSync(file, `${lines.join('\n')}\n{"begun":`);
  const findings = [...readLedger([file])];
  expect(findings.map(({ kind }) => kind)).toEqual([
    ...['line', 'changed', 'line', 'changed', 'line', 'line', 'unfinished'],
  ]);
  expect(findings[1]).toEqual({ kind: 'changed', place: 'line 2 of ledger.jsonl' });
  // Line 3 links to what line 2 said of itself; line 5 links to a line that is gone.
  expect([2, 4, 5].map((nth) => findings[nth]).map((one) => one?.kind === 'line' && one.chained)).toEqual([
    ...[true, false, true],
  ]);
});

test('lines are found across the pieces in which a long file is read', () => {
  const count = 12_000;
  const folder = ledgerOfMarks(count);
  expect(fs.statSync(path.join(folder, 'ledger.jsonl')).size).toBeGreaterThan(2 * 1024 * 1024);
  expect([...readLedger(ledgerParts(folder))]).toHaveLength(count);
  expect(whole(folder)).toBe(true);
});

test('a clock that was set is noticed once, with what it would show', () => {
  const watch = new ClockWatch(NOW, 0);
  expect(watch.look(NOW + SECOND, SECOND)).toBeUndefined();
  expect(watch.look(NOW + HOUR, 2 * SECOND)).toBe(NOW + 2 * SECOND);
  expect(watch.look(NOW + HOUR + SECOND, 3 * SECOND)).toBeUndefined();
  expect(watch.look(NOW, 4 * SECOND)).toBe(NOW + HOUR + 2 * SECOND);
});
