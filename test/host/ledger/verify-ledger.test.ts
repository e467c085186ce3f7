/** What is found when a ledger was changed, and which record is named. */
import { describe, expect, test } from 'vitest';
import type { CheckedRow } from '../../../src/host/ledger/chain-check.ts';
import { checkpointKey, signCheckpoint } from '../../../src/host/ledger/checkpoint.ts';
import {
  type LedgerToVerify,
  type LedgerVerdict,
  verifyLedger,
} from '../../../src/host/ledger/verify-ledger.ts';
import { generateKeyPair } from '../../../src/protocol/curve-keys.ts';
import { asLines, chainedRows, digestOf, edited, forged } from '../../support/chained-rows.ts';
import { MINUTE, NOW } from '../../support/clock.ts';
import { approval } from '../../support/ledger-entries.ts';

const HOST = { hardwareId: '0011-2233-4455-6677', signing: generateKeyPair('ed25519') };
const KEYS = [checkpointKey(HOST.hardwareId, HOST.signing.publicKey)];
const ROWS = chainedRows(Array.from({ length: 20 }, (_, nth) => approval(nth % 3, NOW + nth * MINUTE)));

function checkpointAt(seq: number, rows: readonly CheckedRow[] = ROWS): string {
  const row = rows[seq - 1] as CheckedRow;
  return signCheckpoint(HOST, { seq, digest: digestOf(row) }, NOW + seq * MINUTE);
}

function verify(rows: readonly CheckedRow[], more: Partial<LedgerToVerify> = {}): Promise<LedgerVerdict> {
  const base = { begin: 1, isPart: false, isNumbered: true, mayEndEarly: false, folds: [], checkpoints: [] };
  return verifyLedger({ ...base, rows: () => rows, ...more }, { hardwareId: HOST.hardwareId, keys: KEYS });
}

const lines = { isNumbered: false } as const;

/** `changed 7 7`: what, from which record to which. */
function found({ problems }: LedgerVerdict): string[] {
  return problems.map(({ kind, seq, to }) => `${kind} ${seq} ${to}`);
}

const middle = <T>(list: readonly T[], at: number, count: number, ...put: T[]): T[] =>
  list.toSpliced(at, count, ...put);
const row = (seq: number) => ROWS[seq - 1] as CheckedRow;

test('a ledger that nobody touched is whole, as rows and as lines', async () => {
  const verdict = await verify(ROWS, { checkpoints: [checkpointAt(5), checkpointAt(20)] });
  expect(verdict).toMatchObject({ isWhole: true, records: 20, folded: 0, problems: [], beginsLate: false });
  expect(verdict.head).toEqual({ seq: 20, digest: digestOf(row(20)), time: NOW + 19 * MINUTE });
  expect(verdict.checkpoints).toMatchObject({ checked: 2, newest: { seq: 20 } });
  expect((await verify(asLines(ROWS), lines)).isWhole).toBe(true);
  expect(await verify([])).toMatchObject({ isWhole: true, head: null });
});

test('one byte of one record: it is named, with its time, and no other', async () => {
  for (const seq of [1, 7, 20]) {
    const rows = middle(
      ROWS,
      seq - 1,
      1,
      edited(row(seq), (text) => text.replace('acme', 'acne')),
    );
    for (const verdict of [await verify(rows), await verify(asLines(rows), lines)]) {
      expect(found(verdict)).toEqual([`changed ${seq} ${seq}`]);
      expect(verdict.problems[0]?.time).toBe(NOW + (seq - 1) * MINUTE);
    }
  }
});

test('any byte of any record', async () => {
  const text = row(7).text;
  for (let at = 0; at < text.length; at += 3) {
    const other = text[at] === 'x' ? 'y' : 'x';
    const rows = middle(
      ROWS,
      6,
      1,
      edited(row(7), (old) => old.slice(0, at) + other + old.slice(at + 1)),
    );
    expect((await verify(rows)).problems[0]).toMatchObject({ kind: 'changed', seq: 7 });
    expect((await verify(asLines(rows), lines)).problems[0]).toMatchObject({ kind: 'changed', seq: 7 });
  }
});

test('a record whose digest was made anew is named by the one behind it', async () => {
  const rows = middle(
    ROWS,
    6,
    1,
    forged(row(7), (text) => text.replace('acme', 'acne')),
  );
  expect(found(await verify(rows))).toEqual(['changed 7 7']);
  // Lines have no numbers: a record that is missing would look the same.
  expect(found(await verify(asLines(rows), lines))).toEqual(['missing 8 8']);
});

test('records that were taken out', async () => {
  const rows = middle(ROWS, 6, 2);
  const verdict = await verify(rows);
  expect(found(verdict)).toEqual(['missing 7 8']);
  expect(verdict.problems[0]).toMatchObject({ what: 'records 7 to 8 are missing', time: NOW + 5 * MINUTE });
  expect(found(await verify(asLines(rows), lines))).toEqual(['missing 7 7']);
  expect(found(await verify(ROWS.slice(3)))).toEqual(['missing 1 3']);
  expect(found(await verify(asLines(ROWS.slice(3)), lines))).toEqual(['missing 1 1']);
});

