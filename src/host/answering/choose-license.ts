import { AvmaError } from '../../errors/avma-error.ts';
import type { AvmaErrorCode } from '../../errors/codes.ts';
import { checkCustomerLicense, type LicensedHost } from '../../protocol/customer-license.ts';
import type { TrustedVendor } from '../../protocol/vendor-trust.ts';
import { counted } from '../../schema/counted.ts';
import type { HeldLicense } from '../holdings/holdings.ts';
import type { SeatsInUse } from '../seats.ts';

/** What a license is chosen by. */
export interface LicenseWish {
  readonly licenses: readonly HeldLicense[];
  /** The vendor of the certificate that the host answers with. */
  readonly vendor: TrustedVendor;
  readonly certificate: LicensedHost;
  readonly activationId: string;
  readonly vmId: string;
  readonly seats: SeatsInUse;
  /** The host's clock, milliseconds since 1970 UTC. */
  readonly now: number;
}

/** The license that an approval stands on, or why there is none. */
export type LicenseChoice =
  | {
      readonly kind: 'chosen';
      readonly held: HeldLicense;
      /** It has ended, and its renewal grace has not. */
      readonly inGrace: boolean;
      /** More guests use it than it is for. */
      readonly overLimit: boolean;
    }
  /** No license for the product is there. */
  | { readonly kind: 'none' }
  /** There are some, and none counts: what is said of the one that comes closest. */
  | { readonly kind: 'refused'; readonly code: LicenseRefusal; readonly message: string };

/** Why a license does not count, from what comes closest to counting to what is farthest from it. */
const LICENSE_REFUSALS = [
  'license-limit-reached',
  'license-not-yet-valid',
  'license-expired',
  'license-revoked',
  'license-site-mismatch',
  'license-host-mismatch',
  'license-customer-mismatch',
  'license-untrusted',
] as const satisfies readonly AvmaErrorCode[];
type LicenseRefusal = (typeof LICENSE_REFUSALS)[number];

interface Candidate {
  readonly held: HeldLicense;
  readonly inGrace: boolean;
}

interface Rejected {
  readonly code: LicenseRefusal;
  readonly message: string;
}

/**
 * The license that the guest is activated by. A license in its grace counts only where none is in date, and the newest
 * comes first: with room for the guest, or over its limit where it allows that. A guest that keeps a seat of any of the
 * product's licenses is never refused for a limit: a renewed license, or a smaller one, throws nobody out. Pure.
 */
export function chooseLicense(wish: LicenseWish): LicenseChoice {
  const { licenses, activationId, vmId, seats, now } = wish;
  const ofProduct = licenses.filter(({ license }) => license.product.activationId === activationId);
  if (ofProduct.length === 0) return { kind: 'none' };
  const judged = ofProduct.map((held) => judge(held, wish));
  const candidates = judged.filter((one): one is Candidate => 'held' in one);
  const inDate = candidates.filter(({ inGrace }) => !inGrace);
  const counted = (inDate.length > 0 ? inDate : candidates).sort(
    (a, b) => b.held.license.issuedAt - a.held.license.issuedAt,
  );
  const withRoom = counted.find(({ held }) => hasRoom(held, wish));
  if (withRoom !== undefined) return { kind: 'chosen', ...withRoom, overLimit: false };
  const isKnown = ofProduct.some(({ license }) => seats.keeps(license.licenseId, vmId, now));
  const overLimit = counted.find(({ held }) => isKnown || held.license.overage === 'report');
  if (overLimit !== undefined) return { kind: 'chosen', ...overLimit, overLimit: true };
  const [full] = counted;
  if (full !== undefined) return { kind: 'refused', ...limitReached(full.held) };
  const rejected = judged.filter((one): one is Rejected => 'code' in one);
  const [closest] = rejected.sort(
    (a, b) => LICENSE_REFUSALS.indexOf(a.code) - LICENSE_REFUSALS.indexOf(b.code),
  );
  return closest === undefined ? { kind: 'none' } : { kind: 'refused', ...closest };
}

function judge(
  held: HeldLicense,
  { vendor, certificate, activationId, now }: LicenseWish,
): Candidate | Rejected {
  try {
    const { inGrace } = checkCustomerLicense(held.license, { vendor, certificate, activationId, at: now });
    return { held, inGrace };
  } catch (thrown) {
    if (!(thrown instanceof AvmaError) || !isRefusal(thrown.code)) throw thrown;
    return { code: thrown.code, message: thrown.message };
  }
}

function isRefusal(code: AvmaErrorCode): code is LicenseRefusal {
  return (LICENSE_REFUSALS as readonly AvmaErrorCode[]).includes(code);
}

function hasRoom(
  { license: { licenseId, guests } }: HeldLicense,
  { seats, vmId, now }: LicenseWish,
): boolean {
  if (guests === null) return true;
  return seats.holds(licenseId, vmId, now)
    ? seats.guestsOf(licenseId, now) <= guests
    : seats.guestsOf(licenseId, now) < guests;
}

function limitReached({ license: { licenseId, guests } }: HeldLicense): Rejected {
  return {
    code: 'license-limit-reached',
    message: `license ${licenseId} is for ${counted(guests ?? 0, 'guest')}, and as many use it now`,
  };
}
