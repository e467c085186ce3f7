import { CODES } from '../../errors/codes.ts';
import { formatHresult } from '../../errors/hresult.ts';
import type { EventSink } from '../../events/event-sink.ts';
import type { HostEvent } from '../../events/host-event.ts';
import type { Request } from '../../protocol/messages.ts';
import type { HostObserver, RequestAnswered, RequestFaulted } from '../observer.ts';

/** Writes event 12310 for each request that was answered, except for the rest of a flood. */
export function eventLog(sink: EventSink<HostEvent>): HostObserver {
  return (moment) => {
    if (moment.kind === 'request-answered' || moment.kind === 'request-faulted') {
      sink.write(toEvent(moment), moment.at);
    }
  };
}

function toEvent(moment: RequestAnswered | RequestFaulted): HostEvent {
  const { channel, exchangeId, code, message, request } = moment;
  return {
    eventId: 12310,
    decision: decisionOf(moment),
    code,
    hresult: formatHresult(code === 'success' ? 0 : CODES[code].hresult),
    message,
    channel: channel.name,
    vmId: channel.vmId ?? request?.vmId ?? null,
    vmIdFrom: channel.vmId !== null ? 'channel' : request === null ? null : 'label',
    activationId: request?.activationId ?? null,
    edition: request?.edition ?? null,
    exchangeId,
    license: moment.kind === 'request-answered' ? (moment.license?.licenseId ?? null) : null,
    conditions: moment.kind === 'request-answered' ? (moment.answer?.conditions ?? []) : [],
    repeated: moment.kind === 'request-answered' && moment.answer === null,
    guest: request === null ? null : guestOf(request),
  };
}

/** Member by member: every answer is written, and a spread takes longer than the rest of its event. */
function guestOf({ log: { machineName, iaid, client, trigger }, license }: Request): HostEvent['guest'] {
  return { machineName, iaid, client, trigger, license };
}

function decisionOf({ kind, code }: RequestAnswered | RequestFaulted): HostEvent['decision'] {
  if (kind === 'request-faulted') return 'fault';
  return code === 'success' ? 'approved' : 'refused';
}
