import path from 'node:path';
import { Command } from 'commander';
import { ANY_CERTIFICATE, chooseCertificate } from '../../host/answering/choose-certificate.ts';
import type { HeldCertificate, HeldLicense, HostHoldings } from '../../host/holdings/holdings.ts';
import { HoldingsReader } from '../../host/holdings/holdings-reader.ts';
import { subjectsOf } from '../../host/holdings/subjects.ts';
import { openHost } from '../../host/host-store.ts';
import { seatsFromLedger } from '../../host/presence/seen-guests.ts';
import type { Seats } from '../../host/seats.ts';
import { readServing, type Serving } from '../../host/serving-record.ts';
import { endedAside } from '../../host/status/ended-aside.ts';
import {
  certificateState,
  heldCertificateJson,
  heldLicenseJson,
  hostVendorJson,
  licenseState,
} from '../../host/status/held-documents.ts';
import {
  type HostValidity,
  hostValidityOf,
  isActivated,
  WARNING_DAYS,
} from '../../host/status/host-validity.ts';
import { certificateJson } from '../../protocol/document-json.ts';
import { featureText } from '../../protocol/features.ts';
import { MINUTE_MS } from '../../schema/durations.ts';
import { formatDuration } from '../../schema/format-duration.ts';
import { formatMinute, isoInstant } from '../../schema/format-time.ts';
import { ANSWER_IS_NO, type Context } from './context.ts';
import { seatsCell, stateCell, vendorFields } from './host-holdings-text.ts';
import { type LedgerFlag, ledgerOption, withLedger } from './ledger-option.ts';
import { writeData, writeJson } from './output.ts';
import { type Cell, type Field, formatFields } from './table.ts';

interface StatusOptions extends LedgerFlag {
  readonly check?: boolean;
  readonly json?: boolean;
}

/** `avma host status`. */
export function statusCommand(context: Context): Command {
  return new Command('status')
    .description('Show who this host is, whether it is activated and running, and what to do next')
    .option('--check', `exit with ${ANSWER_IS_NO} unless this host is activated`)
    .option('--json', 'print the status as JSON')
    .addOption(ledgerOption())
    .addHelpText(
      'after',
      `
Exit status: 0 when the status could be read; with --check, 0 only when a certificate counts
now, in its renewal grace too, and ${ANSWER_IS_NO} otherwise. A certificate or a license that
ends within ${WARNING_DAYS} days without a next one is shown with a warning and passes --check.
Those that have ended are shown only where nothing follows, the last one; --json has all.
Whether avma host serve runs is shown, and does not count for --check.`,
    )
    .action((options: StatusOptions) => showHostStatus(context, options));
}

/** What the status is made from. */
interface HostStatus {
  readonly folder: string;
  readonly holdings: HostHoldings;
  readonly problems: readonly string[];
  readonly validity: HostValidity;
  readonly serving: Serving;
  readonly seats: Seats;
  readonly now: number;
}

async function showHostStatus(context: Context, options: StatusOptions): Promise<void> {
  const { json, check } = options;
  const folder = context.settings().hostFolder;
  const host = openHost(folder);
  const documents = new HoldingsReader(folder, host);
  const holdings = documents.current;
  const now = Date.now();
  const status: HostStatus = {
    folder,
    holdings,
    problems: documents.problems,
    validity: hostValidityOf(holdings, now),
    serving: await readServing(folder),
    seats: await withLedger(context, host, options, (reader) => seatsFromLedger(reader, now)),
    now,
  };
  if (json === true) writeJson('avma.host-status/1', statusJson(status));
  else writeData(formatFields(statusFields(status), context.style));
  if (check === true && !isActivated(status.validity)) context.setExitStatus(ANSWER_IS_NO);
}

function statusJson({ folder, holdings, problems, validity, serving, seats, now }: HostStatus): object {
  const { host, certificates, licenses, vendors } = holdings;
  const used = chooseCertificate(holdings, ANY_CERTIFICATE, now);
  return {
    folder,
    name: host.name,
    hardwareId: host.hardwareId,
    state: validity.state,
    serving: servingJson(serving),
    certificate: used === undefined ? null : certificateJson(used.certificate),
    remainingMinutes: validity.remainingMs === null ? null : Math.floor(validity.remainingMs / MINUTE_MS),
    certificates: certificates.map((held) => heldCertificateJson(held, holdings, now)),
    licenses: licenses.map((held) =>
      heldLicenseJson(held, holdings, { used: seats.guestsOf(held.license.licenseId, now), now }),
    ),
    vendors: vendors.map(hostVendorJson),
    newKeys: holdings.keys.length > 1 && awaitsCertificate(holdings),
    warnings: validity.warnings,
    problems,
    nextSteps: nextSteps(validity, serving),
  };
}

function statusFields({ folder, holdings, problems, validity, serving, seats, now }: HostStatus): Field[] {
  const { host } = holdings;
  return [
    ['Host', host.name],
    ['Hardware ID', host.hardwareId],
    ['Folder', folder],
    ['State', stateOfHost(validity)],
    ...vendorFields(holdings),
    ...certificateFields(folder, holdings, now),
    ...licenseFields(folder, holdings, seats, now),
    ...(awaitsCertificate(holdings) && holdings.keys.length > 1
      ? [['New keys', 'made, and not certified yet'] as Field]
      : []),
    ...column('Warning', 'warn', validity.warnings),
    ...column('Problem', 'bad', problems),
    ...servingFields(serving, now),
    ...column('Next', 'strong', nextSteps(validity, serving)),
  ];
}

