import { counted, formatCount } from '../../schema/counted.ts';
import { DAY_MS } from '../../schema/durations.ts';
import { type Html, html } from './html-text.ts';
import type { SeriesDay, Usage } from './merge-usage.ts';

/** Sizes of a plot in the units of its own coordinates: the page scales it to its width. */
const WIDTH = 960;
const LEFT = 46;
const RIGHT = 12;
const TOP = 16;
const BOTTOM = 26;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** As how many columns the days of a plot are drawn at least. */
const MIN_COLUMNS = 8;

/** How often a limit may be what was used and still be in the plot; above that it is only named. */
const MAX_LIMIT_RATIO = 4;

/** The most columns of a plot: what a screen shows, and a browser draws at once. */
const MAX_COLUMNS = 750;

/** The days in at most {@link MAX_COLUMNS} columns, and how many days make one: peaks stay, answers are added up. */
export function columnsOf(days: readonly SeriesDay[]): { columns: SeriesDay[]; daysEach: number } {
  const daysEach = Math.ceil(days.length / MAX_COLUMNS);
  if (daysEach <= 1) return { columns: [...days], daysEach: 1 };
  const columns: SeriesDay[] = [];
  for (let at = 0; at < days.length; at += daysEach) {
    columns.push(days.slice(at, at + daysEach).reduce(together));
  }
  return { columns, daysEach };
}

function together(a: SeriesDay, b: SeriesDay): SeriesDay {
  return {
    date: a.date,
    peakGuests: Math.max(a.peakGuests, b.peakGuests),
    distinctGuests: Math.max(a.distinctGuests, b.distinctGuests),
    approved: a.approved + b.approved,
    attested: a.attested + b.attested,
    refused: [...a.refused, ...b.refused],
    overLimit: a.overLimit + b.overLimit,
    inGrace: a.inGrace + b.inGrace,
  };
}

interface Scale {
  readonly height: number;
  /** The left edge of a day. */
  x(index: number): number;
  y(value: number): number;
  readonly ticks: readonly number[];
}

/**
 * Guests at peak, a step for each day, against the limit of the license. What is above the limit has a color of its
 * own; times of incidents are shaded, and the end of the license is marked.
 *
 * @param licenseEndsAt - From when on its renewal grace runs, milliseconds since 1970 UTC.
 */
export function guestsPlot(
  days: readonly SeriesDay[],
  limit: number | null,
  incidents: Usage['incidents'],
  { id, licenseEndsAt }: { readonly id: string; readonly licenseEndsAt: number | null },
): Html {
  const most = Math.max(1, ...days.map(({ peakGuests }) => peakGuests));
  const shown = limit !== null && limit <= most * MAX_LIMIT_RATIO ? limit : null;
  const scale = scaleFor(days, 236, Math.max(most, shown ?? 0));
  const area = stepPath(days, scale);
  const limitAt = shown === null ? 0 : scale.y(shown);
  const over =
    shown === null
      ? html``
      : html`<clipPath id="${id}"><rect x="0" y="0" width="${WIDTH}" height="${round(limitAt)}"/></clipPath>
<path class="over" clip-path="url(#${id})" d="${area}"/>
<line class="limit" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(limitAt)}" y2="${round(limitAt)}"/>
${limitName(days, `limit ${formatCount(shown)}`, limitAt - 5)}`;
  const named =
    limit !== null && shown === null
      ? html`<text class="limit-name" x="${WIDTH - RIGHT}" y="${TOP - 4}" text-anchor="end">limit ${formatCount(limit)}, above the plot</text>`
      : html``;
  return frame(scale, days, 'Guests at peak a day', [
    ...bands(days, incidents, scale),
    html`<path class="area" d="${area}"/>`,
    html`<path class="edge" d="${edgePath(days, scale)}"/>`,
    over,
    named,
    endMark(days, licenseEndsAt, scale),
    ...days.map((day, index) => {
      const { date, peakGuests, distinctGuests } = day;
      const text = `${date}: ${counted(peakGuests, 'guest')} at peak, ${formatCount(distinctGuests)} in all`;
      return hover(index, scale, text);
    }),
  ]);
}

