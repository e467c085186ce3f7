import { LicenseStatus, type ProductReport } from '../../guest/license-report.ts';
import { MINUTE_MS } from '../../schema/durations.ts';
import { isChannel } from './product-selection.ts';
import { windowsDate } from './windows-date.ts';

/** The two lines of /xpr for one product. No line for a license status that slmgr does not know. */
export function expirationLines(product: ProductReport, now: number): string[] {
  const text = expirationText(product, now);
  return text === null ? [] : [`${product.name}:`, `    ${text}`];
}

function expirationText(product: ProductReport, now: number): string | null {
  const { status, remainingMinutes } = product.license;
  const end = windowsDate(now + remainingMinutes * MINUTE_MS);
  switch (status) {
    case LicenseStatus.unlicensed:
      return 'Unlicensed';
    case LicenseStatus.licensed:
      return remainingMinutes === 0
        ? 'The machine is permanently activated.'
        : `${licensedBy(product)} activation will expire ${end}`;
    case LicenseStatus.initialGrace:
      return `Initial grace period ends ${end}`;
    case LicenseStatus.additionalGrace:
      return `Additional grace period ends ${end}`;
    case LicenseStatus.nonGenuineGrace:
      return `Non-genuine grace period ends ${end}`;
    case LicenseStatus.notification:
      return 'Windows is in Notification mode';
    case LicenseStatus.extendedGrace:
      return `Extended grace period ends ${end}`;
    default:
      return null;
  }
}

/** slmgr's word for the kind of activation that has licensed a product for a limited time. */
export function licensedBy(product: ProductReport): string {
  if (isChannel(product, 'TIMEBASED_')) return 'Timebased';
  return isChannel(product, 'VIRTUAL_MACHINE_ACTIVATION') ? 'Automatic VM' : 'Volume';
}
