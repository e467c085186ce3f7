import type { AvmaError } from '../errors/avma-error.ts';
import { CODES } from '../errors/codes.ts';
import { formatHresult } from '../errors/hresult.ts';
import { withinBounds } from '../machine/clock.ts';
import type { VmId } from '../machine/vm-id.ts';
import type { GuestEnvironment } from './environment.ts';

/** What an event is about, besides its outcome. */
export interface EventSubject {
  /** What led to it: a trigger of the protocol, `state read` or `license state changed`. */
  readonly trigger: string;
  readonly activationId?: string;
  readonly exchangeId?: string | null;
  readonly hostName?: string | null;
}

/** The sentence of a successful activation, in its event and in the last attempt. */
export const ACTIVATED_MESSAGE = 'activated by the host for the time of its lease';

/** Writes event 12309 at the time of the wall clock, as every event log does. Throws nothing. */
export function writeGuestEvent(
  { environment, vmId }: { readonly environment: GuestEnvironment; readonly vmId: VmId },
  outcome: AvmaError | 'success',
  subject: EventSubject,
): void {
  const failure = outcome === 'success' ? undefined : outcome;
  environment.events.write(
    {
      eventId: 12309,
      outcome: failure === undefined ? 'AVMA Success' : CODES[failure.code].outcome,
      code: failure?.code ?? 'success',
      hresult: formatHresult(failure?.hresult ?? 0),
      message: failure?.message ?? ACTIVATED_MESSAGE,
      trigger: subject.trigger,
      vmId: vmId.value,
      activationId: subject.activationId ?? null,
      exchangeId: subject.exchangeId ?? null,
      hostName: subject.hostName ?? null,
    },
    withinBounds(environment.readClock()).wall,
  );
}
