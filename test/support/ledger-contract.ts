/** What every engine of a ledger keeps to. Each is run through this with its real database. */
import { describe, expect, test } from 'vitest';
import type { FoldPlan } from '../../src/host/ledger/fold.ts';
import { planFolds } from '../../src/host/ledger/fold-plan.ts';
import { type Ledger, type LedgerEntry, MAX_ANSWERS } from '../../src/host/ledger/ledger.ts';
import { NO_LINE, readLine } from '../../src/host/ledger/ledger-line.ts';
import type { LedgerReader, LedgerRow } from '../../src/host/ledger/ledger-reader.ts';
import { verifyLedger } from '../../src/host/ledger/verify-ledger.ts';
import { sha256Hex } from '../../src/system/sha256.ts';
import { DAY, HOUR, NOW } from './clock.ts';
import { failureOf } from './failures.ts';
import { approval, guestId, PRODUCT, refusal } from './ledger-entries.ts';

/** One host's ledger in a database of its own, which can be opened again and again until the test is over. */
export interface LedgerUnderTest {
  /** Opens it for the host that writes it. */
  open(): Promise<Ledger>;
  reader(): Promise<LedgerReader>;
  readonly host: string;
}

const BODY = Buffer.from('the answer');

async function rowsOf(ledger: LedgerUnderTest, from?: number): Promise<LedgerRow[]> {
  const reader = await ledger.reader();
  const rows: LedgerRow[] = [];
  for await (const row of reader.rows(from)) rows.push(row);
  await reader.close();
  return rows;
}

async function read<T>(ledger: LedgerUnderTest, work: (reader: LedgerReader) => Promise<T>): Promise<T> {
  const reader = await ledger.reader();
  try {
    return await work(reader);
  } finally {
    await reader.close();
  }
}

/** Each row is as it was written, links to the one before, and has the next number. */
function expectChain(rows: readonly LedgerRow[]): void {
  let previous = NO_LINE;
  for (const [index, row] of rows.entries()) {
    expect(row).toMatchObject({ seq: index + 1, previous });
    expect(readLine(row.text)).toMatchObject({ previous, digest: row.digest });
    previous = row.digest;
  }
}

