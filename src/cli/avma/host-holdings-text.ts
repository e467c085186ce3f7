import type { HeldCertificate, HeldLicense, HostHoldings } from '../../host/holdings/holdings.ts';
import { licenseRevocationOf, revocationOf } from '../../host/holdings/revoked.ts';
import type { Seats } from '../../host/seats.ts';
import { WARNING_DAYS } from '../../host/status/host-validity.ts';
import { certificateJson, customerLicenseJson, revocationsJson } from '../../protocol/document-json.ts';
import { isRetiredRoot, keyIdOf, type TrustedVendor, vendorOfKeyId } from '../../protocol/vendor-trust.ts';
import { DAY_MS } from '../../schema/durations.ts';
import { formatDuration } from '../../schema/format-duration.ts';
import { type Validity, type ValidityState, validityState } from '../../schema/validity.ts';
import type { Cell, Field } from './table.ts';

/** What a certificate or a license is worth now. */
export type DocumentState = ValidityState | 'revoked' | 'retired root';

/** A certificate of the host as JSON. @param now - Milliseconds since 1970 UTC. */
export function heldCertificateJson(held: HeldCertificate, holdings: HostHoldings, now: number): object {
  return {
    certificate: certificateJson(held.certificate),
    vendor: vendorJson(holdings, held.rootKeyId),
    state: certificateState(held, holdings, now),
  };
}

/** A license of the host as JSON. */
export function heldLicenseJson(
  { license }: HeldLicense,
  holdings: HostHoldings,
  { seats, now }: { readonly seats: Seats; readonly now: number },
): object {
  return {
    ...customerLicenseJson(license),
    vendor: vendorJson(holdings, keyIdOf(license.vendor.publicKey)),
    used: seats.guestsOf(license.licenseId, now),
    state: licenseState(license, holdings, now),
  };
}

function vendorJson({ vendors }: HostHoldings, keyId: string): object {
  return { name: vendorOfKeyId(vendors, keyId)?.name ?? keyId, keyId };
}

/** A vendor of the host as JSON: its roots, and how far its trust updates were followed. */
export function hostVendorJson({
  name,
  roots,
  retiredRoots,
  trustVersion,
  revocations,
}: TrustedVendor): object {
  return {
    name,
    roots: roots.map(({ keyId }) => keyId),
    retiredRoots: retiredRoots.map(keyIdOf),
    trustVersion,
    revocations: revocations === null ? null : revocationsJson(revocations),
  };
}

/** What a certificate is worth now. */
export function certificateState(
  held: HeldCertificate,
  { vendors }: HostHoldings,
  now: number,
): DocumentState {
  if (revocationOf(held, vendors) !== undefined) return 'revoked';
  return isRetiredRoot(vendors, held.certificate.vendorKey)
    ? 'retired root'
    : validityState(held.certificate, now);
}

/** What a license is worth now. */
export function licenseState(
  license: HeldLicense['license'],
  { vendors }: HostHoldings,
  now: number,
): DocumentState {
  if (licenseRevocationOf(license, vendors) !== undefined) return 'revoked';
  return isRetiredRoot(vendors, license.vendor.publicKey) ? 'retired root' : validityState(license, now);
}

/** `valid, 12 days 3 hours left`, `in renewal grace, 3 days left`. */
export function stateCell(state: DocumentState, validity: Validity, now: number): Exclude<Cell, string> {
  switch (state) {
    case 'valid': {
      const left = validity.notAfter - now;
      return {
        tone: left <= WARNING_DAYS * DAY_MS ? 'warn' : 'good',
        text: `valid, ${formatDuration(left)} left`,
      };
    }
    case 'in grace':
      return { tone: 'warn', text: `in renewal grace, ${formatDuration(validity.graceUntil - now)} left` };
    case 'not yet valid':
      return { tone: 'plain', text: `begins in ${formatDuration(validity.notBefore - now)}` };
    case 'ended':
      return { tone: 'bad', text: 'ended' };
    case 'revoked':
      return { tone: 'bad', text: 'revoked by the vendor' };
    case 'retired root':
      return { tone: 'bad', text: 'signed by a retired root' };
  }
}

/** `2 of 50`, `2`: guests that a license is in use for, and for how many it is. */
export function seatsCell(used: number, guests: number | null): Cell {
  if (guests === null) return `${used}`;
  const text = `${used} of ${guests}`;
  return used > guests ? { tone: 'warn', text } : text;
}

/** The rows of the vendors: who certified this host, and what is known of them. */
export function vendorFields({ vendors }: HostHoldings): Field[] {
  return vendors.map(({ name, roots, trustVersion, revocations }, index): Field => {
    const keys = roots.map(({ keyId }) => keyId).join(', ');
    const list = revocations === null ? 'no revocation list' : `revocation list ${revocations.sequence}`;
    return [index === 0 ? 'Vendors' : '', `"${name}" (${keys}), trust version ${trustVersion}, ${list}`];
  });
}