/** The name of the limit, at that end of its line where fewer guests are in its way. */
function limitName(days: readonly SeriesDay[], text: string, y: number): Html {
  const most = (some: readonly SeriesDay[]) => Math.max(0, ...some.map(({ peakGuests }) => peakGuests));
  const some = Math.ceil(days.length / 8);
  const isLeft = most(days.slice(0, some)) < most(days.slice(-some));
  return html`<text class="limit-name" x="${isLeft ? LEFT + 4 : WIDTH - RIGHT}" y="${round(y)}" text-anchor="${isLeft ? 'start' : 'end'}">${text}</text>`;
}

/** A line where the license ended; nothing where that is not within the days. */
function endMark(days: readonly SeriesDay[], endsAt: number | null, scale: Scale): Html {
  const place = endsAt === null ? undefined : placer(days)?.(endsAt);
  if (place === undefined || place <= 0 || place >= days.length) return html``;
  const x = round(scale.x(place));
  const isLate = place > days.length / 2;
  return html`<line class="end" x1="${x}" x2="${x}" y1="${TOP - 10}" y2="${scale.height - BOTTOM}"/>
<text class="end-name" x="${isLate ? x - 5 : x + 5}" y="${scale.height - BOTTOM - 8}" text-anchor="${isLate ? 'end' : 'start'}">the license ended</text>`;
}

/** Approvals upwards, those in renewal grace in a color of their own, and refusals downwards: a bar for each day. */
export function answersPlot(days: readonly SeriesDay[]): Html {
  const refusedOf = ({ refused }: SeriesDay) => refused.reduce((sum, { count }) => sum + count, 0);
  const up = Math.max(...days.map(({ approved, attested }) => approved + attested), 0);
  const down = Math.max(...days.map(refusedOf), 0);
  const scale = scaleFor(days, 150, Math.max(up, down === 0 ? 1 : 0), down);
  const width = Math.max(0.6, (scale.x(1) - scale.x(0)) * 0.72);
  const inset = (scale.x(1) - scale.x(0) - width) / 2;
  const bar = (name: string, index: number, from: number, to: number) => {
    const [top, bottom] = [scale.y(to), scale.y(from)];
    if (to === from) return html``;
    const height = Math.max(1, bottom - top);
    return html`<rect class="${name}" x="${round(scale.x(index) + inset)}" y="${round(top)}" width="${round(width)}" height="${round(height)}" rx="${width > 5 ? 1.5 : 0}"/>`;
  };
  return frame(scale, days, 'Approvals and refusals a day', [
    ...days.map((day, index) => bar('approved', index, graceOf(day), day.approved + day.attested)),
    ...days.map((day, index) => bar('graced', index, 0, graceOf(day))),
    ...days.map((day, index) => bar('refused', index, -refusedOf(day), 0)),
    html`<line class="zero" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(scale.y(0))}" y2="${round(scale.y(0))}"/>`,
    ...days.map((day, index) => hover(index, scale, answersText(day, refusedOf(day)))),
  ]);
}

/** Approvals in renewal grace; never more than there were. */
function graceOf({ approved, attested, inGrace }: SeriesDay): number {
  return Math.min(inGrace, approved + attested);
}

function answersText({ date, approved, attested, refused, inGrace }: SeriesDay, sum: number): string {
  const codes = refused
    .slice(0, 6)
    .map(({ code, count }) => `${code} ${formatCount(count)}`)
    .join(', ');
  const asked = attested === 0 ? '' : `, ${formatCount(attested)} attested`;
  const graced = inGrace === 0 ? '' : `, ${formatCount(inGrace)} of them in renewal grace`;
  return `${date}: ${formatCount(approved)} approved${asked}${graced}, ${formatCount(sum)} refused${codes === '' ? '' : ` (${codes})`}`;
}

