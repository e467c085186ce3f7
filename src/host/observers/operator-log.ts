import { MESSAGE_IDS } from '../../events/message-ids.ts';
import { MINUTE_MS } from '../../schema/durations.ts';
import { formatMinute } from '../../schema/format-time.ts';
import type { LogAbout, Notify } from '../../system/notify.ts';
import { Throttle } from '../answering/throttle.ts';
import {
  channelOf,
  type HostMoment,
  type HostObserver,
  type MomentPlace,
  type RequestAnswered,
  type RequestFaulted,
} from '../observer.ts';
import { eventOfMoment, placeText } from '../shown-events/of-moment.ts';

/** How many lines a channel may cause: a guest that floods the host must not flood its log. */
const LINE_LIMIT = { burst: 20, windowMs: MINUTE_MS };

/**
 * Writes one line for the operator about each approval, refusal and failure, but not about repeated answers, and about
 * clones and licenses that are full. Past 20 lines a minute a channel's lines are only counted, and the channel's next
 * line has their number.
 *
 * @param elapsed - Milliseconds of a clock that does not run backwards.
 */
export function operatorLog(notify: Notify, elapsed: () => number): HostObserver {
  const limit = new Throttle(LINE_LIMIT);
  const unsaid = new Map<string, number>();

  return (moment) => {
    const name = channelOf(moment)?.name ?? 'this host';
    if (moment.kind === 'channel-closed') {
      limit.forget(name);
      unsaid.delete(name);
      return;
    }
    const makeLine = lineOf(moment);
    if (makeLine === undefined) return;
    const before = unsaid.get(name) ?? 0;
    if (limit.take(name, elapsed()) !== 'pass') {
      unsaid.set(name, before + 1);
      if (before === 0) {
        notify(
          `More lines about ${name} are left out until they become fewer; events.jsonl has the details.`,
          { level: 'warning', fields: { AVMA_CHANNEL: name } },
        );
      }
      return;
    }
    unsaid.delete(name);
    const line = makeLine();
    const about = aboutOf(moment);
    notify(before === 0 ? line : `${line} Left out before it: ${before} lines about ${name}.`, about);
    for (const part of stackOf(moment)) notify(part, { level: 'error' });
  };
}

/** What makes a moment's line; undefined for a moment without one. Of a flood few are made. */
function lineOf(moment: HostMoment): (() => string) | undefined {
  switch (moment.kind) {
    case 'request-answered':
      return moment.answer === null ? undefined : () => answerLine(moment);
    case 'request-faulted':
      return () => `Failed: a request${guestOf(moment)} on ${moment.channel.name}: ${moment.message}.`;
    case 'frame-faulted':
      return () => `Failed: ${moment.what} on ${moment.channel.name}: ${moment.message}.`;
    case 'connection-cut':
      return () => `A connection on ${moment.channel.name} was cut: ${moment.why}.`;
    case 'connection-refused':
      return () => `A connection on ${moment.channel.name} was refused: too many are open and busy.`;
    case 'clone-found':
      return () => `Two machines use the VM ID ${moment.vmId}: on ${placesText(moment.places)}.`;
    case 'clone-over':
      return () => cloneOverLine(moment);
    case 'seats-full':
      return () => `All seats of license ${moment.licenseId} are taken.`;
    default:
      return undefined;
  }
}

function placesText(places: readonly MomentPlace[]): string {
  return places.map(placeText).join(' and ');
}

/** Without a place where an operator has looked after it: nothing is known of either machine then. */
function cloneOverLine({
  vmId,
  places,
}: {
  readonly vmId: string;
  readonly places: readonly MomentPlace[];
}): string {
  const where = places.length === 0 ? '' : `: it is on ${placesText(places)}`;
  return `No two machines use the VM ID ${vmId} any more${where}.`;
}

/** What the journal keeps of a line: its level, and who and what it is about. */
function aboutOf(moment: HostMoment): LogAbout {
  // The journal has times of its own.
  const event = eventOfMoment(moment, 0);
  const channel = channelOf(moment)?.name ?? null;
  if (event === undefined)
    return { level: 'notice', fields: channel === null ? {} : { AVMA_CHANNEL: channel } };
  const isRequest = moment.kind === 'request-answered' || moment.kind === 'request-faulted';
  const { kind, code, vmId, domain, machineName, product, version, license, seq } = event;
  const named = {
    MESSAGE_ID: isRequest ? (MESSAGE_IDS[12310] ?? null) : null,
    ...{ AVMA_KIND: kind, AVMA_CODE: code, AVMA_EXCHANGE: isRequest ? moment.exchangeId : null },
    ...{ AVMA_VM: vmId, AVMA_DOMAIN: domain, AVMA_MACHINE: machineName, AVMA_CHANNEL: channel },
    ...{ AVMA_PRODUCT: product, AVMA_VERSION: version, AVMA_LICENSE: license, AVMA_SEQ: seq },
  };
  const known = Object.entries(named).flatMap(([name, value]) =>
    value === null ? [] : [[name, String(value)]],
  );
  return { level: event.level, fields: Object.fromEntries(known) };
}

function answerLine(moment: RequestAnswered): string {
  const { answer, request, channel, message } = moment;
  const product = moment.productName ?? `product ${request?.activationId}`;
  const about = `${product}, version ${request?.version},${guestOf(moment)} on ${channel.name}`;
  if (moment.code !== 'success') return `Refused: ${about}: ${message}.`;
  return `Approved: ${about} until ${formatMinute(answer?.expiresAt ?? moment.at)}${basisOf(moment)}.`;
}

/**
 * ` by license 0011223344556677 of "Bank Ltd" (over-limit)`: what an approval stands on, and what is noted about it.
 */
function basisOf({ license, answer }: RequestAnswered): string {
  const by = license === null ? '' : ` by license ${license.licenseId} of "${license.customer}"`;
  const conditions = answer?.conditions ?? [];
  return conditions.length === 0 ? by : `${by} (${conditions.join(', ')})`;
}

function guestOf({ channel, request }: RequestAnswered | RequestFaulted): string {
  const vmId = channel.vmId ?? request?.vmId;
  if (vmId === undefined) return '';
  return request === null ? ` of VM ${vmId}` : ` for ${request.log.machineName} (VM ${vmId})`;
}

/** A mistake in this program needs its stack, or it cannot be found. */
function stackOf(moment: HostMoment): string[] {
  if (moment.kind !== 'request-faulted' || moment.code !== 'internal') return [];
  return moment.cause instanceof Error ? (moment.cause.stack ?? '').split('\n').slice(1) : [];
}
