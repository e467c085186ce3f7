import { AvmaError } from '../../errors/avma-error.ts';
import type { LedgerReader } from './ledger-reader.ts';

/** How often reading is begun anew. A host folds once a day, in steps of a second. */
const MAX_TRIES = 5;

/**
 * What the work gives that reads a ledger from its beginning to its end, done again if the host has folded records
 * meanwhile: some would have been read neither as records nor as a fold.
 *
 * @throws {AvmaError} `state-locked` where it is folded again and again; what the work throws.
 */
export async function steadyRead<T>(reader: Pick<LedgerReader, 'folds'>, work: () => Promise<T>): Promise<T> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const before = (await reader.folds()).at(-1)?.seq;
    const result = await work();
    if ((await reader.folds()).at(-1)?.seq === before) return result;
  }
  throw new AvmaError('state-locked', 'the host folds old records of its ledger all the time', {
    hint: 'Run the command again in some minutes.',
  });
}
