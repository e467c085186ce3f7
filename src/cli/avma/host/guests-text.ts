import { stripVTControlCharacters } from 'node:util';
import type { LedgerEntry } from '../../../host/ledger/ledger.ts';
import type { GuestRow } from '../../../host/ledger/ledger-reader.ts';
import { codeOf } from '../../../host/shown-events/of-record.ts';
import { type GuestState, guestStateOf } from '../../../host/status/guest-tally.ts';
import type { PresentGuest } from '../../../host/status/status-handlers.ts';
import { counted } from '../../../schema/counted.ts';
import { formatMinute, isoInstant, isoInstantOrNull } from '../../../schema/format-time.ts';
import type { Style, Tone } from '../style.ts';
import { type Cell, type Field, formatTable } from '../table.ts';

/** The states that a guest may be in. */
export const GUEST_STATES: readonly GuestState[] = ['licensed', 'expired', 'refused'];

/** A VM and product as a command shows it: `avma.host-guests/1` has them so. Times are ISO 8601. */
export interface GuestView {
  readonly vmId: string;
  readonly activationId: string;
  /** The short name; null where no catalog listed it. */
  readonly product: string | null;
  readonly domain: string | null;
  readonly machineName: string | null;
  readonly state: GuestState;
  /** The last decision: `success`, or why it was refused. */
  readonly code: string;
  /** The end of its last lease. */
  readonly until: string | null;
  readonly license: string | null;
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly approvals: number;
  readonly refusals: number;
  /** The hardware ID of the host that decided last. */
  readonly host: string;
  readonly channel: string;
  /** Null where no host runs. */
  readonly present: boolean | null;
  readonly clone: boolean;
}

/** @param now - Milliseconds since 1970 UTC. Pure. */
export function describeGuest(
  row: GuestRow,
  present: ReadonlyMap<string, PresentGuest> | null,
  now: number,
): GuestView {
  const here = present?.get(row.vmId);
  return {
    vmId: row.vmId,
    activationId: row.activationId,
    product: row.edition,
    domain: here?.places.find(({ domain }) => domain !== null)?.domain ?? row.domain,
    machineName: row.machineName,
    state: guestStateOf(row, now),
    code: row.code,
    until: isoInstantOrNull(row.expiresAt),
    license: row.license,
    firstSeen: isoInstant(row.firstSeen),
    lastSeen: isoInstant(row.lastSeen),
    approvals: row.approvals,
    refusals: row.refusals,
    host: row.host,
    channel: row.channel,
    present: present === null ? null : here !== undefined,
    // A running host knows; else what the last decision found.
    clone: present === null ? row.clone : (here?.clone ?? false),
  };
}

const ORDER: Readonly<Record<GuestState, number>> = { refused: 1, expired: 2, licensed: 3 };

/** Clones first, then refused, expired and licensed ones; those of one state by name, then by VM ID. In place. */
export function sortGuests(guests: GuestView[]): void {
  const rank = ({ clone, state }: GuestView) => (clone ? 0 : ORDER[state]);
  const name = ({ domain, machineName }: GuestView) => domain ?? machineName ?? '';
  guests.sort(
    (a, b) =>
      rank(a) - rank(b) ||
      BY_NAME.compare(name(a), name(b)) ||
      BY_NAME.compare(a.vmId, b.vmId) ||
      BY_NAME.compare(a.activationId, b.activationId),
  );
}

/** `vm2` before `vm10`. */
const BY_NAME = new Intl.Collator('en', { numeric: true });

/** `2026-11-24 11:08`, where a heading says that times are UTC. */
function minuteText(time: number): string {
  return formatMinute(time).replace(' UTC', '');
}

/** The headings of {@link guestRow}. */
const GUEST_HEADINGS = [
  'VM ID',
  'NAME',
  'PRODUCT',
  'STATE',
  'UNTIL (UTC)',
  'LAST SEEN',
  'PRESENT',
  'CHANNEL',
];

/** What a narrow terminal does without, the first thing first; a column that is empty goes before all. */
const DISPENSABLE = ['LAST SEEN', 'CHANNEL', 'PRESENT'];