/** @param make - A new, empty ledger; called once a test. */
export function ledgerContract(
  name: string,
  make: () => Promise<LedgerUnderTest>,
  { manyAnswers = true } = {},
): void {
  describe(`${name}: a ledger`, () => {
    test('that is new is empty', async () => {
      const under = await make();
      const ledger = await under.open();
      expect(ledger.head()).toMatchObject({ seq: 0, digest: NO_LINE });
      expect(await rowsOf(under)).toEqual([]);
      expect(await read(under, (reader) => reader.guests())).toEqual([]);
      expect(await read(under, (reader) => reader.head())).toMatchObject({ seq: 0, digest: NO_LINE });
    });

    test('chains entries and marks, numbers them, and goes on after a restart', async () => {
      const under = await make();
      const ledger = await under.open();
      const entry = approval(1, NOW);
      expect(await ledger.append(entry, BODY)).toMatchObject({ seq: 1 });
      await ledger.mark({ time: NOW + 1, mark: 'stopped' });
      await ledger.close();
      const again = await under.open();
      expect(again.head()).toMatchObject({ seq: 2, time: NOW + 1 });
      const appended = await again.append(refusal(2, NOW + 2), BODY);
      expect(appended.seq).toBe(3);
      expect(again.head()).toEqual({ ...appended, time: NOW + 2 });
      const rows = await rowsOf(under);
      expectChain(rows);
      expect(rows.map(({ kind }) => kind)).toEqual(['entry', 'mark', 'entry']);
      expect(readLine(rows[0]?.text ?? '')?.record).toEqual(entry);
      expect(rows.at(-1)?.digest).toBe(appended.digest);
      expect(await rowsOf(under, 2)).toEqual(rows.slice(1));
      expect(await read(under, (reader) => reader.head())).toEqual(again.head());
    });

    test('keeps entries that arrive together, in their order', async () => {
      const under = await make();
      const ledger = await under.open();
      const entries = Array.from({ length: 50 }, (_, nth) => approval(nth, NOW + nth));
      const appended = await Promise.all(entries.map((entry) => ledger.append(entry, BODY)));
      expect(appended.map(({ seq }) => seq)).toEqual(entries.map((_, nth) => nth + 1));
      const rows = await rowsOf(under);
      expectChain(rows);
      expect(rows.map(({ text }) => readLine(text)?.record.time)).toEqual(entries.map(({ time }) => time));
    });

    test('loses nothing when the host stops in the same moment, and takes nothing afterwards', async () => {
      const under = await make();
      const ledger = await under.open();
      const appended = ledger.append(approval(1, NOW), BODY);
      await ledger.close();
      expect((await appended).seq).toBe(1);
      expect((await failureOf(ledger.append(approval(2, NOW), BODY))).code).toBe('io-error');
      expect(await rowsOf(under)).toHaveLength(1);
    });

    test('gives its records from the end too', async () => {
      const under = await make();
      const ledger = await under.open();
      const times = Array.from({ length: 1200 }, (_, nth) => NOW + nth);
      await Promise.all(times.map((time) => ledger.mark({ time, mark: 'started' })));
      const backwards = await read(under, async (reader) => {
        const found: number[] = [];
        for await (const { seq, record } of reader.recordsFromEnd()) {
          expect(record.time).toBe(NOW + seq - 1);
          found.push(record.time);
        }
        return found;
      });
      expect(backwards).toEqual(times.toReversed());
      expectChain(await rowsOf(under));
    });
  });

  describe(`${name}: an exchange`, () => {
    test('that was approved is found with its answer, on its own channel, after a restart too', async () => {
      const under = await make();
      const entry = approval(1, NOW, { requestDigest: 'ab'.repeat(32) });
      const find = async (ledger: Ledger, channel = entry.channel) => {
        const found = await ledger.find(channel, entry.exchangeId);
        return found && { ...found, body: Buffer.from(found.body).toString() };
      };
      const ledger = await under.open();
      await ledger.append(entry, BODY);
      const kept = { requestDigest: entry.requestDigest, body: 'the answer' };
      expect(await find(ledger)).toEqual(kept);
      await ledger.close();
      const again = await under.open();
      expect(await find(again)).toEqual(kept);
      expect(again.find('unix:/other', entry.exchangeId)).toBeUndefined();
      expect(await find(again, 'unix:/other')).toBeUndefined();
    });

    test('that was refused is not found', async () => {
      const under = await make();
      const ledger = await under.open();
      const entry = refusal(1, NOW);
      await ledger.append(entry, BODY);
      expect(ledger.find(entry.channel, entry.exchangeId)).toBeUndefined();
    });

    test.runIf(manyAnswers)(
      `is forgotten when ${MAX_ANSWERS.toLocaleString('en-US')} approvals came after it`,
      async () => {
        const under = await make();
        const ledger = await under.open();
        const entries = Array.from({ length: MAX_ANSWERS + 2 }, (_, nth) => approval(nth % 10, NOW));
        await Promise.all(entries.map((entry) => ledger.append(entry, BODY)));
        const isKnown = async (one: Ledger, { channel, exchangeId }: LedgerEntry) =>
          (await one.find(channel, exchangeId)) !== undefined;
        const known = async (one: Ledger) =>
          Promise.all([0, 1, 2, -1].map((nth) => isKnown(one, entries.at(nth) as LedgerEntry)));
        expect(await known(ledger)).toEqual([false, false, true, true]);
        await ledger.close();
        expect(await known(await under.open())).toEqual([false, false, true, true]);
      },
    );
  });

  guestsContract(name, make);
  retentionContract(name, make);
}

