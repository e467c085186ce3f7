import type { CustomerLicense } from '../../protocol/customer-license.ts';
import { featureText } from '../../protocol/features.ts';
import { keyIdOf } from '../../protocol/vendor-trust.ts';
import { formatMinute } from '../../schema/format-time.ts';
import type { Field } from './table.ts';

/** Most that one line lists, in hosts or features. */
const MAX_LISTED = 12;

/** A customer license in words. */
export function licenseFields(license: CustomerLicense): Field[] {
  const { product, hosts, sites, guests, overage, notBefore, notAfter, graceUntil } = license;
  return [
    ['License ID', license.licenseId],
    ['Customer', license.customer],
    ['Product', `${product.name} (${product.activationId})`],
    ['Hosts', hosts.length === 0 ? "all of the customer's" : listed(hosts)],
    ['Sites', sites.length === 0 ? 'all' : listed(sites)],
    ['Features', license.features.length === 0 ? 'none' : listed(license.features.map(featureText))],
    ['Guests', guests === null ? 'any number' : `${guests}; ${OVERAGE_TEXT[overage]}`],
    ['From', formatMinute(notBefore)],
    ['Until', formatMinute(notAfter)],
    ['Renewal grace', notAfter === graceUntil ? 'none' : `until ${formatMinute(graceUntil)}`],
    ['Signed by', `${license.vendor.name} (${keyIdOf(license.vendor.publicKey)})`],
  ];
}

const OVERAGE_TEXT = {
  report: 'a host with more of them reports it',
  'refuse-new': 'a host with as many of them refuses new ones',
} as const;

function listed(values: readonly string[]): string {
  const more = values.length - MAX_LISTED;
  const shown = values.slice(0, MAX_LISTED).join(', ');
  return more > 0 ? `${shown} and ${more} more` : shown;
}
