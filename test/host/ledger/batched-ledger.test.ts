/** When a ledger counts as one that can be written. */
import { expect, test } from 'vitest';
import { AvmaError } from '../../../src/errors/avma-error.ts';
import { BatchedLedger } from '../../../src/host/ledger/batched-ledger.ts';
import { NO_LINE } from '../../../src/storage/chained-lines.ts';
import { MINUTE, NOW } from '../../support/clock.ts';
import { failureOf } from '../../support/failures.ts';
import { approval } from '../../support/ledger-entries.ts';

const CHECKPOINT = { seq: 1, time: NOW, note: 'a note' };

/** A ledger whose engine fails as the test says. */
function failing() {
  const fails = { write: false, checkpoint: false };
  const told: string[] = [];
  const clock = { now: NOW };
  const need = (works: boolean) => {
    if (!works) throw new AvmaError('disk-full', 'full');
  };
  const engine = {
    write(records: readonly unknown[]) {
      need(!fails.write);
      return records.map((_record, nth) => ({ seq: nth + 1, digest: 'ab'.repeat(32) }));
    },
    saveCheckpoint: () => need(!fails.checkpoint),
    answer: () => undefined,
    fold: () => {
      throw new TypeError('not folded here');
    },
    close: () => {},
  };
  const opened = { head: { seq: 0, digest: NO_LINE, time: 0 }, answers: [] };
  const ledger = new BatchedLedger(engine, opened, {
    ...{ now: () => clock.now, blocks: false },
    failed: () => told.push('failed'),
    recovered: () => told.push('recovered'),
  });
  const append = () => ledger.append(approval(1, NOW), Buffer.from('the answer'));
  return { ledger, fails, told, clock, append };
}

test('a checkpoint that is kept ends a failure, and one that is not begins none', async () => {
  const { ledger, fails, told, append } = failing();
  Object.assign(fails, { write: true, checkpoint: true });
  await failureOf(ledger.saveCheckpoint(CHECKPOINT));
  expect(told).toEqual([]);
  await failureOf(append());
  await failureOf(ledger.saveCheckpoint(CHECKPOINT));
  expect(ledger.health().ok).toBe(false);
  Object.assign(fails, { write: false, checkpoint: false });
  await ledger.saveCheckpoint(CHECKPOINT);
  expect(ledger.health().ok).toBe(true);
  expect(told).toEqual(['failed', 'recovered']);
});

test('where the next batch fails all the same, checkpoints prove nothing for five minutes', async () => {
  const { ledger, fails, told, clock, append } = failing();
  fails.write = true;
  for (let nth = 0; nth < 3; nth++) {
    await failureOf(append());
    await ledger.saveCheckpoint(CHECKPOINT);
  }
  expect(told).toEqual(['failed', 'recovered', 'failed']);
  expect(ledger.health().ok).toBe(false);
  clock.now += 5 * MINUTE;
  await ledger.saveCheckpoint(CHECKPOINT);
  expect(ledger.health().ok).toBe(true);
});

test('a batch that is written makes checkpoints count at once', async () => {
  const { ledger, fails, told, append } = failing();
  fails.write = true;
  for (let nth = 0; nth < 2; nth++) {
    await failureOf(append());
    await ledger.saveCheckpoint(CHECKPOINT);
  }
  expect(told.at(-1)).toBe('failed');
  fails.write = false;
  await append();
  expect(told.at(-1)).toBe('recovered');
  fails.write = true;
  await failureOf(append());
  await ledger.saveCheckpoint(CHECKPOINT);
  expect(told.slice(-2)).toEqual(['failed', 'recovered']);
});
