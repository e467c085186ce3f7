import type { ShownEvent } from '../../../host/shown-events/shown-event.ts';
import { formatMinute } from '../../../schema/format-time.ts';
import { printable } from '../../../schema/printable.ts';
import { type Style, symbolOrBlanks, type Tone } from '../style.ts';
import { formatInstant } from '../time-text.ts';

/** The longest of the usual kinds; longer ones push their line. */
const KIND_WIDTH = 'guest-present'.length;
const SHORT_KIND_WIDTH = 'approved'.length;

/**
 * What happened to a host as one line: `2026-11-24 11:08:55 UTC  approved  acme-gateway 3.2, web01 (VM 1111...) ...`.
 *
 * @param time - How its time is written.
 */
export function formatHostEvent(
  event: ShownEvent,
  style: Style,
  time: (instant: number) => string = formatInstant,
): string {
  const tone = toneOf(event);
  const kind = style.paint(tone, `${symbolOrBlanks(style, tone)}${printable(event.kind).padEnd(KIND_WIDTH)}`);
  const parts = [productText(event), guestText(event), channelText(event)].filter((text) => text !== '');
  const about = printable(parts.join(' '));
  const outcome = outcomeText(event, style);
  return `${style.paint('dim', time(Date.parse(event.time)))}  ${kind}  ${[about, outcome].filter((text) => text !== '').join(about === '' ? '' : ': ')}`;
}

/**
 * As {@link formatHostEvent}, short enough for a screen that others share: the time of the day, the guest's name and
 * how its VM ID begins, the product, and what came of it.
 */
export function formatHostEventShort(event: ShownEvent, style: Style): string {
  const { time, kind, vmId, domain, machineName, channel, code, expiresAt, message } = event;
  const tone = toneOf(event);
  const name = domain ?? machineName ?? (vmId === null ? (channel ?? '') : '');
  const id = vmId === null ? '' : vmId.slice(0, 8);
  const until = expiresAt === null ? '' : `until ${formatMinute(Date.parse(expiresAt)).slice(5, 16)}`;
  const outcome = code === null || code === 'success' ? (message ?? until) : `[${code}] ${message ?? ''}`;
  const about = [name.padEnd(10), id.padEnd(8), productText(event), outcome].filter((text) => text !== '');
  return [
    style.paint('dim', time.slice(11, 19)),
    style.paint(tone, `${symbolOrBlanks(style, tone)}${printable(kind).padEnd(SHORT_KIND_WIDTH)}`),
    printable(about.join('  ')).trimEnd(),
  ].join('  ');
}

function productText({ product, version }: ShownEvent): string {
  if (product === null) return '';
  return version === null ? product : `${product} ${version}`;
}

/** `web01 (VM 11111111-...)`: the domain's name, or what the machine calls itself. */
function guestText({ domain, machineName, vmId }: ShownEvent): string {
  const name = domain ?? machineName;
  if (vmId === null) return name ?? '';
  return name === null ? `VM ${vmId}` : `${name} (VM ${vmId})`;
}

function channelText({ channel }: ShownEvent): string {
  return channel === null ? '' : `on ${channel}`;
}

function outcomeText({ code, expiresAt, license, conditions, message }: ShownEvent, style: Style): string {
  const until = expiresAt === null ? '' : `until ${formatMinute(Date.parse(expiresAt))}`;
  const by = license === null ? '' : `by license ${license}`;
  const noted = conditions.length === 0 ? '' : `(${conditions.join(', ')})`;
  const text = printable([message ?? '', until, by, noted].filter((part) => part !== '').join(' '));
  const shownCode = code === null || code === 'success' ? '' : style.paint('dim', `[${printable(code)}]`);
  return [text, shownCode].filter((part) => part !== '').join(' ');
}

function toneOf({ level, kind }: ShownEvent): Tone {
  if (level === 'error') return 'bad';
  if (level === 'warning' || kind === 'refused') return 'warn';
  return kind === 'approved' ? 'good' : 'plain';
}