function frame(scale: Scale, days: readonly SeriesDay[], label: string, content: readonly Html[]): Html {
  const bottom = scale.height - BOTTOM;
  return html`<svg viewBox="0 0 ${WIDTH} ${scale.height}" role="img" aria-label="${label}">
${scale.ticks.map(
  (
    tick,
  ) => html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(scale.y(tick))}" y2="${round(scale.y(tick))}"/>
<text x="${LEFT - 8}" y="${round(scale.y(tick) + 4)}" text-anchor="end">${formatCount(Math.abs(tick))}</text>`,
)}
${dateTicks(days).map(
  ({ index, text }) =>
    html`<line class="tick" x1="${round(scale.x(index))}" x2="${round(scale.x(index))}" y1="${bottom}" y2="${bottom + 4}"/>
<text x="${round(scale.x(days.length > MIN_COLUMNS ? index : index + 0.5))}" y="${bottom + 18}" text-anchor="${days.length > MIN_COLUMNS && index === 0 ? 'start' : 'middle'}">${text}</text>`,
)}
${content}
</svg>`;
}

/** A transparent column with a tooltip. */
function hover(index: number, scale: Scale, text: string): Html {
  const width = scale.x(index + 1) - scale.x(index);
  return html`<rect class="hover" x="${round(scale.x(index))}" y="${TOP}" width="${round(width)}" height="${scale.height - BOTTOM - TOP}"><title>${text}</title></rect>`;
}

/** Shades the times in which the host did not run, or its record is broken. */
function bands(days: readonly SeriesDay[], incidents: Usage['incidents'], scale: Scale): Html[] {
  const place = placer(days);
  if (place === undefined) return [];
  return incidents
    .filter(({ kind }) => kind === 'gap' || kind === 'ledger-break')
    .map(({ kind, from, to, hostName, detail }) => {
      const [left, right] = [scale.x(place(from)), scale.x(place(to))];
      return html`<rect class="band ${kind}" x="${round(left)}" y="${TOP}" width="${round(Math.max(2, right - left))}" height="${scale.height - BOTTOM - TOP}"><title>${hostName}: ${detail}</title></rect>`;
    });
}

/** At which day, and which part of it, a time lies; undefined without days. */
function placer(days: readonly SeriesDay[]): ((time: number) => number) | undefined {
  const [first] = days;
  if (first === undefined) return undefined;
  const begin = Date.parse(first.date);
  const end = Date.parse(days.at(-1)?.date ?? first.date);
  const each = days.length === 1 ? DAY_MS : (end - begin) / (days.length - 1);
  return (time) => Math.min(Math.max((time - begin) / each, 0), days.length);
}

function scaleFor(days: readonly SeriesDay[], height: number, max: number, below = 0): Scale {
  const step = niceStep((max + below) / 4);
  const top = Math.ceil(max / step) * step;
  const bottom = -Math.ceil(below / step) * step;
  // Few days stand in the middle, and not as wide as the plot.
  const perDay = (WIDTH - LEFT - RIGHT) / Math.max(MIN_COLUMNS, days.length);
  const left = LEFT + (WIDTH - LEFT - RIGHT - perDay * days.length) / 2;
  const perUnit = (height - TOP - BOTTOM) / (top - bottom);
  const ticks = Array.from(
    { length: Math.round((top - bottom) / step) + 1 },
    (_, nth) => bottom + nth * step,
  );
  return { height, x: (index) => left + index * perDay, y: (value) => TOP + (top - value) * perUnit, ticks };
}

/** 1, 2 or 5 times a power of ten, and at least that much. */
function niceStep(least: number): number {
  if (least <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= least) ?? 10);
}

function edgePath(days: readonly SeriesDay[], scale: Scale): string {
  return days
    .map(({ peakGuests }, index) => {
      const y = round(scale.y(peakGuests));
      return `${index === 0 ? 'M' : 'L'}${round(scale.x(index))} ${y}H${round(scale.x(index + 1))}`;
    })
    .join('');
}

function stepPath(days: readonly SeriesDay[], scale: Scale): string {
  const floor = round(scale.y(0));
  return `${edgePath(days, scale)}V${floor}H${round(scale.x(0))}Z`;
}

/** At most some ten dates: each nth day of a short period, the months of a long one. */
function dateTicks(days: readonly SeriesDay[]): { index: number; text: string }[] {
  const named = days.map(({ date }, index) => ({ index, date }));
  if (days.length > 100) {
    const months = named.filter(({ date }) => date.endsWith('-01'));
    const every = Math.ceil(months.length / 12);
    return months
      .filter((_, nth) => nth % every === 0)
      .map(({ index, date }) => ({ index, text: monthText(date) }));
  }
  const every = [1, 2, 5, 7, 10, 14].find((step) => days.length / step <= 12) ?? 14;
  return named
    .filter(({ index }) => index % every === 0)
    .map(({ index, date }) => ({ index, text: dayText(date) }));
}

function dayText(date: string): string {
  return `${Number(date.slice(8))} ${MONTHS[Number(date.slice(5, 7)) - 1]}`;
}

function monthText(date: string): string {
  const month = MONTHS[Number(date.slice(5, 7)) - 1] ?? '';
  return date.slice(5, 7) === '01' ? `${month} ${date.slice(0, 4)}` : month;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
