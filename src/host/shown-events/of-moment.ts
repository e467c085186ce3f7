import { isoInstant } from '../../schema/format-time.ts';
import type { HostMoment, MomentPlace, RequestAnswered, RequestFaulted } from '../observer.ts';
import { type Level, levelOfDecision, type ShownEvent, shownEvent } from './shown-event.ts';

/**
 * A moment as `avma host events` shows it; undefined for what is no news to an operator: hellos, parts of documents,
 * repeated answers, connections. Pure.
 *
 * @param now - For moments without a time of their own; milliseconds since 1970 UTC.
 */
export function eventOfMoment(moment: HostMoment, now: number): ShownEvent | undefined {
  const time = isoInstant(now);
  switch (moment.kind) {
    case 'request-answered':
      return moment.answer === null ? undefined : ofAnswer(moment);
    case 'request-faulted':
      return ofFault(moment);
    case 'frame-faulted': {
      const { channel, code, message, what } = moment;
      const about = { code, channel: channel.name, domain: channel.domain ?? null, vmId: channel.vmId };
      return shownEvent({ time, kind: 'fault', level: 'warning', ...about, message: `${what}: ${message}` });
    }
    case 'throttled': {
      const { name, vmId, domain = null } = moment.channel;
      const message = `${moment.count} requests more than the channel may send were not recorded one by one`;
      return shownEvent({ time, kind: 'throttled', level: 'warning', channel: name, vmId, domain, message });
    }
    case 'ledger-failed':
      return shownEvent({ time, kind: moment.kind, level: 'error', message: moment.message });
    case 'ledger-recovered':
      return shownEvent({ time, kind: moment.kind, level: 'notice', message: moment.message });
    case 'clone-found':
    case 'clone-over': {
      const level = moment.kind === 'clone-found' ? 'warning' : 'notice';
      const message = `seen at ${moment.places.map(placeText).join(' and ')}`;
      return shownEvent({ time, kind: moment.kind, level, vmId: moment.vmId, message });
    }
    case 'guest-present':
    case 'guest-gone': {
      const { vmId, place, why } = moment;
      // The decision about its request says the same.
      if (why === 'asked') return undefined;
      const { channel, domain } = place;
      return shownEvent({ time, kind: moment.kind, level: 'info', vmId, channel, domain, message: why });
    }
    case 'seats-full': {
      const message = 'all its seats are used';
      return shownEvent({ time, kind: moment.kind, level: 'warning', license: moment.licenseId, message });
    }
    case 'reloaded': {
      const message = moment.changes.length === 0 ? 'nothing has changed' : moment.changes.join('; ');
      return shownEvent({ time, kind: moment.kind, level: 'notice', message });
    }
    default:
      return undefined;
  }
}

/** `hv02 unix:/run/a.sock`: the host only where it is another one. */
export function placeText({ host, channel }: MomentPlace): string {
  return host === null ? channel : `${host} ${channel}`;
}

function ofAnswer(moment: RequestAnswered): ShownEvent {
  const { at, code, seq, answer, license, message } = moment;
  const approved = code === 'success';
  const conditions = [...(answer?.conditions ?? [])];
  return shownEvent({
    ...aboutGuest(moment),
    time: isoInstant(answer?.issuedAt ?? at),
    kind: approved ? 'approved' : 'refused',
    level: levelOfDecision(code, conditions),
    seq,
    license: license?.licenseId ?? null,
    conditions,
    expiresAt: approved && answer !== null ? isoInstant(answer.expiresAt) : null,
    message: approved ? null : message,
  });
}

function ofFault(moment: RequestFaulted): ShownEvent {
  const { at, message } = moment;
  return shownEvent({
    ...aboutGuest(moment),
    time: isoInstant(at),
    kind: 'fault',
    level: levelOfFault(moment),
    message,
  });
}

/** What the host itself could not do is its operator's affair now; what cannot be opened is the guest's. */
export function levelOfFault({ code }: RequestFaulted): Level {
  return OWN_FAULTS.includes(code) ? 'error' : 'warning';
}

const OWN_FAULTS: readonly string[] = ['io-error', 'internal', 'disk-full', 'access-denied'];

function aboutGuest({ channel, request, code }: RequestAnswered | RequestFaulted): Partial<ShownEvent> {
  return {
    code,
    vmId: channel.vmId ?? request?.vmId ?? null,
    domain: channel.domain ?? null,
    machineName: request?.log.machineName ?? null,
    product: request?.edition ?? null,
    version: request?.version ?? null,
    channel: channel.name,
  };
}
