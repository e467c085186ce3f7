/** An export has each record's own line, and is verified with the same verdict as the ledger that it was made from. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CheckedRow } from '../../../src/host/ledger/chain-check.ts';
import { checkpointKey, signCheckpoint } from '../../../src/host/ledger/checkpoint.ts';
import { exportLines } from '../../../src/host/ledger/export-lines.ts';
import type { StoredFold } from '../../../src/host/ledger/fold.ts';
import { planFolds } from '../../../src/host/ledger/fold-plan.ts';
import { openLedgerFiles } from '../../../src/host/ledger/ledger-files.ts';
import { type LedgerVerdict, verifyLedger } from '../../../src/host/ledger/verify-ledger.ts';
import { generateKeyPair } from '../../../src/protocol/curve-keys.ts';
import { applyPlan, chainedRows, digestOf, edited } from '../../support/chained-rows.ts';
import { DAY, NOW } from '../../support/clock.ts';
import { approval, refusal, writeLedger } from '../../support/ledger-entries.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const HOST = { hardwareId: '0011-2233-4455-6677', signing: generateKeyPair('ed25519') };
const WHO = {
  hardwareId: HOST.hardwareId,
  keys: [checkpointKey(HOST.hardwareId, HOST.signing.publicKey)],
};

const ROWS = chainedRows(
  Array.from({ length: 40 }, (_, nth) =>
    (nth % 4 === 3 ? refusal : approval)(nth % 3, NOW - (40 - nth) * DAY),
  ),
);

interface Content {
  readonly rows: readonly CheckedRow[];
  readonly folds?: readonly StoredFold[];
  readonly notes?: readonly string[];
}

async function exported(
  { rows, folds = [], notes = [] }: Content,
  { from = null, to = null }: { from?: number | null; to?: number | null } = {},
): Promise<string> {
  async function* given() {
    yield* rows;
  }
  let text = '';
  const source = { hardwareId: HOST.hardwareId, folds, notes, rows: given, from, to };
  for await (const piece of exportLines(source)) text += piece;
  return text;
}

function verifyText(...texts: readonly string[]): Promise<LedgerVerdict> {
  const folder = tempFolder();
  const files = texts.map((text, nth) => {
    const file = path.join(folder, `export-${nth}.jsonl`);
    fs.writeFileSync(file, text);
    return file;
  });
  return verifyLedger(openLedgerFiles(files).ledger, WHO);
}

function verifyRows({ rows, folds = [], notes = [] }: Content): Promise<LedgerVerdict> {
  const source = { begin: 1, isPart: false, isNumbered: true, mayEndEarly: false };
  return verifyLedger({ ...source, folds, checkpoints: notes, rows: () => rows }, WHO);
}

const noteAt = (row: CheckedRow | undefined) =>
  row === undefined ? '' : signCheckpoint(HOST, { seq: row.seq, digest: digestOf(row) }, NOW);

/** With old renewals and refusals folded, and checkpoints. */
async function foldedLedger(): Promise<Content> {
  const policy = { renewalsBefore: NOW - 10 * DAY, refusalsBefore: NOW - 5 * DAY, ends: new Set<string>() };
  const { plan } = await planFolds(ROWS, [], { ...policy, maxRecords: 1000, now: NOW });
  const folded = applyPlan(ROWS, plan);
  return { ...folded, notes: [noteAt(ROWS[1]), noteAt(folded.rows.at(-1))] };
}

test('each record is a line, to the byte, and what is around them is said apart', async () => {
  const lines = (await exported({ rows: ROWS, notes: [noteAt(ROWS[9])] })).trimEnd().split('\n');
  expect(lines.slice(2, -1)).toEqual(ROWS.map(({ text }) => text));
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    ...{ export: 'avma.ledger-export/1', hardwareId: HOST.hardwareId, first: 1, endsEarly: false },
  });
  expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ end: 40 });
});

describe('the verdict of an export is that of its ledger', () => {
  const cases: Record<string, (content: Content) => Content> = {
    'nobody touched it': (content) => content,
    'one byte was changed': ({ rows, ...more }) => ({
      ...more,
      rows: rows.with(
        4,
        edited(rows[4] as CheckedRow, (text) => text.replace('acme', 'acne')),
      ),
    }),
    'records were taken out': ({ rows, ...more }) => ({ ...more, rows: rows.toSpliced(-6, 2) }),
    'the last ones are gone': ({ rows, ...more }) => ({ ...more, rows: rows.slice(0, -3) }),
    'the first ones are gone': ({ rows, ...more }) => ({ ...more, rows: rows.slice(1) }),
    'a fold is gone': (content) => ({ ...content, folds: [] }),
    'counts were changed': ({ folds = [], ...more }) => ({
      ...more,
      folds: folds.map(({ seq, text }) => ({ seq, text: text.replace('"count":', '"count":1') })),
    }),
    'all is gone': ({ notes = [] }) => ({ notes, rows: [] }),
  };
  test.each(Object.entries(cases))('%s', async (_name, change) => {
    const content = change(await foldedLedger());
    const verdict = await verifyRows(content);
    expect(await verifyText(await exported(content))).toEqual(verdict);
    expect(verdict.isWhole).toBe(_name === 'nobody touched it');
    if (verdict.isWhole) expect(verdict.folded).toBeGreaterThan(10);
  });
});

test('a part of the time is whole by itself, and says that it begins late', async () => {
  const content = await foldedLedger();
  for (const days of [1, 7, 20, 33, 39]) {
    const part = await exported(content, { from: NOW - days * DAY, to: NOW - DAY / 2 });
    expect(await verifyText(part)).toMatchObject({ isWhole: true, problems: [] });
  }
  const part = await exported({ rows: ROWS }, { from: NOW - 20 * DAY, to: NOW - 10 * DAY });
  expect(await verifyText(part)).toMatchObject({ isWhole: true, records: 10, beginsLate: true });
});

test('an export that a full disk cut says so, wherever it was cut', async () => {
  const text = await exported({ rows: ROWS });
  for (const length of [text.length - 1, text.length - 20, text.length - 900, 9000]) {
    const { problems } = await verifyText(text.slice(0, length));
    expect(problems.at(-1)).toMatchObject({ kind: 'end-missing' });
  }
});

test('a ledger of JSON Lines of before, in one file or in parts', async () => {
  const folder = tempFolder();
  const file = writeLedger(folder, [approval(1, NOW), approval(2, NOW + 1), approval(3, NOW + 2)]);
  const text = fs.readFileSync(file, 'utf8');
  const [first = '', ...rest] = text.split(/(?<=\n)/);
  expect(await verifyText(text)).toMatchObject({ isWhole: true, records: 3, beginsLate: false });
  expect(await verifyText(first, rest.join(''))).toMatchObject({ isWhole: true, records: 3 });
  expect(await verifyText(rest.join(''))).toMatchObject({ isWhole: true, records: 2, beginsLate: true });
  expect((await verifyText(first, rest[1] ?? '')).problems).toMatchObject([{ kind: 'missing', seq: 2 }]);
  // A line that is being written.
  expect(await verifyText(text.slice(0, -10))).toMatchObject({ isWhole: true, records: 2 });
});
