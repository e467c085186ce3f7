import { AvmaError } from '../errors/avma-error.ts';
import type { AgentEvent } from '../guest/guest-events.ts';
import type { AppliedValue, SetupReport } from '../setup/apply.ts';
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

/** The event of a value of a given setup that could not be applied; undefined for all others. */
export function failedEvent({ what, origin, error }: AppliedValue): AgentEvent | undefined {
  if (error === null) return undefined;
  return problem(`the ${valueName(what)} from ${origin} could not be applied: ${error.message}`, error);
}

/** An event for each value that could not be applied, and for a place that should have given the key. */
export function setupProblems({ values, outcome, why, where }: SetupReport): AgentEvent[] {
  const failed = values.flatMap((value) => failedEvent(value) ?? []);
  if (outcome === 'key' || outcome === 'none') return failed;
  const message = `no key was taken from ${where}: ${why}`;
  return [...failed, problem(message, new AvmaError('file-invalid', message))];
}

function problem(message: string, failure: AvmaError): AgentEvent {
  return { kind: 'setup-failed', message, failure, trigger: 'setup' };
}
