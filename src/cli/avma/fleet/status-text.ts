import type { FleetHost } from '../../../host/fleet/fleet-host.ts';
import type { FleetStatus } from '../../../host/fleet/fleet-status.ts';
import { formatDuration } from '../../../schema/format-duration.ts';
import { formatDay, isoInstant, isoInstantOrNull } from '../../../schema/format-time.ts';
import { seatsCell } from '../host/holdings-text.ts';
import type { Style, Tone } from '../style.ts';
import { type Cell, formatTable } from '../table.ts';

const HEADINGS = [
  'Host',
  'State',
  'Days left',
  'Version',
  'Guests',
  'Seats',
  'Clock',
  'Ledger',
  'Usage report',
  'Heard',
];

/** The fleet for people: a table of the hosts, what is wrong with them, licenses, and what was left aside. */
export function fleetText(
  { hosts, licenses, totals, aside }: FleetStatus,
  now: number,
  style: Style,
): string {
  const trouble = hosts.flatMap((host) =>
    host.troubles.map(({ severity, message }, index): Cell[] => [
      index === 0 ? host.name : '',
      { tone: severity, text: message },
    ]),
  );
  const licenseRows = licenses.map(({ licenseId, customer, product, taken, limit, hosts: count }): Cell[] => [
    licenseId,
    `"${product}" for "${customer}"`,
    seatsCell(taken, limit),
    `${count}`,
  ]);
  const { hosts: all, bad, warned, guests, licensed, present, clones } = totals;
  const summary =
    `${all} hosts: ${bad} in trouble, ${warned} with warnings. ` +
    `${guests} guests: ${licensed} licensed, ${present} present, ${clones} in use twice.`;
  return [
    ...(hosts.length === 0
      ? []
      : [
          formatTable(
            HEADINGS,
            hosts.map((host) => hostRow(host, now)),
            style,
          ),
        ]),
    ...(trouble.length === 0 ? [] : [formatTable(['Host', 'Trouble'], trouble, style)]),
    ...(licenseRows.length === 0
      ? []
      : [formatTable(['License', 'For', 'Seats', 'Hosts'], licenseRows, style)]),
    ...(aside.length === 0
      ? []
      : [
          formatTable(
            ['Left aside', 'Because'],
            aside.map(({ source, why }) => [source, why]),
            style,
          ),
        ]),
    summary,
  ].join('\n\n');
}

function hostRow(host: FleetHost, now: number): Cell[] {
  const { name, daysLeft, version, guests, clockOffset, ledger, lastReport, reportedAt } = host;
  return [
    name,
    { tone: toneOf(host), text: lifeOf(host) },
    daysLeft === null ? '-' : `${daysLeft}`,
    version ?? '-',
    guests === null ? '-' : `${guests.licensed} of ${guests.known}`,
    `${host.seats.reduce((sum, { taken }) => sum + taken, 0)}`,
    clockOffset === null
      ? '-'
      : `${clockOffset > 0 ? '-' : '+'}${(Math.abs(clockOffset) / 1000).toFixed(1)} s`,
    ledger === null ? '-' : `${ledger.records} ${(ledger.digest ?? '').slice(0, 8)}`.trim(),
    lastReport === null ? '-' : formatDay(lastReport),
    `${formatDuration(Math.max(0, now - reportedAt))} ago`,
  ];
}

function toneOf({ troubles: [worst] }: FleetHost): Tone {
  return worst === undefined ? 'good' : worst.severity;
}

function lifeOf({ state, serving, troubles }: FleetHost): string {
  if (troubles.some(({ what }) => what === 'not-reporting')) return 'silent';
  return serving === 'running' ? state : `${state}, ${serving === 'unknown' ? 'not seen running' : serving}`;
}

/** The fleet as `avma.fleet-status/1` has it. */
export function fleetJson({ hosts, licenses, totals, aside }: FleetStatus, now: number): object {
  return {
    at: isoInstant(now),
    totals,
    hosts: hosts.map(({ reportedAt, lastReport, serving, ...host }) => ({
      name: host.name,
      hardwareId: host.hardwareId,
      source: host.source,
      reportedAt: isoInstant(reportedAt),
      state: host.state,
      serving,
      daysLeft: host.daysLeft,
      version: host.version,
      guests: host.guests,
      seats: host.seats,
      ledger: host.ledger,
      lastReport: isoInstantOrNull(lastReport),
      clockOffsetMs: host.clockOffset,
      troubles: host.troubles,
    })),
    licenses,
    aside,
  };
}
