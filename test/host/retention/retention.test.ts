/** A running host folds what is old once a day, and what an operator asks for besides. */
import fs from 'node:fs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { LedgerReader } from '../../../src/host/ledger/ledger-reader.ts';
import type { FoldStep } from '../../../src/host/retention/fold-ledger.ts';
import { DEFAULT_RETENTION, wishOf } from '../../../src/host/retention/keeping.ts';
import { keepRetention } from '../../../src/host/retention/retention.ts';
import { DAY, HOUR, MINUTE, NOW } from '../../support/clock.ts';
import { approval, refusal } from '../../support/ledger-entries.ts';
import { memoryLedger } from '../../support/memory-ledger.ts';
import { tempFolder } from '../../support/temp-folder.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

/** A host that has run for a moment; its ledger has refusals of the last hundred days, one a day. */
function running(records = 100) {
  const ledger = memoryLedger(
    Array.from({ length: records }, (_, nth) => refusal(1, NOW - (records - nth) * DAY + HOUR)),
  );
  const said: string[] = [];
  let elapsed = 0;
  let failure: Error | undefined;
  let opened = 0;
  const retention = keepRetention({
    folder: tempFolder(),
    retention: DEFAULT_RETENTION,
    ledger: { fold: ledger.applied },
    async openReader() {
      if (failure !== undefined) throw failure;
      opened += 1;
      return {
        ...ledger.reader,
        async close() {
          opened -= 1;
        },
      } as unknown as LedgerReader;
    },
    clocks: { wall: () => NOW + elapsed, elapsed: () => elapsed },
    notify: (sentence) => said.push(sentence),
  });
  return {
    ...{ ledger, retention, said },
    opened: () => opened,
    fail(thrown: Error | undefined) {
      failure = thrown;
    },
    /** Lets time pass, minute by minute, and what is then done be done. */
    async pass(milliseconds: number) {
      for (let left = milliseconds; left > 0; left -= MINUTE) {
        elapsed += MINUTE;
        vi.advanceTimersByTime(MINUTE);
      }
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    },
  };
}

async function refusalsOf(steps: AsyncIterable<FoldStep>): Promise<number[]> {
  const found: number[] = [];
  for await (const { refusals } of steps) found.push(refusals);
  return found;
}

test('the first time ten minutes after the start, then once a day', async () => {
  const { ledger, said, pass, opened } = running();
  await pass(9 * MINUTE);
  expect(ledger.size).toBe(100);
  await pass(MINUTE);
  // 70 are older than thirty days, and a mark stands for them.
  expect(ledger.size).toBe(31);
  expect(said).toEqual(['Folded 70 old records of the ledger into counts.']);
  await pass(23 * HOUR);
  expect(said).toHaveLength(1);
  await pass(HOUR);
  expect(said).toEqual([said[0], 'Folded 1 old record of the ledger into counts.']);
  expect(opened()).toBe(0);
});

test('a day on which it fails is said, and the next one makes up for it', async () => {
  const { ledger, said, pass, fail } = running();
  fail(new Error('gone'));
  await pass(10 * MINUTE);
  expect(said[0]).toMatch(/^Old records of the ledger are not folded, and tried again tomorrow: .*gone/);
  fail(undefined);
  await pass(DAY);
  expect(ledger.size).toBeLessThan(32);
});

test('what an operator wishes comes after what is being folded, and a host that stops waits for neither', async () => {
  const { ledger, retention } = running();
  const wish = { ...wishOf(DEFAULT_RETENTION, NOW), refusalsBefore: NOW - 50 * DAY };
  const [first, second] = await Promise.all(
    [wish, { ...wish, refusalsBefore: NOW - 20 * DAY }].map((one) => refusalsOf(retention.fold(one))),
  );
  expect([first, second]).toEqual([[50], [30]]);
  expect(ledger.size).toBe(22);
  await retention.close();
});

test('renewals that no report has stay, whatever their age', async () => {
  const ledger = memoryLedger(Array.from({ length: 50 }, (_, nth) => approval(1, NOW - (600 - nth) * DAY)));
  const folder = tempFolder();
  expect(await ledger.fold(folder, NOW - 400 * DAY)).toEqual({ renewals: 0, refusals: 0 });
  expect(await ledger.fold(folder, NOW - 400 * DAY, true)).toEqual({ renewals: 48, refusals: 0 });
  expect(fs.readdirSync(folder)).toEqual([]);
});
