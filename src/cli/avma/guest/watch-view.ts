import type { StoredEvent } from '../../../events/stored-event.ts';
import { LicenseStatus } from '../../../guest/license-report.ts';
import { featuresText } from '../../../guest/license-terms.ts';
import { MINUTE_MS } from '../../../schema/durations.ts';
import { formatDuration } from '../../../schema/format-duration.ts';
import { formatMinute } from '../../../schema/format-time.ts';
import type { Style, Tone } from '../style.ts';
import { type Cell, type Field, formatFields } from '../table.ts';
import { formatInstant } from '../time-text.ts';
import { formatEvent } from './events-text.ts';
import type { ProductStatus } from './product-status.ts';
import { attemptCell, licenseCell, noteFields } from './status-text.ts';

/** A product as it is watched. */
export interface WatchedProduct extends ProductStatus {
  /** How long its present state lasts in all, in milliseconds; null for a state that does not end by itself. */
  readonly lasts: number | null;
}

/** The agent: its process, null where none runs, undefined where this user cannot see it. */
export type WatchedAgent = number | null | undefined;

/** What `avma guest status --watch` shows at one moment. */
export interface WatchView {
  /** The wall clock, in milliseconds since 1970 UTC. */
  readonly now: number;
  readonly products: readonly WatchedProduct[];
  readonly agent: WatchedAgent;
  /** The last ones, oldest first; undefined where this user cannot read them. */
  readonly events: readonly StoredEvent[] | undefined;
  /** Why the license cannot be read now; null where it can. */
  readonly problem: string | null;
}

const MAX_BAR = 60;
/** The names of the fields, and the blanks behind them. */
const INDENT = 14;
/** Part of a lease: when so little is left, the bar is red. */
const NEAR_THE_END = 0.1;

/** The screen of `avma guest status --watch`: its lines, at most `rows` of them. Pure. */
export function watchScreen(
  view: WatchView,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  style: Style,
): string[] {
  const width = Math.max(10, Math.min(MAX_BAR, columns - INDENT - 8));
  const fields: Field[] = [
    ...(view.problem === null ? [] : [['License', { tone: 'bad', text: view.problem }] as Field]),
    ...(view.products.length === 0 && view.problem === null
      ? [['Product', { tone: 'warn', text: 'no product key is installed' }] as Field]
      : view.products.flatMap((product, index) => [
          ...(index === 0 ? [] : [['', ''] as Field]),
          ...productRows(product, view, width, style),
        ])),
    ['Agent', agentCell(view.agent)],
  ];
  const head = [style.paint('dim', `avma guest status, ${formatInstant(view.now)}, ^C ends`), ''];
  const body = formatFields(fields, style).split('\n');
  const room = rows - head.length - body.length - 2;
  return [...head, ...body, ...eventLines(view.events, room, style)].slice(0, rows);
}

function productRows(product: WatchedProduct, { agent }: WatchView, width: number, style: Style): Field[] {
  const { name, edition, version, partialProductKey, problem, lease, lastAttempt, nextSteps } = product;
  const { customerLicense } = product;
  const bar = barOf(product, width, style);
  return [
    ['Product'.padEnd(INDENT - 2), `${name} (${edition} ${version}, key *-${partialProductKey})`],
    ['License', licenseCell(product)],
    ...(bar === null ? [] : [['', bar] as Field]),
    ...(problem === null ? [] : [['Why', `${problem.message} [${problem.code}]`] as Field]),
    ...noteFields(product),
    ...(customerLicense === null
      ? []
      : [['Customer', `${customerLicense.customer}: ${featuresText(customerLicense.features)}`] as Field]),
    ...(lease === null ? [] : [['Host', `${lease.hostName} (${lease.hardwareId})`] as Field]),
    ['Next renewal', renewalCell(product, agent)],
    ...(lastAttempt === null ? [] : [['Last attempt', attemptCell(lastAttempt)] as Field]),
    // The agent does what is to be done by itself.
    ...(typeof agent === 'number'
      ? []
      : nextSteps.map((step, index): Field => [index === 0 ? 'Next' : '', { tone: 'strong', text: step }])),
  ];
}

