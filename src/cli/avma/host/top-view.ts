import type { Decisions } from '../../../host/status/host-status.ts';
import type { TopFrame } from '../../../host/status/top-frame.ts';
import { counted, formatCount } from '../../../schema/counted.ts';
import { MINUTE_MS } from '../../../schema/durations.ts';
import { formatDuration } from '../../../schema/format-duration.ts';
import { printable } from '../../../schema/printable.ts';
import type { Style, Tone } from '../style.ts';
import { formatInstant } from '../time-text.ts';
import { formatHostEventShort } from './events-text.ts';

/** Where the texts behind the names of rows begin. */
const INDENT = 11;

/** The most licenses and clones that get a row of their own. */
const MAX_SEATS = 6;
const MAX_CLONES = 3;

const MAX_BAR = 30;

/** Of how many seconds the rate is. */
const RATE_SECONDS = 10;

/** How much of its limit a license's seats may take before the bar warns. */
const NEARLY_FULL = 0.9;

/** What the screen shows: the last frame, and why none comes any more. */
export interface TopView {
  readonly frame: TopFrame;
  /** Null while the host answers. */
  readonly problem: string | null;
  /** Behind the time, how the screen is left. */
  readonly hint?: string;
}

/** The screen of `avma host top`: its lines, at most `rows` of them. Pure. */
export function topScreen(
  { frame, problem, hint = '' }: TopView,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  style: Style,
): string[] {
  const body = [
    headLine(frame, hint, columns, style),
    '',
    ...(problem === null ? [] : [style.paint('bad', printable(problem)), '']),
    ...rateLines(frame, columns, style),
    ...decisionLines(frame, style),
    '',
    ...guestLines(frame, style),
    ...seatLines(frame, columns, style),
    ...ledgerLines(frame, style),
    ...cloneLines(frame, style),
  ];
  return [...body, ...eventLines(frame, rows - body.length, style)].slice(0, rows);
}

/** `hv01  activated, 364 days left, up 3 hours`, and the time at the right end. */
function headLine(
  { name, state, remainingMinutes, since, at }: TopFrame,
  hint: string,
  columns: number,
  style: Style,
): string {
  const left = remainingMinutes === null ? '' : `, ${daysText(remainingMinutes)} left`;
  const up = formatDuration(Math.max(0, Date.parse(at) - Date.parse(since)));
  const host = printable(name, 30);
  const worth = `${state}${left}`;
  const rest = `up ${up}`;
  const instant = formatInstant(Date.parse(at));
  const used = host.length + worth.length + rest.length + 4;
  // As much of the time as there is room for.
  const time = [instant, instant.slice(11)]
    .map((text) => text + hint)
    .find((text) => used + text.length + 2 <= columns);
  const tone: Tone = state === 'activated' ? 'good' : state === 'in grace' ? 'warn' : 'bad';
  const shownTime =
    time === undefined ? '' : `${' '.repeat(columns - used - time.length)}${style.paint('dim', time)}`;
  return `${style.paint('strong', host)}  ${style.paint(tone, worth)}  ${rest}${shownTime}`;
}

function daysText(minutes: number): string {
  return formatDuration(minutes * MINUTE_MS).replace(/ \d+ hours?$/, '');
}

function rateLines({ perSecond, latency }: TopFrame, columns: number, style: Style): string[] {
  const last = perSecond.slice(-RATE_SECONDS);
  const rate = last.reduce((a, b) => a + b, 0) / Math.max(1, last.length);
  const shown = `${rate < 10 ? rate.toFixed(1) : formatCount(Math.round(rate))} a second`;
  const { minute, hour } = latency;
  const bars = sparkline(
    perSecond,
    Math.max(10, Math.min(perSecond.length, columns - INDENT - shown.length - 2)),
    style,
  );
  const times = [
    minute === null ? 'none in the last minute' : `median ${ms(minute.p50)}, 99 percent ${ms(minute.p99)}`,
    ...(hour === null ? [] : [`last hour ${ms(hour.p50)}, ${ms(hour.p99)}`]),
  ];
  return [
    `${label('Requests', style)}${style.paint('strong', shown)}  ${style.paint('good', bars)}`,
    `${label('Latency', style)}${times.join('; ')}`,
  ];
}