/** How much of a VM ID is shown where there is little room: what is found by `avma host guests` and tells all apart. */
const ID_LENGTHS = [8, 13, 18, 23];

/**
 * The table of guests, and the headings of the columns that it leaves out. Pure.
 *
 * @param columns - Of the terminal; null: as many as it takes, with everything.
 */
export function guestsTable(guests: readonly GuestView[], style: Style, columns: number | null): FittedTable {
  const rows = guests.map(guestRow);
  const whole = formatTable(GUEST_HEADINGS, rows, style);
  if (columns === null || widthOf(whole) <= columns) return { text: whole, leftOut: [] };
  const idLength = lengthOfIds(guests);
  const short = rows.map(([, ...cells], nth) => [guests[nth]?.vmId.slice(0, idLength) ?? '', ...cells]);
  const isKnown = guests.some(({ present }) => present !== null);
  const dispensable = isKnown ? DISPENSABLE : ['PRESENT', ...DISPENSABLE.slice(0, -1)];
  return fitted({ headings: GUEST_HEADINGS, rows: short, dispensable }, style, columns);
}

/** A table, and the headings of the columns that it leaves out. */
interface FittedTable {
  readonly text: string;
  readonly leftOut: readonly string[];
}

/** A table without the first of the dispensable columns, as many as it takes to fit. */
function fitted(
  {
    headings,
    rows,
    dispensable,
  }: Readonly<Record<'headings' | 'dispensable', readonly string[]>> & { readonly rows: readonly Cell[][] },
  style: Style,
  columns: number,
): FittedTable {
  for (let count = 0; ; count++) {
    const leftOut = dispensable.slice(0, count);
    const isKept = (_cell: unknown, column: number) => !leftOut.includes(headings[column] ?? '');
    const text = formatTable(
      headings.filter(isKept),
      rows.map((row) => row.filter(isKept)),
      style,
    );
    if (widthOf(text) <= columns || count >= dispensable.length) return { text, leftOut };
  }
}

function lengthOfIds(guests: readonly GuestView[]): number | undefined {
  const count = (length?: number) => new Set(guests.map(({ vmId }) => vmId.slice(0, length))).size;
  return ID_LENGTHS.find((length) => count(length) === count());
}

function widthOf(table: string): number {
  return stripVTControlCharacters(table)
    .split('\n')
    .reduce((width, line) => Math.max(width, line.length), 0);
}

/** A guest as a row of a table. */
function guestRow(guest: GuestView): Cell[] {
  const { vmId, domain, machineName, product, activationId, until, lastSeen, present, channel } = guest;
  return [
    vmId,
    domain ?? machineName ?? '',
    product ?? activationId,
    stateCell(guest),
    until === null ? '' : minuteText(Date.parse(until)),
    minuteText(Date.parse(lastSeen)),
    present === null ? '' : present ? 'yes' : 'no',
    channel,
  ];
}

const TONES: Readonly<Record<GuestState, Tone>> = { licensed: 'good', expired: 'warn', refused: 'bad' };

/** `refused: license-limit-reached`, `licensed, clone`. */
function stateCell({ state, code, clone }: GuestView): Cell {
  const why = code === 'success' ? '' : `: ${code}`;
  return {
    tone: clone ? 'bad' : TONES[state],
    text: `${state}${state === 'refused' ? why : ''}${clone ? ', clone' : ''}`,
  };
}

/** The rows of one guest, a block for each product. */
export function guestFields(guests: readonly GuestView[], here: PresentGuest | undefined): Field[] {
  const [first] = guests;
  if (first === undefined) return [];
  const { vmId, domain, machineName, present } = first;
  return [
    ['VM ID', vmId],
    ...(domain === null ? [] : [['Domain', domain] as Field]),
    ...(machineName === null ? [] : [['Machine', `${machineName}, as it says itself`] as Field]),
    ['Present', presenceText(present)],
    ...(here?.places ?? []).map(
      ({ channel, since }): Field => ['', `${channel}, since ${formatMinute(Date.parse(since))}`],
    ),
    ...(first.clone
      ? [['', { tone: 'bad', text: 'two machines use this VM ID: give one of them another UUID' }] as Field]
      : []),
    ...guests.flatMap(productFields),
  ];
}

