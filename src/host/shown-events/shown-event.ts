import * as z from 'zod/mini';
import { anyText, integer, isoTime, oneOf } from '../../schema/shapes.ts';

/** How much an operator has to care: as the priorities of syslog(3) that avma uses. */
export type Level = 'info' | 'notice' | 'warning' | 'error';

/**
 * What `avma host events` shows of one thing that happened: a decision, a mark of the ledger, or a moment of a running
 * host that no ledger has. Members that do not fit the kind are null.
 */
export const ShownEvent = z.strictObject({
  /** ISO 8601. */
  time: isoTime,
  /** `approved`, `refused`, `fault`, the name of a mark (`started`), or that of a moment (`clone-found`). */
  kind: anyText,
  level: oneOf(['info', 'notice', 'warning', 'error']),
  /** Its number in the ledger of this host; null where it is not there. */
  seq: z.nullable(integer(1, Number.MAX_SAFE_INTEGER)),
  /** `success`, or a code of docs/errors.md. */
  code: z.nullable(anyText),
  vmId: z.nullable(anyText),
  domain: z.nullable(anyText),
  machineName: z.nullable(anyText),
  /** The short name of the product, or its activation ID where no catalog lists it. */
  product: z.nullable(anyText),
  version: z.nullable(anyText),
  channel: z.nullable(anyText),
  license: z.nullable(anyText),
  conditions: z.array(anyText),
  /** The end of the lease, ISO 8601; of approvals only. */
  expiresAt: z.nullable(isoTime),
  /** What happened and why, without its full stop; null where the other members say all. */
  message: z.nullable(anyText),
});
export type ShownEvent = z.infer<typeof ShownEvent>;

/** An event of which nothing but these members is known. */
export function shownEvent(
  known: Partial<ShownEvent> & Pick<ShownEvent, 'time' | 'kind' | 'level'>,
): ShownEvent {
  const { time, kind, level, ...others } = known;
  return { time, kind, level, ...UNKNOWN, ...others };
}

const UNKNOWN: Omit<ShownEvent, 'time' | 'kind' | 'level'> = {
  seq: null,
  code: null,
  vmId: null,
  domain: null,
  machineName: null,
  product: null,
  version: null,
  channel: null,
  license: null,
  conditions: [],
  expiresAt: null,
  message: null,
};

/** A refusal is the guest's affair, unless the host could not do otherwise. Conditions are to be looked at in time. */
export function levelOfDecision(code: string, conditions: readonly string[]): Level {
  if (code === 'success') return conditions.length === 0 ? 'info' : 'notice';
  return HOST_TROUBLES.includes(code) ? 'warning' : 'notice';
}

/** Refusals that no guest can do anything about. */
const HOST_TROUBLES: readonly string[] = [
  'host-not-activated',
  'license-expired',
  'license-limit-reached',
  'license-missing',
  'license-revoked',
  'license-untrusted',
  'product-unknown',
  'vm-cloned',
];