function ms(milliseconds: number): string {
  return `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;
}

/** The last so many numbers as bars of a character each. */
function sparkline(numbers: readonly number[], width: number, style: Style): string {
  const levels = style.symbol('good') === '' ? ' .:-=+*#' : ' ▁▂▃▄▅▆▇█';
  const shown = numbers.slice(-width);
  const most = Math.max(1, ...shown);
  return shown.map((count) => levels[Math.ceil((count / most) * (levels.length - 1))]).join('');
}

const COLUMNS = ['approved', 'refused', 'failed', 'throttled'] as const;

function decisionLines({ decisions }: TopFrame, style: Style): string[] {
  const row = (name: string, { approved, refused, faulted, throttled }: Decisions) => {
    const cells = [
      [approved, 'plain'],
      [refused, 'warn'],
      [faulted ?? 0, 'bad'],
      [throttled ?? 0, 'warn'],
    ] as const;
    const shown = cells.map(([count, tone]) =>
      style.paint(count === 0 ? 'dim' : tone, formatCount(count).padStart(10)),
    );
    return `${label(name, style)}${shown.join('  ')}`;
  };
  return [
    `${' '.repeat(INDENT)}${style.paint('dim', COLUMNS.map((name) => name.padStart(10)).join('  '))}`,
    row('Minute', decisions.minute),
    row('Hour', decisions.hour),
    row('Day', decisions.day),
  ];
}

function guestLines({ guests, channels }: TopFrame, style: Style): string[] {
  const places = `${formatCount(channels.named + channels.domains)}, ${counted(channels.open, 'connection')}`;
  const channelLine = `${label('Channels', style)}${places}`;
  if (guests === null) return [`${label('Guests', style)}being counted`, channelLine];
  const { licensed, expired, refused, present } = guests;
  const parts = [
    style.paint('good', `${formatCount(licensed)} licensed`),
    ...(expired === 0 ? [] : [style.paint('warn', `${formatCount(expired)} expired`)]),
    ...(refused === 0 ? [] : [style.paint('bad', `${formatCount(refused)} refused`)]),
    `${formatCount(present ?? 0)} present`,
  ];
  return [`${label('Guests', style)}${parts.join(', ')}`, channelLine];
}

function seatLines({ seats }: TopFrame, columns: number, style: Style): string[] {
  const width = Math.max(8, Math.min(MAX_BAR, columns - INDENT - 45));
  const lines = seats.slice(0, MAX_SEATS).map(({ product, taken, limit }, index) => {
    const name = printable(product, 24).padEnd(24);
    const text =
      limit === null ? `${formatCount(taken)}, no limit` : `${formatCount(taken)} of ${formatCount(limit)}`;
    const bar = limit === null ? '' : `${barOf(taken / limit, width, style)}  `;
    return `${label(index === 0 ? 'Seats' : '', style)}${name}  ${bar}${text}`;
  });
  const more = seats.length - MAX_SEATS;
  return more > 0 ? [...lines, `${label('', style)}and ${more} more: avma host seats`] : lines;
}

function barOf(part: number, width: number, style: Style): string {
  const [full, empty] = style.symbol('good') === '' ? ['#', '-'] : ['━', '─'];
  const filled = Math.min(width, Math.round(part * width));
  const tone: Tone = part > 1 ? 'bad' : part >= NEARLY_FULL ? 'warn' : 'good';
  return style.paint(tone, full.repeat(filled)) + style.paint('dim', empty.repeat(width - filled));
}

function ledgerLines({ ledger }: TopFrame, style: Style): string[] {
  const { records, ok, waiting } = ledger;
  const trouble = ok ? '' : `  ${style.paint('bad', 'cannot be written: no request is answered')}`;
  const queue = waiting === 0 ? '' : `, ${formatCount(waiting)} waiting`;
  return [`${label('Ledger', style)}record ${formatCount(records)}${queue}${trouble}`];
}

function cloneLines({ clones, guests }: TopFrame, style: Style): string[] {
  const lines = clones
    .slice(0, MAX_CLONES)
    .map(({ vmId, places }, index) =>
      style.paint(
        'bad',
        `${(index === 0 ? 'Clones' : '').padEnd(INDENT)}${vmId} on ${printable(places.join(' and '))}`,
      ),
    );
  const more = (guests?.clones ?? clones.length) - MAX_CLONES;
  return more > 0
    ? [...lines, style.paint('bad', `${' '.repeat(INDENT)}and ${more} more: avma host guests --clones`)]
    : lines;
}

function eventLines({ events }: TopFrame, room: number, style: Style): string[] {
  // Below that there is no room for any.
  if (room < 3) return [];
  if (events.length === 0) return ['', style.paint('dim', 'Nothing has happened since the host started.')];
  const newest = events.slice(-(room - 2)).reverse();
  return [
    '',
    style.paint('dim', 'Newest first'),
    ...newest.map((event) => formatHostEventShort(event, style)),
  ];
}

function label(name: string, style: Style): string {
  return style.paint('dim', name.padEnd(INDENT));
}