/** Whether the newest keys have no certificate. */
function awaitsCertificate({ keys, certificates }: HostHoldings): boolean {
  return !certificates.some((held) => held.keys === keys.at(-1));
}

function stateOfHost(validity: HostValidity): Cell {
  const { state, remainingMs, warnings } = validity;
  const left = remainingMs === null ? '' : `, ${formatDuration(remainingMs)} left`;
  const tone = !isActivated(validity) ? 'bad' : warnings.length === 0 ? 'good' : 'warn';
  return { tone, text: `${state}${left}` };
}

function certificateFields(folder: string, holdings: HostHoldings, now: number): Field[] {
  const subjects = subjectsOf(holdings, now).filter(({ kind }) => kind === 'certificate');
  const factsOf = ({ certificate }: HeldCertificate) => ({ id: certificate.serial, validity: certificate });
  const { shown, ended } = endedAside(holdings.certificates, subjects, factsOf, now);
  const sorted = shown.toSorted((a, b) => a.certificate.notBefore - b.certificate.notBefore);
  const fields = sorted.flatMap((held, index): Field[] => {
    const { certificate } = held;
    const { serial, notBefore, notAfter, graceUntil, customer, site, windows } = certificate;
    const dates = `${formatMinute(notBefore)} to ${formatMinute(notAfter)}`;
    const grace = graceUntil > notAfter ? `, renewal grace until ${formatMinute(graceUntil)}` : '';
    const about = [
      ...(customer === null ? [] : [`customer "${customer}"`]),
      ...(site === null ? [] : [`site "${site}"`]),
      ...(windows === null ? [] : [`${windows.edition} ${windows.osVersion}, ${windows.licensing}`]),
    ];
    return [
      [
        index === 0 ? 'Certificates' : '',
        [`${serial}  `, stateCell(certificateState(held, holdings, now), certificate, now)],
      ],
      ['', `  ${dates}${grace}`],
      ...(about.length === 0 ? [] : [['', `  ${about.join(', ')}`] as Field]),
    ];
  });
  return [...fields, ...endedField(ended, path.join(folder, 'certificates'))];
}

function licenseFields(folder: string, holdings: HostHoldings, seats: Seats, now: number): Field[] {
  const subjects = subjectsOf(holdings, now).filter(({ kind }) => kind === 'license');
  const factsOf = ({ license }: HeldLicense) => ({ id: license.licenseId, validity: license });
  const { shown, ended } = endedAside(holdings.licenses, subjects, factsOf, now);
  const fields = shown.flatMap(({ license }, index): Field[] => {
    const { licenseId, customer, product, features, guests, notBefore, notAfter, graceUntil } = license;
    const grace = graceUntil > notAfter ? `, renewal grace until ${formatMinute(graceUntil)}` : '';
    const granted = features.map(featureText).join(', ');
    return [
      [
        index === 0 ? 'Licenses' : '',
        [`${licenseId}  `, stateCell(licenseState(license, holdings, now), license, now)],
      ],
      [
        '',
        [
          `  "${product.name}" for "${customer}", guests: `,
          seatsCell(seats.guestsOf(licenseId, now), guests),
        ],
      ],
      ...(granted === '' ? [] : [['', `  ${granted}`] as Field]),
      ['', `  ${formatMinute(notBefore)} to ${formatMinute(notAfter)}${grace}`],
    ];
  });
  return [...fields, ...endedField(ended, path.join(folder, 'licenses'))];
}

/** The row of those that have ended and are not shown. */
function endedField(ended: number, folder: string): Field[] {
  return ended === 0 ? [] : [['', `${ended} ended, kept in ${folder}`]];
}

/** `running since 2026-11-24 11:08 UTC (3 hours 5 minutes), process 4711`, and a row for each endpoint. */
function servingFields(serving: Serving, now: number): Field[] {
  if (serving.state === 'unknown') return [['Running', 'this user may not see whether it runs']];
  if (serving.state === 'not running') return [['Running', { tone: 'warn', text: 'no' }]];
  if (serving.record === null) return [['Running', { tone: 'good', text: 'yes' }]];
  const { pid, startedAt, endpoints } = serving.record;
  const since = `yes, since ${formatMinute(startedAt)} (${formatDuration(Math.max(0, now - startedAt))}), process ${pid}`;
  return [
    ['Running', { tone: 'good', text: since }],
    ...endpoints.map((endpoint, index): Field => [index === 0 ? 'Endpoints' : '', endpoint]),
  ];
}

/** What to do now, about certificates and licenses, and about a host that does not run. */
function nextSteps(validity: HostValidity, { state }: Serving): readonly string[] {
  return isActivated(validity) && state === 'not running'
    ? [...validity.nextSteps, 'Start it: avma host serve --listen unix:/run/avma/host.sock']
    : validity.nextSteps;
}

/** A row for each text, the first one with the name. */
function column(name: string, tone: 'warn' | 'bad' | 'strong', texts: readonly string[]): Field[] {
  return texts.map((text, index): Field => [index === 0 ? name : '', { tone, text }]);
}

function servingJson(serving: Serving): object {
  const record = serving.state === 'running' ? serving.record : null;
  return {
    state: serving.state,
    since: record === null ? null : isoInstant(record.startedAt),
    pid: record?.pid ?? null,
    endpoints: record?.endpoints ?? [],
  };
}
