import type { HostHoldings } from '../holdings/holdings.ts';
import { licenseRevocationOf, revocationOf } from '../holdings/revoked.ts';
import { type Subject, subjectsOf } from '../holdings/subjects.ts';
import type { Seats } from '../seats.ts';

/** How long a host's certificates of one vendor, or its licenses for one product, still last: seconds. */
interface TimeLeft {
  readonly vendor: string;
  /** Null for certificates. */
  readonly product: string | null;
  /** Until none is valid any more, those that follow without a gap counted in; null where none is valid now. */
  readonly left: number | null;
  /** Until none counts any more, in a renewal grace either; null where none counts now. */
  readonly graceLeft: number | null;
}

/** A certificate or a license that still counts, or will. */
interface EndingDocument {
  /** The serial number, or the license ID. */
  readonly id: string;
  /** The product's name; null for certificates. */
  readonly product: string | null;
  /** When its renewal grace begins, seconds since 1970 UTC. */
  readonly endsAt: number;
}

/** How many guests use a license that counts now. */
interface SeatsInUse {
  readonly license: string;
  readonly product: string;
  readonly taken: number;
  /** Null: no limit. */
  readonly limit: number | null;
}

/** What metrics show of certificates, licenses and seats. */
export interface HoldingFacts {
  /** Whether a certificate counts now. */
  readonly activated: boolean;
  readonly left: readonly TimeLeft[];
  readonly certificates: readonly EndingDocument[];
  readonly licenses: readonly EndingDocument[];
  readonly seats: readonly SeatsInUse[];
}

/** @param now - The host's clock, milliseconds since 1970 UTC. Pure. */
export function holdingFactsOf(
  holdings: HostHoldings,
  seats: Pick<Seats, 'guestsOf'>,
  now: number,
): HoldingFacts {
  const subjects = subjectsOf(holdings, now);
  const { certificates, vendors } = holdings;
  const licenses = holdings.licenses
    .map(({ license }) => license)
    .filter((license) => licenseRevocationOf(license, vendors) === undefined && license.graceUntil > now);
  return {
    activated: subjects.some(
      ({ kind, coverage: { state } }) =>
        kind === 'certificate' && (state === 'valid' || state === 'in grace'),
    ),
    left: subjects.map((subject) => timeLeft(subject, now)),
    certificates: certificates
      .filter((held) => revocationOf(held, vendors) === undefined && held.certificate.graceUntil > now)
      .map(({ certificate: { serial, notAfter } }) => ({
        id: serial,
        product: null,
        endsAt: notAfter / 1000,
      })),
    licenses: licenses.map(({ licenseId, product, notAfter }) => ({
      id: licenseId,
      product: product.name,
      endsAt: notAfter / 1000,
    })),
    seats: licenses
      .filter(({ notBefore }) => notBefore <= now)
      .map(({ licenseId, product, guests }) => ({
        license: licenseId,
        product: product.name,
        taken: seats.guestsOf(licenseId, now),
        limit: guests,
      })),
  };
}

function timeLeft(
  { vendorName, productName, coverage: { endsAt, graceUntil } }: Subject,
  now: number,
): TimeLeft {
  const seconds = (end: number | null) => (end === null ? null : (end - now) / 1000);
  return {
    vendor: vendorName,
    product: productName,
    left: seconds(endsAt),
    graceLeft: seconds(graceUntil),
  };
}
