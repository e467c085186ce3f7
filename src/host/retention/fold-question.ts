import * as z from 'zod/mini';
import { AvmaError } from '../../errors/avma-error.ts';
import { count, instant, oneOf, utcDay } from '../../schema/shapes.ts';
import type { ControlHandler } from '../control/control-server.ts';
import type { RunningRetention } from './retention.ts';

/** What is asked of a running host: as FoldWish says. */
const FoldArguments = z.strictObject({
  renewalsBefore: instant,
  refusalsBefore: instant,
  unreported: oneOf([true, false]),
});

const seq = z.nullable(count);

/** What a running host answers, step by step. */
export const FoldStepMessage = z.strictObject({
  renewals: count,
  refusals: count,
  folds: count,
  days: z.nullable(z.strictObject({ from: utcDay, to: utcDay })),
  brokenAt: seq,
  hasMore: oneOf([true, false]),
  renewalsBefore: z.nullable(instant),
});

/** Answers `ledger-fold` on the control socket. */
export function foldHandler({ fold }: RunningRetention): ControlHandler {
  return (args) => {
    const wish = FoldArguments.safeParse(args).data;
    if (wish === undefined) throw new AvmaError('argument-invalid', 'this is no wish for a fold');
    return fold(wish);
  };
}
