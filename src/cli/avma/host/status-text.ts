import path from 'node:path';
import type { Decisions, HostStatus } from '../../../host/status/host-status.ts';
import { isActivated } from '../../../host/status/host-validity.ts';
import { counted, formatCount } from '../../../schema/counted.ts';
import { MINUTE_MS } from '../../../schema/durations.ts';
import { formatDuration } from '../../../schema/format-duration.ts';
import { formatMinute } from '../../../schema/format-time.ts';
import type { Validity } from '../../../schema/validity.ts';
import type { Cell, Field } from '../table.ts';
import { seatsCell, stateCell } from './holdings-text.ts';

/** The rows of a host's status, for people. Pure. */
export function statusFields(status: HostStatus): Field[] {
  return [
    ['Host', status.name],
    ['Hardware ID', status.hardwareId],
    ['Folder', status.folder],
    ['State', stateOfHost(status)],
    ...servingFields(status),
    ...vendorFields(status),
    ...certificateFields(status),
    ...licenseFields(status),
    ...(status.newKeys ? [['New keys', 'made, and not certified yet'] as Field] : []),
    ...guestFields(status),
    ...decisionFields(status),
    ...ledgerFields(status),
    ...(status.lastReport === null ? [] : [['Last report', reportText(status.lastReport)] as Field]),
    ...(status.lastError === null ? [] : [['Last error', troubleCell(status.lastError)] as Field]),
    ...column('Warning', 'warn', status.warnings),
    ...column('Problem', 'bad', status.problems),
    ...column('Next', 'strong', status.nextSteps),
  ];
}

function stateOfHost({ state, remainingMinutes, warnings }: HostStatus): Cell {
  const left = remainingMinutes === null ? '' : `, ${formatDuration(remainingMinutes * MINUTE_MS)} left`;
  const tone = !isActivated({ state }) ? 'bad' : warnings.length === 0 ? 'good' : 'warn';
  return { tone, text: `${state}${left}` };
}

/** `yes, since 2026-11-24 11:08 UTC (3 hours 5 minutes), process 4711`, and a row for each endpoint. */
function servingFields({ at, from, serving, channels }: HostStatus): Field[] {
  const { state, since, pid, endpoints } = serving;
  if (state === 'unknown') return [['Running', 'this user may not see whether it runs']];
  if (state === 'not running') return [['Running', { tone: 'warn', text: 'no' }]];
  if (since === null) return [['Running', { tone: 'good', text: 'yes' }]];
  const duration = formatDuration(Math.max(0, Date.parse(at) - Date.parse(since)));
  const text = `yes, since ${formatMinute(Date.parse(since))} (${duration}), process ${pid}`;
  const domains = channels === null || channels.domains === 0 ? [] : [`${channels.domains} of libvirt`];
  const open = channels === null ? [] : [counted(channels.open, 'connection')];
  const places = [...(endpoints.length === 0 ? [] : [`${endpoints.length} named`]), ...domains, ...open];
  return [
    ['Running', { tone: 'good', text }],
    ...(from === 'files'
      ? [['', { tone: 'warn', text: 'it cannot be asked: what follows is of its files' }] as Field]
      : []),
    ...endpoints
      .slice(0, MAX_ENDPOINTS)
      .map((endpoint, index): Field => [index === 0 ? 'Endpoints' : '', endpoint]),
    ...(endpoints.length > MAX_ENDPOINTS
      ? [['', `and ${endpoints.length - MAX_ENDPOINTS} more, which --json lists`] as Field]
      : []),
    ...(channels === null ? [] : [['Channels', places.join(', ')] as Field]),
  ];
}

/** How many endpoints are listed by name. */
const MAX_ENDPOINTS = 8;

/** Who certified this host, and what is known of them. */
function vendorFields({ vendors }: HostStatus): Field[] {
  return vendors.map(({ name, roots, trustVersion, revocations }, index): Field => {
    const list = revocations === null ? 'no revocation list' : `revocation list ${revocations.sequence}`;
    return [
      index === 0 ? 'Vendors' : '',
      `"${name}" (${roots.join(', ')}), trust version ${trustVersion}, ${list}`,
    ];
  });
}

interface Dates {
  readonly notBefore: string;
  readonly notAfter: string;
  readonly graceUntil: string;
}

function validityOf({ notBefore, notAfter, graceUntil }: Dates): Validity {
  return {
    notBefore: Date.parse(notBefore),
    notAfter: Date.parse(notAfter),
    graceUntil: Date.parse(graceUntil),
  };
}

/** `2026-11-24 11:08 UTC to 2027-11-24 11:08 UTC, renewal grace until ...`. */
function datesText(dates: Dates): string {
  const { notBefore, notAfter, graceUntil } = validityOf(dates);
  const grace = graceUntil > notAfter ? `, renewal grace until ${formatMinute(graceUntil)}` : '';
  return `${formatMinute(notBefore)} to ${formatMinute(notAfter)}${grace}`;
}

function certificateFields({ at, folder, certificates }: HostStatus): Field[] {
  const shown = certificates
    .filter(({ aside }) => !aside)
    .toSorted((a, b) => a.certificate.notBefore.localeCompare(b.certificate.notBefore));
  const fields = shown.flatMap(({ certificate, state }, index): Field[] => {
    const { serial, customer, site, windows } = certificate;
    const about = [
      ...(customer === null ? [] : [`customer "${customer}"`]),
      ...(site === null ? [] : [`site "${site}"`]),
      ...(windows === null ? [] : [`${windows.edition} ${windows.osVersion}, ${windows.licensing}`]),
    ];
    const worth = stateCell(state, validityOf(certificate), Date.parse(at));
    return [
      [index === 0 ? 'Certificates' : '', [`${serial}  `, worth]],
      ['', `  ${datesText(certificate)}`],
      ...(about.length === 0 ? [] : [['', `  ${about.join(', ')}`] as Field]),
    ];
  });
  return [...fields, ...endedField(certificates.length - shown.length, path.join(folder, 'certificates'))];
}