test('a part of a ledger may begin late, and says so', async () => {
  const verdict = await verify(asLines(ROWS.slice(3)), { ...lines, isPart: true });
  expect(verdict).toMatchObject({ isWhole: true, beginsLate: true });
  expect(await verify(ROWS.slice(3), { begin: 4, isPart: true })).toMatchObject({
    isWhole: true,
    beginsLate: true,
  });
});

test('a record that was put in, linked to the one before it', async () => {
  const rows = middle(
    ROWS,
    7,
    0,
    forged(row(7), (text) => text, digestOf(row(7))),
  ).map((one, index) => ({
    ...one,
    seq: index + 1,
  }));
  expect(found(await verify(rows))).toEqual(['inserted 8 8']);
  expect(found(await verify(asLines(rows), lines))).toEqual(['inserted 8 8']);
});

test('a record that is there twice', async () => {
  const rows = asLines(middle(ROWS, 7, 0, row(7)));
  expect(found(await verify(rows, lines))).toEqual(['inserted 8 8']);
});

test('two records that have changed places', async () => {
  const rows = asLines(middle(ROWS, 6, 2, row(8), row(7)));
  expect(found(await verify(rows, lines))).toEqual(['order 7 8']);
  const numbered = rows.map((one, index) => ({ ...one, seq: index + 1 }));
  expect(found(await verify(numbered))).toEqual(['order 7 8']);
});

test('a database whose columns say other digests than its lines', async () => {
  const rows = middle(ROWS, 6, 1, { ...row(7), digest: 'f'.repeat(64) });
  expect(found(await verify(rows))).toEqual(['changed 7 7']);
});

test('several problems are all named, the first one first', async () => {
  const bad = middle(
    ROWS,
    2,
    1,
    edited(row(3), (text) => text.replace('acme', 'acne')),
  );
  const rows = middle(middle(bad, 9, 1), 14, 1, { seq: 16, text: 'no line at all' });
  expect(found(await verify(rows))).toEqual(['changed 3 3', 'missing 10 10', 'changed 16 16']);
});

describe('checkpoints', () => {
  test('find that the last ten are gone, and how many at least', async () => {
    const verdict = await verify(ROWS.slice(0, 10), { checkpoints: [checkpointAt(4), checkpointAt(20)] });
    expect(found(verdict)).toEqual(['end-missing 11 20']);
    expect(verdict.problems[0]?.what).toContain('the last 10 records are missing, or more');
  });

  test('find that nothing is left', async () => {
    expect(found(await verify([], { checkpoints: [checkpointAt(20)] }))).toEqual(['end-missing 1 20']);
  });

  test('find a chain that was made anew from a record on, and say between which it begins', async () => {
    const rows = ROWS.slice(0, 11);
    for (const old of ROWS.slice(11)) {
      const behind = digestOf(rows.at(-1) as CheckedRow);
      rows.push(forged(old, (text) => text.replace('acme', 'acne'), behind));
    }
    expect((await verify(rows)).isWhole).toBe(true);
    const verdict = await verify(rows, {
      checkpoints: [checkpointAt(10), checkpointAt(15), checkpointAt(20)],
    });
    expect(found(verdict)).toEqual(['checkpoint 11 15']);
    expect(verdict.problems[0]?.what).toContain(
      ': records 11 to 15 were, in part or all, changed or replaced',
    );
  });

  test.each([2, 3])('name one record as one, behind a good checkpoint of record %d', async (good) => {
    const other = signCheckpoint(HOST, { seq: 3, digest: 'ff'.repeat(32) }, NOW);
    const verdict = await verify(ROWS, { checkpoints: [checkpointAt(good), other] });
    expect(found(verdict)).toEqual(['checkpoint 3 3']);
    expect(verdict.problems[0]?.what).toMatch(/: record 3 was changed or replaced$/);
  });

  test('of another host do not count, and those that were changed or that nobody signed are said', async () => {
    const foreign = signCheckpoint(
      { ...HOST, hardwareId: 'FFFF-2233-4455-6677' },
      { seq: 90, digest: 'ab'.repeat(32) },
      NOW,
    );
    const other = signCheckpoint(
      { ...HOST, signing: generateKeyPair('ed25519') },
      { seq: 9, digest: 'ab'.repeat(32) },
      NOW,
    );
    const changed = checkpointAt(20).replace('\n20\n', '\n10\n');
    const verdict = await verify(ROWS, { checkpoints: [changed, other, foreign] });
    expect(verdict.problems.map(({ what }) => what)).toEqual([
      'a checkpoint was changed after the host signed it',
      '2 checkpoints: each is signed by a key that is none of this host',
    ]);
  });

  test('are not held against a part that may end early', async () => {
    const verdict = await verify(ROWS.slice(0, 10), { checkpoints: [checkpointAt(20)], mayEndEarly: true });
    expect(verdict.isWhole).toBe(true);
  });
});

test('a million problems are counted, and a hundred named', async () => {
  const rows = Array.from({ length: 1000 }, (_, nth) => ({ seq: nth + 1, text: 'x' }));
  const verdict = await verify(rows);
  expect(verdict.problems).toHaveLength(100);
  expect(verdict.problemCount).toBeGreaterThanOrEqual(1000);
});
