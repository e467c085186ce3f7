import type { AgentEvent } from '../guest/guest-events.ts';
import type { AppliedValue } from '../setup/apply.ts';
import { valueName } from '../setup/choice.ts';

/** The event of a value of a given setup that was applied now; undefined for one that changed nothing or failed. */
export function appliedEvent({ what, origin, result }: AppliedValue): AgentEvent | undefined {
  if (result !== 'applied') return undefined;
  return {
    kind: 'setup-applied',
    message: `the ${valueName(what)} from ${origin} was applied`,
    trigger: 'setup',
  };
}