function licenseFields({ at, folder, licenses }: HostStatus): Field[] {
  const shown = licenses.filter(({ aside }) => !aside);
  const fields = shown.flatMap((license, index): Field[] => {
    const { licenseId, customer, product, features, guests, state, seats, used } = license;
    const granted = Object.entries(features)
      .map(([name, value]) => (value === true ? name : `${name}=${value}`))
      .join(', ');
    return [
      [
        index === 0 ? 'Licenses' : '',
        [`${licenseId}  `, stateCell(state, validityOf(license), Date.parse(at))],
      ],
      [
        '',
        [
          `  "${product.name}" for "${customer}", ${seats === null ? 'guests' : 'seats'}: `,
          seatsCell(seats ?? used, guests),
        ],
      ],
      ...(granted === '' ? [] : [['', `  ${granted}`] as Field]),
      ['', `  ${datesText(license)}`],
    ];
  });
  return [...fields, ...endedField(licenses.length - shown.length, path.join(folder, 'licenses'))];
}

/** The row of those that have ended and are not shown. */
function endedField(ended: number, folder: string): Field[] {
  return ended === 0 ? [] : [['', `${ended} ended, kept in ${folder}`]];
}

function guestFields({ guests }: HostStatus): Field[] {
  if (guests === null) return [];
  const { known, licensed, expired, refused, present, clones } = guests;
  const parts: Cell[] = [
    `${formatCount(licensed)} licensed`,
    ...(expired === 0 ? [] : [`, ${formatCount(expired)} expired`]),
    ...(refused === 0
      ? []
      : [', ', { tone: 'warn' as const, text: `${formatCount(refused)} refused`, bare: true }]),
    `, of ${formatCount(known)} known`,
    ...(present === null ? [] : [`; ${formatCount(present)} present`]),
  ];
  return [
    ['Guests', parts],
    ...(clones === 0
      ? []
      : [
          [
            '',
            { tone: 'bad', text: `${counted(clones, 'VM ID')} at two places: avma host guests --clones` },
          ] as Field,
        ]),
  ];
}

function decisionFields({ decisions }: HostStatus): Field[] {
  if (decisions === null) return [];
  return [
    ['Last hour', decisionsText(decisions.lastHour)],
    ['Last day', decisionsText(decisions.lastDay)],
  ];
}

/** `12 approved, 1 refused, 0 failed`. What no ledger knows is said only where there is some. */
function decisionsText({ approved, refused, faulted, throttled }: Decisions): string {
  const rare = [
    faulted ? `, ${formatCount(faulted)} failed` : '',
    throttled ? `, ${formatCount(throttled)} throttled` : '',
  ];
  return `${formatCount(approved)} approved, ${formatCount(refused)} refused${rare.join('')}`;
}

function ledgerFields({ ledger }: HostStatus): Field[] {
  if (ledger === null) return [];
  const { place, checkpoint, ok, lastError, bytes } = ledger;
  const size = bytes === null ? '' : `, ${sizeText(bytes)}`;
  const head = ledgerHead(ledger);
  return [
    ['Ledger', `${place}${size}`],
    ...(head === null ? [] : [['', head] as Field]),
    ...(checkpoint === null
      ? []
      : [
          [
            '',
            `checkpoint of record ${formatCount(checkpoint.seq)}, ${formatMinute(Date.parse(checkpoint.time))}`,
          ] as Field,
        ]),
    ...(ok ? [] : [['', { tone: 'bad', text: 'cannot be written: no request is answered' }] as Field]),
    // One that is over stands under the host's last error.
    ...(ok || lastError === null ? [] : [['', troubleCell(lastError)] as Field]),
  ];
}

/** The last record; null where the ledger could not be read, so that nothing is known of it. */
function ledgerHead({ records, digest, time, ok }: NonNullable<HostStatus['ledger']>): string | null {
  if (time === null) return ok ? 'empty' : null;
  return `record ${formatCount(records)}, ${digest?.slice(0, 16)}, ${formatMinute(Date.parse(time))}`;
}

function sizeText(bytes: number): string {
  const mebibytes = bytes / 1024 / 1024;
  if (mebibytes >= 1024) return `${(mebibytes / 1024).toFixed(1)} GiB`;
  return mebibytes >= 1 ? `${mebibytes.toFixed(1)} MiB` : `${Math.ceil(bytes / 1024)} KiB`;
}

function reportText({ at, until }: NonNullable<HostStatus['lastReport']>): string {
  return `made ${formatMinute(Date.parse(at))}, up to ${formatMinute(Date.parse(until))}`;
}

function troubleCell({ at, message }: { readonly at: string; readonly message: string }): Cell {
  return { tone: 'bad', text: `${formatMinute(Date.parse(at))}: ${message}` };
}

/** A row for each text, the first one with the name. */
function column(name: string, tone: 'warn' | 'bad' | 'strong', texts: readonly string[]): Field[] {
  return texts.map((text, index): Field => [index === 0 ? name : '', { tone, text }]);
}