function guestsContract(name: string, make: () => Promise<LedgerUnderTest>): void {
  describe(`${name}: the guests`, () => {
    test('have a row for each VM and product, with the last decision and the last lease', async () => {
      const under = await make();
      const ledger = await under.open();
      const named = { machineName: 'web01', domain: 'web' };
      await ledger.append(approval(1, NOW, named), BODY);
      await ledger.append(approval(1, NOW + HOUR, { ...named, channel: 'unix:/new' }), BODY);
      await ledger.append(refusal(1, NOW + 2 * HOUR, { ...named, clone: 'refused' }), BODY);
      const other = 'b2261b65-b18f-5314-9fa2-8ad8aba364cd';
      await ledger.append(refusal(1, NOW, { activationId: other }), BODY);
      const [first, second, ...more] = await read(under, (reader) => reader.guests());
      expect(more).toEqual([]);
      expect(first).toEqual({
        ...{ vmId: guestId(1), activationId: PRODUCT, host: under.host, channel: 'unix:/vm/1' },
        ...{ domain: 'web', machineName: 'web01', edition: 'acme-gateway' },
        ...{ decision: 'refused', code: 'throttled', clone: true, license: '00112233445566aa' },
        ...{ expiresAt: NOW + HOUR + 7 * DAY, firstSeen: NOW, lastSeen: NOW + 2 * HOUR },
        ...{ approvals: 2, refusals: 1 },
      });
      expect(second).toMatchObject({
        ...{ activationId: other, decision: 'refused', expiresAt: null, license: null, approvals: 0 },
      });
    });

    test('are not changed by another VM that names their VM ID on its own channel', async () => {
      const under = await make();
      const ledger = await under.open();
      await ledger.append(approval(1, NOW), BODY);
      const [before] = await read(under, (reader) => reader.guests());
      const claim = { refusal: 'vm-refused', channel: 'unix:/vm/evil', machineName: 'evil' } as const;
      await ledger.append(refusal(1, NOW + HOUR, claim), BODY);
      await ledger.append(refusal(2, NOW + HOUR, claim), BODY);
      const rows = await read(under, (reader) => reader.guests());
      expect(rows[0]).toEqual({ ...before, refusals: 1 });
      expect(rows[1]).toMatchObject({ vmId: guestId(2), code: 'vm-refused', channel: 'unix:/vm/evil' });
      const history = await read(under, (reader) => reader.history(guestId(1), 10));
      expect(history.map(({ entry }) => entry.refusal)).toEqual(['vm-refused', undefined]);
    });

    test('are given in pieces, in the order of their VM IDs, those of one VM together', async () => {
      const under = await make();
      const ledger = await under.open();
      const other = 'b2261b65-b18f-5314-9fa2-8ad8aba364cd';
      for (const nth of [3, 1, 2]) {
        await ledger.append(approval(nth, NOW), BODY);
        await ledger.append(approval(nth, NOW, { activationId: other }), BODY);
      }
      const vmIds = (query: Parameters<LedgerReader['guests']>[0]) =>
        read(under, async (reader) => (await reader.guests(query)).map(({ vmId }) => vmId));
      expect(await vmIds({ limit: 1 })).toEqual([guestId(1), guestId(1)]);
      expect(await vmIds({ limit: 2, after: guestId(1) })).toEqual([guestId(2), guestId(2)]);
      expect(await vmIds({ after: guestId(2) })).toEqual([guestId(3), guestId(3)]);
      expect(await vmIds({ vmId: guestId(2) })).toEqual([guestId(2), guestId(2)]);
      expect(await vmIds({ vmId: guestId(9) })).toEqual([]);
    });

    test('have their history, the newest first', async () => {
      const under = await make();
      const ledger = await under.open();
      const other = 'b2261b65-b18f-5314-9fa2-8ad8aba364cd';
      for (let nth = 0; nth < 5; nth++) {
        await ledger.append(approval(1, NOW + nth), BODY);
        await ledger.append(refusal(2, NOW + nth), BODY);
        await ledger.append(approval(1, NOW + nth, { activationId: other }), BODY);
      }
      const history = await read(under, (reader) => reader.history(guestId(1), 4));
      expect(history.map(({ seq, host }) => ({ seq, host }))).toEqual(
        [15, 13, 12, 10].map((seq) => ({ seq, host: under.host })),
      );
      expect(history[0]?.entry).toMatchObject({ vmId: guestId(1), activationId: other, time: NOW + 4 });
      expect(await read(under, (reader) => reader.history(guestId(9), 4))).toEqual([]);
    });

    test('and decisions are counted by their codes, since a time; marks are none', async () => {
      const under = await make();
      const ledger = await under.open();
      await ledger.mark({ time: NOW + HOUR, mark: 'started' });
      await ledger.append(approval(1, NOW), BODY);
      for (const nth of [1, 2]) await ledger.append(approval(nth, NOW + HOUR), BODY);
      await ledger.append(refusal(1, NOW + 2 * HOUR), BODY);
      const counts = await read(under, (reader) => reader.counts(NOW + HOUR));
      expect(counts.toSorted((a, b) => (a.code < b.code ? -1 : 1))).toEqual([
        { code: 'success', decision: 'approved', count: 2 },
        { code: 'throttled', decision: 'refused', count: 1 },
      ]);
    });
  });
}

