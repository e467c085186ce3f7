/** A ledger that is folded while it is read is read again. */
import { expect, test } from 'vitest';
import { steadyRead } from '../../../src/host/ledger/steady-read.ts';
import { failureOf } from '../../support/failures.ts';

/** A ledger that is folded during each of the first reads. */
function foldedDuring(reads: number) {
  let folds = 0;
  let done = 0;
  const reader = {
    folds: async () => Array.from({ length: folds }, (_, nth) => ({ seq: nth + 1, text: '' })),
  };
  const work = async () => {
    done += 1;
    if (done <= reads) folds += 1;
    return done;
  };
  return { reader, work };
}

test('once where nothing is folded, else until nothing is', async () => {
  for (const reads of [0, 1, 3]) {
    const { reader, work } = foldedDuring(reads);
    expect(await steadyRead(reader, work)).toBe(reads + 1);
  }
});

test('not for ever', async () => {
  const { reader, work } = foldedDuring(100);
  expect((await failureOf(steadyRead(reader, work))).code).toBe('state-locked');
});
