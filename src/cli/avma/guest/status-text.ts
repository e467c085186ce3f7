import { LicenseStatus } from '../../../guest/license-report.ts';
import { featuresText } from '../../../guest/license-terms.ts';
import { counted } from '../../../schema/counted.ts';
import { formatDuration } from '../../../schema/format-duration.ts';
import { formatMinute } from '../../../schema/format-time.ts';
import type { Cell, Field } from '../table.ts';
import type { AttemptStatus, LeaseStatus, ProductStatus } from './product-status.ts';

/** The rows of one product in the table of `avma guest status`. */
export function productFields(product: ProductStatus): Field[] {
  const { name, edition, version, partialProductKey, problem, lease, lastAttempt, nextSteps } = product;
  return [
    ['Product', `${name} (${edition} ${version}, key *-${partialProductKey})`],
    ['License', licenseCell(product)],
    ...(problem === null ? [] : [['Why', `${problem.message} [${problem.code}]`] as Field]),
    ...noteFields(product),
    ...customerFields(product),
    ['Catalog', catalogCell(product)],
    ...(lease === null ? [] : leaseFields(lease, product)),
    ...(lastAttempt === null ? [] : [['Last attempt', attemptCell(lastAttempt)] as Field]),
    ...nextSteps.map((step, index): Field => [index === 0 ? 'Next' : '', { tone: 'strong', text: step }]),
  ];
}

/** `licensed, 6 days 23 hours left, until 2026-12-01 11:08 UTC`, and the other states in the same manner. */
export function licenseCell({ license, trustedTime, lease, problem, channel }: ProductStatus): Cell {
  const { status, statusText, endsAt, endedAt, reason } = license;
  const left = endsAt === null || trustedTime === null ? '' : `, ${timeLeft(endsAt, trustedTime)}`;
  switch (status) {
    case LicenseStatus.licensed:
      return { tone: 'good', text: `licensed${left}` };
    case LicenseStatus.initialGrace:
      return { tone: 'warn', text: `initial grace, not activated yet${left}` };
    case LicenseStatus.additionalGrace:
      return {
        tone: 'warn',
        text: `additional grace${lease === null ? '' : `, the lease ended on ${minuteOf(lease.expiresAt)}`}${left}`,
      };
    case LicenseStatus.notification: {
      if (problem !== null) return { tone: 'bad', text: `not licensed (notification, ${reason})` };
      const what = lease === null ? 'the initial grace' : 'the lease';
      const when = lease === null ? endedAt : lease.expiresAt;
      const since =
        when === null || trustedTime === null ? '' : ` ended on ${minuteOf(when)}, ${ago(when, trustedTime)}`;
      return { tone: 'bad', text: `not licensed (notification, ${reason}): ${what}${since}` };
    }
    default:
      return { tone: 'warn', text: channel === 'VT:IA' ? statusText : `${statusText}, a ${channel} key` };
  }
}

/** What is to be watched for, a row each. */
export function noteFields({ notes }: Pick<ProductStatus, 'notes'>): Field[] {
  return notes.map((text, index): Field => [index === 0 ? 'Note' : '', { tone: 'warn', text }]);
}

/** Who bought what, until when, and for how many guests. */
function customerFields({ customerLicense }: ProductStatus): Field[] {
  if (customerLicense === null) return [];
  const { licenseId, customer, features, guests, overage, endsAt } = customerLicense;
  const beyond = overage === 'report' ? 'more are reported' : 'no new ones beyond';
  return [
    ['Customer', `${customer} (license ${licenseId}, until ${minuteOf(endsAt)})`],
    ['Features', featuresText(features)],
    ['Limit', guests === null ? 'none' : `${counted(guests, 'guest')} a host; ${beyond}`],
  ];
}

/** Whose catalog lists the product. */
function catalogCell({ vendor, channel }: ProductStatus): Cell {
  if (vendor !== null) return `signed by ${vendor.name} (${vendor.keyId})`;
  const text = 'catalog unsigned';
  return channel === 'VT:IA' ? `${text}: a host of any trusted vendor may license the product` : text;
}

function leaseFields(lease: LeaseStatus, { license, nextSteps }: ProductStatus): Field[] {
  const { hostName, hardwareId, hostEdition, hostOsVersion, vendor, issuedAt, expiresAt, renewAfter } = lease;
  const isLicensed = license.status === LicenseStatus.licensed;
  const renewal =
    nextSteps.length > 0
      ? 'due now'
      : `possible at any time, due from ${minuteOf(renewAfter)}: by the agent, or avma guest activate`;
  return [
    ['Host', `${hostName} (${hardwareId}${hostEdition === null ? '' : `, ${hostEdition} ${hostOsVersion}`})`],
    ['Vendor', vendor === null ? 'unknown' : `${vendor.name} (${vendor.keyId})`],
    ['Lease', `${minuteOf(issuedAt)} to ${minuteOf(expiresAt)}`],
    ...(isLicensed ? [['Renewal', renewal] as Field] : []),
    ...(lease.clock === 'in step' ? [] : [['Clock', { tone: 'warn', text: lease.clock }] as Field]),
  ];
}

/** How the last attempt went: `2026-12-01 11:08 UTC over unix:h.sock: activated by hv01`. */
export function attemptCell({ at, pipe, code, message, hostName }: AttemptStatus): Cell {
  const over = pipe === null ? '' : ` over ${pipe}`;
  if (code === 'success') {
    return `${minuteOf(at)}${over}: activated${hostName === null ? '' : ` by ${hostName}`}`;
  }
  // Most errors of a pipe name it already.
  const where = pipe !== null && message.includes(pipe) ? '' : over;
  return { tone: 'bad', text: `${minuteOf(at)}${where}: ${message} [${code}]` };
}

function timeLeft(endsAt: string, now: string): string {
  return `${formatDuration(Math.max(0, Date.parse(endsAt) - Date.parse(now)))} left, until ${minuteOf(endsAt)}`;
}

function ago(then: string, now: string): string {
  return `${formatDuration(Math.max(0, Date.parse(now) - Date.parse(then)))} ago`;
}

function minuteOf(iso: string): string {
  return formatMinute(Date.parse(iso));
}