/** A plan that folds the records of a range, all of which are there. */
function planFor(rows: readonly LedgerRow[], from: number, to: number): FoldPlan {
  const first = rows.find(({ seq }) => seq === from);
  const last = rows.find(({ seq }) => seq === to);
  const run = { from, to, previous: first?.previous ?? '', digest: last?.digest ?? '' };
  const records = to - from + 1;
  const fold = { fold: 1, time: NOW, from, to, records, runs: [run], counts: [] } as const;
  const text = JSON.stringify(fold);
  const mark = { time: NOW, mark: 'folded', from, to, records, fold: sha256Hex(text) } as const;
  return { folds: [{ fold: { ...fold, runs: [run], counts: [] }, text, mark }], forgetBefore: 0 };
}

function retentionContract(name: string, make: () => Promise<LedgerUnderTest>): void {
  describe(`${name}: retention`, () => {
    test('a fold takes records out, and keeps its text beside the mark that vouches for it', async () => {
      const under = await make();
      const ledger = await under.open();
      for (let nth = 0; nth < 6; nth++) await ledger.append(approval(1, NOW + nth), BODY);
      const before = await rowsOf(under);
      const plan = planFor(before, 2, 4);
      expect(await ledger.fold(plan)).toEqual({ records: 3, folds: 1 });
      const rows = await rowsOf(under);
      expect(rows.map(({ seq, kind }) => [seq, kind])).toEqual([
        [1, 'entry'],
        [5, 'entry'],
        [6, 'entry'],
        [7, 'mark'],
      ]);
      expect(rows.slice(0, 3)).toEqual(before.filter(({ seq }) => seq < 2 || seq > 4));
      expect(await read(under, (reader) => reader.folds())).toEqual([{ seq: 7, text: plan.folds[0]?.text }]);
      expect(ledger.head().seq).toBe(7);
      expect((await ledger.append(approval(1, NOW + 9), BODY)).seq).toBe(8);
      const history = await read(under, (reader) => reader.history(guestId(1), 9));
      // What is older than a fold may be left out.
      expect(history.slice(0, 3).map(({ seq }) => seq)).toEqual([8, 6, 5]);
      expect((await read(under, (reader) => reader.guests()))[0]).toMatchObject({ approvals: 7 });
    });

    test('what is planned for a ledger of a year is folded, and what is left is whole', async () => {
      const under = await make();
      const ledger = await under.open();
      await ledger.mark({ time: NOW - 400 * DAY, mark: 'started' });
      for (let day = 400; day > 0; day -= 20) {
        for (const nth of [1, 2]) await ledger.append(approval(nth, NOW - day * DAY), BODY);
        await ledger.append(refusal(3, NOW - day * DAY), BODY);
      }
      const policy = {
        renewalsBefore: NOW - 100 * DAY,
        refusalsBefore: NOW - 30 * DAY,
        ends: new Set<string>(),
      };
      const found = await read(under, async (reader) =>
        planFolds(reader.rows(), await reader.folds(), { ...policy, maxRecords: 1000, now: NOW }),
      );
      const { renewals, refusals } = found;
      expect({ renewals, refusals }).toEqual({ renewals: 2 * 13, refusals: 19 });
      expect(await ledger.fold(found.plan)).toEqual({ records: 45, folds: found.plan.folds.length });
      const verdict = await read(under, async (reader) => {
        const source = { begin: 1, isPart: false, isNumbered: true, mayEndEarly: false, checkpoints: [] };
        const folds = await reader.folds();
        return verifyLedger(
          { ...source, folds, rows: () => reader.rows() },
          { hardwareId: under.host, keys: [] },
        );
      });
      expect(verdict).toMatchObject({ isWhole: true, folded: 45, head: { seq: 62 } });
    });

    test('with it, VMs that were only refused, and not since a time, are guests no more', async () => {
      const under = await make();
      const ledger = await under.open();
      await ledger.append(refusal(1, NOW), BODY);
      await ledger.append(refusal(2, NOW), BODY);
      await ledger.append(approval(3, NOW), BODY);
      await ledger.append(refusal(2, NOW + HOUR), BODY);
      await ledger.fold({ ...planFor(await rowsOf(under), 1, 2), forgetBefore: NOW + 1 });
      const guests = await read(under, (reader) => reader.guests());
      expect(guests.map(({ vmId }) => vmId)).toEqual([guestId(2), guestId(3)]);
      await ledger.append(refusal(1, NOW + 2 * HOUR), BODY);
      const [again] = await read(under, (reader) => reader.guests({ vmId: guestId(1) }));
      expect(again).toMatchObject({ firstSeen: NOW + 2 * HOUR, refusals: 1 });
    });

    test.each<[string, (plan: FoldPlan) => void]>([
      [
        'another digest',
        ({ folds }) => Object.assign(folds[0]?.fold.runs[0] ?? {}, { digest: 'ab'.repeat(32) }),
      ],
      [
        'another link',
        ({ folds }) => Object.assign(folds[0]?.fold.runs[0] ?? {}, { previous: 'ab'.repeat(32) }),
      ],
      ['a record that is not there', ({ folds }) => Object.assign(folds[0]?.fold.runs[0] ?? {}, { from: 1 })],
    ])('a plan with %s changes nothing: argument-invalid', async (_what, spoil) => {
      const under = await make();
      const ledger = await under.open();
      for (let nth = 0; nth < 4; nth++) await ledger.append(approval(1, NOW + nth), BODY);
      const before = await rowsOf(under);
      const plan = planFor(before, 2, 3);
      spoil(plan);
      expect((await failureOf(ledger.fold(plan))).code).toBe('argument-invalid');
      expect(await rowsOf(under)).toEqual(before);
      expect((await ledger.append(approval(1, NOW), BODY)).seq).toBe(5);
    });

    test('checkpoints are kept in their order; of many days the last of each, beside the newest 100', async () => {
      const under = await make();
      const ledger = await under.open();
      const note = (seq: number, time: number) => ({ seq, time, note: `note ${seq}\n` });
      const day = Math.floor(NOW / DAY) * DAY;
      const all = Array.from({ length: 110 }, (_, nth) =>
        note(nth + 1, day + Math.floor(nth / 4) * DAY + nth),
      );
      for (const checkpoint of all) await ledger.saveCheckpoint(checkpoint);
      const kept = await read(under, (reader) => reader.checkpoints());
      // Ten are older than the newest 100: of them the fourth and the eighth are the last of their days.
      expect(kept).toEqual([all[3], all[7], ...all.slice(10)]);
    });
  });
}
