import type { AvmaError } from '../errors/avma-error.ts';
import { type ActivationOutcome, CODES } from '../errors/codes.ts';
import { formatHresult } from '../errors/hresult.ts';
import { GUEST_EVENT_KINDS, type GuestEventKind, type LicenseStateName } from '../events/guest-event.ts';
import { withinBounds } from '../machine/clock.ts';
import type { VmId } from '../machine/vm-id.ts';
import { printable } from '../schema/printable.ts';
import type { GuestEnvironment } from './environment.ts';

/** What an event is about, besides its outcome. */
export interface EventSubject {
  /** `activation` unless said otherwise. */
  readonly kind?: GuestEventKind;
  /** What led to it: a trigger of the protocol, `state read` or `license state changed`. */
  readonly trigger: string;
  /** Of an event without an error, in place of {@link ACTIVATED_MESSAGE}. */
  readonly message?: string;
  readonly state?: LicenseStateName;
  readonly activationId?: string;
  readonly exchangeId?: string | null;
  readonly hostName?: string | null;
}

/** Where an event is written, and of which machine. */
interface EventPlace {
  readonly environment: Pick<GuestEnvironment, 'events' | 'readClock'>;
  readonly vmId: VmId | null;
}

/** The sentence of a successful activation, in its event and in the last attempt. */
export const ACTIVATED_MESSAGE = 'activated by the host for the time of its lease';

/** Writes event 12309 at the time of the wall clock, as every event log does. Throws nothing. */
export function writeGuestEvent(
  place: EventPlace,
  outcome: AvmaError | 'success',
  subject: EventSubject,
): void {
  const common = { ...subject, kind: subject.kind ?? 'activation' };
  if (outcome === 'success') {
    write(place, { ...common, outcome: 'AVMA Success', message: subject.message ?? ACTIVATED_MESSAGE });
  } else {
    const { code, message } = outcome;
    write(place, { ...common, outcome: CODES[code].outcome, failure: outcome, message });
  }
}

/** What an event of the agent says. */
export interface AgentEvent {
  readonly kind: Exclude<GuestEventKind, 'activation' | 'license-changed' | 'state-unreadable'>;
  /** A sentence without its full stop, as the messages of errors are. */
  readonly message: string;
  /** What led to it; `agent` unless said otherwise. */
  readonly trigger?: string;
  /** Of what failed. */
  readonly failure?: AvmaError;
  readonly state?: LicenseStateName;
  readonly activationId?: string;
  readonly hostName?: string | null;
}

/** Writes an event of the agent at the time of the wall clock. Throws nothing. */
export function writeAgentEvent(place: EventPlace, event: AgentEvent): void {
  write(place, { trigger: 'agent', ...event, outcome: null });
}

function write(
  { environment, vmId }: EventPlace,
  {
    kind,
    failure,
    ...event
  }: Omit<AgentEvent, 'kind'> & {
    readonly kind: GuestEventKind;
    readonly trigger: string;
    readonly outcome: ActivationOutcome | null;
    readonly exchangeId?: string | null;
  },
): void {
  environment.events.write(
    {
      eventId: GUEST_EVENT_KINDS[kind].eventId,
      kind,
      outcome: event.outcome,
      code: failure?.code ?? 'success',
      hresult: formatHresult(failure?.hresult ?? 0),
      message: printable(event.message, MAX_MESSAGE),
      trigger: event.trigger,
      state: event.state ?? null,
      vmId: vmId?.value ?? null,
      activationId: event.activationId ?? null,
      exchangeId: event.exchangeId ?? null,
      hostName: event.hostName ?? null,
    },
    withinBounds(environment.readClock()).wall,
  );
}

/** The longest message of an event, in characters: it may repeat what a host sent, or a hook wrote. */
const MAX_MESSAGE = 1000;