/** The time that is left as a bar, the moment at which the renewal is due marked in it, and its seconds at the end. */
function barOf(product: WatchedProduct, width: number, style: Style): Cell[] | null {
  const { license, lease, lasts, trustedTime, channel } = product;
  const { status, endsAt } = license;
  if (channel !== 'VT:IA' || status === LicenseStatus.unlicensed) return null;
  const hasSymbols = style.symbol('good') !== '';
  const [full, empty, mark] = hasSymbols ? ['━', '─', '┃'] : ['#', '-', '|'];
  if (endsAt === null || lasts === null || trustedTime === null) {
    return [{ tone: 'dim', text: empty.repeat(width) }, '  0 %'];
  }
  const left = Math.max(0, Date.parse(endsAt) - Date.parse(trustedTime));
  const part = Math.min(1, left / lasts);
  const filled = Math.round(part * width);
  const marked =
    status !== LicenseStatus.licensed || lease === null
      ? -1
      : Math.round(((Date.parse(endsAt) - Date.parse(lease.renewAfter)) / lasts) * width);
  const cells = [...Array(width).keys()].map((at) => (at === marked ? mark : at < filled ? full : empty));
  const tone: Tone = status !== LicenseStatus.licensed || filled <= marked ? 'warn' : 'good';
  const percent = `${Math.max(1, Math.floor(part * 100))} %`;
  return [
    bare(part < NEAR_THE_END ? 'bad' : tone, cells.slice(0, filled).join('')),
    bare('dim', cells.slice(filled).join('')),
    `  ${left < 10 * MINUTE_MS ? inSeconds(left) : percent}`,
  ];
}

/** Text in a tone, without the tone's symbol. */
function bare(tone: Tone, text: string): Cell {
  return { tone, text, bare: true };
}

/** `1 min 05 s`. */
function inSeconds(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  const rest = String(seconds % 60).padStart(2, '0');
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${rest} s`;
}

function renewalCell({ channel, license, lease, trustedTime }: WatchedProduct, agent: WatchedAgent): Cell {
  if (channel !== 'VT:IA') return 'none: no host activates this product';
  const who = agent === null ? ': no agent does it' : '';
  if (license.status !== LicenseStatus.licensed || lease === null || trustedTime === null) {
    return { tone: 'warn', text: agent === null ? `due now${who}` : 'as soon as a host answers' };
  }
  const until = Date.parse(lease.renewAfter) - Date.parse(trustedTime);
  if (until <= 0) return { tone: 'warn', text: `due now${who}` };
  return `from ${formatMinute(Date.parse(lease.renewAfter))} on, in ${formatDuration(until)}${who}`;
}

function agentCell(agent: WatchedAgent): Cell {
  if (agent === undefined) return 'this user cannot see whether it is running';
  if (agent === null) return { tone: 'warn', text: 'not running: avma guest agent' };
  return { tone: 'good', text: `running${agent === 0 ? '' : `, process ${agent}`}` };
}

function eventLines(events: WatchView['events'], room: number, style: Style): string[] {
  if (room < 1) return [];
  if (events === undefined) return ['', style.paint('dim', 'This user cannot read the events.')];
  if (events.length === 0) return ['', style.paint('dim', 'There are no events yet.')];
  return [
    '',
    style.paint('dim', 'Last events'),
    ...events.slice(-room).map((event) => formatEvent(event, style, formatTime)),
  ];
}

/** `11-24 21:08:55`. */
function formatTime(instant: number): string {
  return new Date(instant).toISOString().slice(5, 19).replace('T', ' ');
}

/** What makes a new line where the status is watched without a terminal: one line for each product, and the agent. */
export function watchLines({ now, products, agent, problem }: WatchView): string[] {
  const states =
    problem !== null
      ? [problem]
      : products.length === 0
        ? ['no product key is installed']
        : products.map((product) =>
            [`${product.name}: ${textOf(licenseCell(product))}`, ...product.notes].join('; '),
          );
  return [...states, `agent: ${textOf(agentCell(agent))}`].map((text) => `${formatInstant(now)}  ${text}`);
}

/** Changes when a new line is due: with the states, not with the time that goes by. */
export function watchSignature({ products, agent, problem }: WatchView): string {
  const states = products.map(
    ({ activationId, license: { status, reason, endsAt }, notes, customerLicense }) => [
      ...[activationId, status, reason, endsAt, notes, customerLicense],
    ],
  );
  return JSON.stringify([states, agent ?? String(agent), problem]);
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}
