import { Command } from 'commander';
import { installedCertificate } from '../../host/certificate.ts';
import { openHost } from '../../host/host-store.ts';
import { readServing, type Serving } from '../../host/serving-record.ts';
import { type HostCertificate, windowsText } from '../../protocol/host-certificate.ts';
import { DAY_MS, MINUTE_MS } from '../../schema/durations.ts';
import { formatMinute, isoInstant } from '../../schema/format-time.ts';
import { ANSWER_IS_NO, type Context } from './context.ts';
import { certificateJson } from './lease-report.ts';
import { writeData, writeJson } from './output.ts';
import { type Field, formatFields } from './table.ts';
import { formatDuration } from './time-text.ts';

interface StatusOptions {
  readonly check?: boolean;
  readonly json?: boolean;
}

/** Days before its end from which a certificate is shown with a warning. */
const WARNING_DAYS = 30;

/** `avma host status`. */
export function statusCommand(context: Context): Command {
  return new Command('status')
    .description('Show who this host is, whether it is activated and running, and what to do next')
    .option('--check', `exit with ${ANSWER_IS_NO} unless this host is activated`)
    .option('--json', 'print the status as JSON')
    .addHelpText(
      'after',
      `
Exit status: 0 when the status could be read; with --check, 0 only when the certificate counts
now, and ${ANSWER_IS_NO} otherwise. A certificate that ends within ${WARNING_DAYS} days is shown with a warning
and passes --check. Whether avma host serve runs is shown, and does not count for --check.`,
    )
    .action((options: StatusOptions) => showHostStatus(context, options));
}

async function showHostStatus(context: Context, { json, check }: StatusOptions): Promise<void> {
  const folder = context.settings().hostFolder;
  const host = openHost(folder);
  const certificate = installedCertificate(folder, host)?.certificate ?? null;
  const now = Date.now();
  const validity = validityOf(certificate, now);
  const serving = await readServing(folder);
  if (json === true) {
    writeJson('avma.host-status/1', {
      folder,
      name: host.name,
      hardwareId: host.hardwareId,
      state: validity.state,
      serving: servingJson(serving),
      certificate: certificate === null ? null : certificateJson(certificate),
      remainingMinutes: validity.remainingMs === null ? null : Math.floor(validity.remainingMs / MINUTE_MS),
      warning: validity.warning,
      nextSteps: nextSteps(validity, serving),
    });
  } else {
    const fields: Field[] = [
      ['Host', host.name],
      ['Hardware ID', host.hardwareId],
      ['Folder', folder],
      ...validityFields(validity, certificate),
      ...servingFields(serving, now),
      ...nextFields(nextSteps(validity, serving)),
    ];
    writeData(formatFields(fields, context.style));
  }
  const answers = validity.state === 'activated' || validity.state === 'in grace';
  if (check === true && !answers) context.setExitStatus(ANSWER_IS_NO);
}

/** What the certificate is worth at one time, and what to do about it. */
export interface Validity {
  readonly state: 'not activated' | 'not yet valid' | 'activated' | 'in grace' | 'expired';
  /** Until the certificate's end, and in its renewal grace until the end of that; null where it does not count. */
  readonly remainingMs: number | null;
  readonly warning: string | null;
  readonly nextSteps: readonly string[];
}

const RENEWAL =
  'Renew it: avma host request > request.json, have it certified, avma host activate CERTIFICATE';

/** @param now - Milliseconds since 1970 UTC. Pure. */
export function validityOf(certificate: HostCertificate | null, now: number): Validity {
  const invalid = { remainingMs: null, warning: null };
  if (certificate === null) {
    return {
      ...invalid,
      state: 'not activated',
      nextSteps: ['avma host request > request.json, have it certified, avma host activate CERTIFICATE'],
    };
  }
  const { notBefore, notAfter, graceUntil } = certificate;
  if (now < notBefore) {
    return {
      ...invalid,
      state: 'not yet valid',
      nextSteps: [`Wait until ${formatMinute(notBefore)}, or correct this machine's clock`],
    };
  }
  if (now >= graceUntil) return { ...invalid, state: 'expired', nextSteps: [RENEWAL] };
  if (now >= notAfter) {
    const left = graceUntil - now;
    return {
      state: 'in grace',
      remainingMs: left,
      warning: `the certificate has ended, and its renewal grace ends in ${formatDuration(left)}; guests are refused from then on`,
      nextSteps: [RENEWAL],
    };
  }
  const remainingMs = notAfter - now;
  const ends = remainingMs <= WARNING_DAYS * DAY_MS;
  return {
    state: 'activated',
    remainingMs,
    warning: ends
      ? `the certificate ends in ${formatDuration(remainingMs)}; guests are refused when its renewal grace has ended too, on ${formatMinute(graceUntil)}`
      : null,
    nextSteps: ends ? [RENEWAL] : [],
  };
}

function validityFields(validity: Validity, certificate: HostCertificate | null): Field[] {
  const { state, remainingMs, warning } = validity;
  const left = remainingMs === null ? '' : `, ${formatDuration(remainingMs)} left`;
  const answers = state === 'activated' || state === 'in grace';
  const tone = !answers ? 'bad' : warning === null ? 'good' : 'warn';
  const windows = certificate && windowsText(certificate);
  return [
    ['State', { tone, text: `${state}${left}` }],
    ...(certificate === null
      ? []
      : ([
          ...(windows === null ? [] : [['Windows', windows] as Field]),
          ['Valid', `${formatMinute(certificate.notBefore)} to ${formatMinute(certificate.notAfter)}`],
          ['Grace', `to ${formatMinute(certificate.graceUntil)}`],
          ['Serial', certificate.serial],
        ] as Field[])),
    ...(warning === null ? [] : [['Warning', { tone: 'warn', text: warning }] as Field]),
  ];
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

/** What to do now, about the certificate and about a host that does not run. */
function nextSteps(validity: Validity, { state }: Serving): readonly string[] {
  return validity.state === 'activated' && state === 'not running'
    ? [...validity.nextSteps, 'Start it: avma host serve --listen unix:/run/avma/host.sock']
    : validity.nextSteps;
}

function nextFields(steps: readonly string[]): Field[] {
  return steps.map((step, index): Field => [index === 0 ? 'Next' : '', { tone: 'strong', text: step }]);
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
