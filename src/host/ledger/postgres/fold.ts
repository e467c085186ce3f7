import * as z from 'zod/mini';
import { AvmaError } from '../../../errors/avma-error.ts';
import { integer, sha256Hex } from '../../../schema/shapes.ts';
import type { FoldPlan, FoldRun } from '../fold.ts';
import { appendStatement, type Chained } from './append.ts';
import type { RunStatement } from './link.ts';
import { rowsOf } from './rows.ts';

/** How many records one statement removes: each has to end in its time. */
const SLICE = 20_000;

const Ends = z.strictObject({
  count: integer(0, Number.MAX_SAFE_INTEGER),
  previous: z.nullable(sha256Hex),
  digest: z.nullable(sha256Hex),
});

/**
 * Carries out a plan, in the caller's transaction: removes the records, appends the marks, keeps the texts.
 *
 * @param marks - The marks of the plan, with their places in the chain.
 * @param forget - As in {@link appendStatement}.
 * @returns How many records are gone.
 * @throws {AvmaError} `argument-invalid` where the records are not those that the plan is for; what pg throws.
 */
export async function foldRecords(
  run: RunStatement,
  host: string,
  plan: FoldPlan,
  { marks, forget }: { readonly marks: readonly Chained[]; readonly forget: number },
): Promise<number> {
  let records = 0;
  for (const one of plan.folds.flatMap(({ fold }) => fold.runs)) {
    await checkRun(run, host, one);
    for (let from = one.from; from <= one.to; from += SLICE) {
      await run({
        text: 'delete from avma_records where host = $1 and seq between $2 and $3',
        values: [host, from, Math.min(from + SLICE - 1, one.to)],
      });
    }
    records += one.to - one.from + 1;
  }
  await run(appendStatement(host, marks, forget));
  await run({
    text: 'insert into avma_folds (host, seq, text) select $1, * from unnest($2::bigint[], $3::text[])',
    values: [host, marks.map(({ seq }) => seq), plan.folds.map(({ text }) => text)],
  });
  await run({
    text: 'delete from avma_guests where host = $1 and approvals = 0 and last_seen < $2',
    values: [host, plan.forgetBefore],
  });
  return records;
}

async function checkRun(
  run: RunStatement,
  host: string,
  { from, to, previous, digest }: FoldRun,
): Promise<void> {
  const { rows } = await run({
    text: `select count(*) as count, max(previous) filter (where seq = $2) as previous,
           max(digest) filter (where seq = $3) as digest
           from avma_records where host = $1 and seq between $2 and $3`,
    values: [host, from, to],
  });
  const [found] = rowsOf(Ends, rows);
  if (found?.count === to - from + 1 && found.previous === previous && found.digest === digest) return;
  throw new AvmaError(
    'argument-invalid',
    `the records ${from} to ${to} are not those that were to be folded`,
    {
      hint: 'Run the command again: it plans anew from what is there.',
    },
  );
}