function presenceText(present: boolean | null): string {
  if (present === null) return 'not known: no host runs here';
  return present ? 'yes' : 'no';
}

function productFields(guest: GuestView): Field[] {
  const {
    product,
    activationId,
    until,
    license,
    firstSeen,
    lastSeen,
    approvals,
    refusals,
    host,
    channel,
    code,
  } = guest;
  const last = code === 'success' ? '' : `, the last time: ${code}`;
  return [
    ['', ''],
    ['Product', product === null ? activationId : `${product} (${activationId})`],
    ['State', [stateCell(guest), until === null ? '' : `, lease until ${formatMinute(Date.parse(until))}`]],
    ...(license === null ? [] : [['License', license] as Field]),
    ['Approved', counted(approvals, 'time')],
    ...(refusals === 0 ? [] : [['Refused', `${counted(refusals, 'time')}${last}`] as Field]),
    ['Seen', `${formatMinute(Date.parse(firstSeen))} to ${formatMinute(Date.parse(lastSeen))}`],
    ['Asked last', `host ${host}, ${channel}`],
  ];
}

/** A decision in the history of a guest. Times are ISO 8601. */
export interface HistoryView {
  readonly time: string;
  readonly seq: number;
  readonly host: string;
  readonly channel: string;
  readonly product: string;
  readonly code: string;
  readonly until: string | null;
  readonly license: string | null;
  /** Whether the guest had asked at another place before. */
  readonly moved: boolean;
}

/** The history of a guest, the newest decision first. */
export function historyView(
  history: readonly { readonly seq: number; readonly host: string; readonly entry: LedgerEntry }[],
): HistoryView[] {
  return history.map(({ seq, host, entry }, index) => {
    const before = history[index + 1];
    return {
      time: isoInstant(entry.time),
      ...{ seq, host, channel: entry.channel },
      product: entry.edition ?? entry.activationId,
      code: codeOf(entry),
      until: entry.decision === 'approved' ? isoInstant(entry.expiresAt) : null,
      license: entry.license ?? null,
      moved: before !== undefined && (before.host !== host || before.entry.channel !== entry.channel),
    };
  });
}

/** The headings of {@link historyRow}. */
const HISTORY_HEADINGS = ['TIME (UTC)', 'PRODUCT', 'DECISION', 'UNTIL', 'PLACE'];

/**
 * The table of decisions. On a narrow terminal a host that is everywhere the same is not named, as what stands above
 * the table names it; then columns go, the first of them a product that is everywhere the same. Pure.
 *
 * @param columns - Of the terminal; null: as many as it takes, with everything.
 */
export function historyTable(
  history: readonly HistoryView[],
  style: Style,
  columns: number | null,
): FittedTable {
  const whole = formatTable(
    HISTORY_HEADINGS,
    history.map((one) => historyRow(one)),
    style,
  );
  if (columns === null || widthOf(whole) <= columns) return { text: whole, leftOut: [] };
  const isOne = (of: (one: HistoryView) => string) => new Set(history.map(of)).size <= 1;
  const namesHost = !isOne(({ host }) => host);
  const rows = history.map((one) => historyRow(one, namesHost));
  const dispensable = [...(isOne(({ product }) => product) ? ['PRODUCT'] : []), 'UNTIL', 'PLACE'];
  return fitted({ headings: HISTORY_HEADINGS, rows, dispensable }, style, columns);
}

/** A decision as a row of a table. */
function historyRow(
  { time, product, code, until, host, channel, moved }: HistoryView,
  namesHost = true,
): Cell[] {
  const approved = code === 'success';
  const place = namesHost ? `${host} ${channel}` : channel;
  return [
    minuteText(Date.parse(time)),
    product,
    approved ? { tone: 'good', text: 'approved' } : { tone: 'bad', text: `refused: ${code}` },
    until === null ? '' : minuteText(Date.parse(until)),
    moved ? { tone: 'warn', text: `moved to ${place}` } : place,
  ];
}
