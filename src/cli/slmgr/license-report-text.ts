import { formatHresult, HRESULT } from '../../errors/hresult.ts';
import { LicenseStatus, type ProductReport, type ServiceReport } from '../../guest/license-report.ts';
import { DAY_MINUTES } from '../../schema/durations.ts';
import { licensedBy } from './expiration-text.ts';
import { kmsClientLines } from './kms-client-text.ts';
import { isChannel, isWindows } from './product-selection.ts';
import { windowsDate } from './windows-date.ts';

const GRACE_TIME_EXPIRED = HRESULT.SL_E_GRACE_TIME_EXPIRED;
const NOT_GENUINE = HRESULT.SL_E_NOT_GENUINE;

/** /dli is the same report as /dlv with fewer lines. */
export type ReportDetail = 'short' | 'full';

/** The first line of /dlv, before the products. */
export function serviceVersionLine(service: ServiceReport): string {
  return `Software licensing service version: ${service.version}`;
}

/** One product as /dli or /dlv shows it, from the empty line before it to its last line. */
export function productLines(product: ProductReport, service: ServiceReport, detail: ReportDetail): string[] {
  const full = detail === 'full';
  return [
    '',
    `Name: ${product.name}`,
    `Description: ${product.description}`,
    ...(full ? identityLines(product) : []),
    product.partialProductKey === null
      ? 'This license is not in use.'
      : `Partial Product Key: ${product.partialProductKey}`,
    ...statusLines(product),
    ...(full ? datesAndRearmLines(product, service) : []),
    ...(isChannel(product, 'VOLUME_KMSCLIENT') ? kmsClientLines(product) : []),
    ...(isChannel(product, 'VIRTUAL_MACHINE_ACTIVATION') ? virtualMachineActivationLines(product) : []),
  ];
}

function identityLines(product: ProductReport): string[] {
  return [
    `Activation ID: ${product.activationId}`,
    `Application ID: ${product.applicationId}`,
    `Extended PID: ${product.extendedPid}`,
    `Product Key Channel: ${product.productKeyChannel}`,
    `Installation ID: ${product.installationId}`,
  ];
}

function statusLines(product: ProductReport): string[] {
  const { status, reason, remainingMinutes } = product.license;
  const remaining = `Time remaining: ${minutesAndDays(remainingMinutes)}`;
  switch (status) {
    case LicenseStatus.unlicensed:
      return ['License Status: Unlicensed'];
    case LicenseStatus.licensed:
      return [
        'License Status: Licensed',
        ...(remainingMinutes === 0
          ? []
          : [`${licensedBy(product)} activation expiration: ${minutesAndDays(remainingMinutes)}`]),
      ];
    case LicenseStatus.initialGrace:
      return ['License Status: Initial grace period', remaining];
    case LicenseStatus.additionalGrace:
      return [
        'License Status: Additional grace period (KMS license expired or hardware out of tolerance)',
        remaining,
      ];
    case LicenseStatus.nonGenuineGrace:
      return ['License Status: Non-genuine grace period.', remaining];
    case LicenseStatus.notification:
      return ['License Status: Notification', `Notification Reason: ${reasonText(reason)}.`];
    case LicenseStatus.extendedGrace:
      return ['License Status: Extended grace period', remaining];
    default:
      return ['License Status: Unknown'];
  }
}

/** Days are rounded up, as every slmgr since Windows 8 does. */
function minutesAndDays(minutes: number): string {
  return `${minutes} minute(s) (${Math.ceil(minutes / DAY_MINUTES)} day(s))`;
}

function reasonText(reason: number): string {
  const unsigned = reason >>> 0;
  if (unsigned === NOT_GENUINE) return `${formatHresult(unsigned)} (non-genuine)`;
  if (unsigned === GRACE_TIME_EXPIRED) return `${formatHresult(unsigned)} (grace time expired)`;
  return formatHresult(unsigned);
}

function datesAndRearmLines(product: ProductReport, service: ServiceReport): string[] {
  const showEvaluationEnd =
    product.license.status !== LicenseStatus.unlicensed && product.evaluationEndDate !== null;
  return [
    ...(showEvaluationEnd ? [`Evaluation End Date: ${windowsDate(product.evaluationEndDate)}`] : []),
    isWindows(product)
      ? `Remaining Windows rearm count: ${service.remainingWindowsRearmCount}`
      : `Remaining App rearm count: ${product.remainingAppRearmCount}`,
    `Remaining SKU rearm count: ${product.remainingSkuRearmCount}`,
    ...(product.trustedTime === null ? [] : [`Trusted time: ${windowsDate(product.trustedTime)}`]),
  ];
}

function virtualMachineActivationLines(product: ProductReport): string[] {
  const { iaid, hostMachineName, activationTime, hostDigitalPid2 } = product.virtualMachineActivation;
  const lines = [`Guest IAID: ${orNotAvailable(iaid)}`];
  if (!hostMachineName && activationTime === null && !hostDigitalPid2) return lines;
  return [
    ...lines,
    '',
    'Most recent activation information:',
    'Automatic VM Activation client information',
    `    Host machine name: ${orNotAvailable(hostMachineName)}`,
    `    Activation time: ${orNotAvailable(activationTime === null ? null : windowsDate(activationTime))}`,
    `    Host Digital PID2: ${orNotAvailable(hostDigitalPid2)}`,
  ];
}

function orNotAvailable(value: string | null): string {
  return value || 'Not Available';
}
