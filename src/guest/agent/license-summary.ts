import type { LicenseStateName } from '../../events/guest-event.ts';
import { formatMinute, isoInstantOrNull } from '../../schema/format-time.ts';
import { answerOf, hostOf } from '../lease-verdict.ts';
import { LicenseStatus, licenseStateName } from '../license-report.ts';
import { type LicenseTerms, licenseNotes, licenseTerms } from '../license-terms.ts';
import type { GuestLook } from '../looking.ts';
import type { DerivedReport } from '../product-report.ts';

/** How a machine is licensed at one moment: what hooks get, and what tells one look of the agent from the next. */
export interface LicenseSummary {
  readonly vmId: string;
  /** Whether a host activates at least one product here, and all such products are licensed. */
  readonly licensed: boolean;
  /** The products that have a key and that a host can activate, in catalog order. */
  readonly products: readonly SummarizedProduct[];
}

/** One product of a {@link LicenseSummary}. Times are ISO 8601, of trusted time. */
export interface SummarizedProduct extends LicenseTerms {
  readonly activationId: string;
  readonly name: string;
  readonly edition: string;
  readonly version: string;
  readonly partialProductKey: string;
  readonly state: LicenseStateName;
  /** Why there is no license; null where there is one, and in a grace. */
  readonly reason: { readonly code: string; readonly message: string } | null;
  /** When the state ends by itself; null for one that does not. */
  readonly endsAt: string | null;
  /** When its lease was issued, and from when on it is renewed; null without one that counts. */
  readonly issuedAt: string | null;
  readonly renewAfter: string | null;
  /** Who signed the lease. */
  readonly host: { readonly id: string; readonly name: string } | null;
  /** What is to be watched for, in sentences without a full stop: a renewal grace, a limit that is exceeded. */
  readonly notes: readonly string[];
}

/** The products of a look that the agent keeps activated: they have a key, and a host activates them. */
export function activatable(look: GuestLook): DerivedReport[] {
  return look.products.filter(
    ({ product, report }) => product.channel === 'VT:IA' && report.partialProductKey !== null,
  );
}

/** What a look found, as data. Pure. */
export function summarize(look: GuestLook, vmId: string): LicenseSummary {
  const products = activatable(look);
  const licensed = products.every(({ report }) => report.license.status === LicenseStatus.licensed);
  return { vmId, licensed: products.length > 0 && licensed, products: products.map(describe) };
}

function describe(derived: DerivedReport): SummarizedProduct {
  const { product, report, verdict, endsAt, endedAt } = derived;
  const answer = answerOf(verdict);
  return {
    activationId: product.activationId,
    name: product.name,
    edition: product.edition,
    version: product.version,
    partialProductKey: report.partialProductKey ?? '',
    state: licenseStateName(report.license.status),
    reason: reasonOf({ product, report, verdict, endedAt }),
    endsAt: isoInstantOrNull(endsAt),
    issuedAt: isoInstantOrNull(answer?.issuedAt ?? null),
    renewAfter: isoInstantOrNull(answer?.renewAfter ?? null),
    host: hostOf(verdict),
    ...licenseTerms(derived),
    notes: licenseNotes(derived),
  };
}

function reasonOf({
  report,
  verdict,
  endedAt,
}: Pick<DerivedReport, 'product' | 'report' | 'verdict' | 'endedAt'>): SummarizedProduct['reason'] {
  if (report.license.status !== LicenseStatus.notification) return null;
  if (verdict?.kind === 'rejected') return { code: verdict.error.code, message: verdict.error.message };
  const what = verdict === null ? 'the initial grace' : 'the lease';
  const when = endedAt === null ? '' : ` on ${formatMinute(endedAt)}`;
  return { code: 'grace-expired', message: `${what} ended${when}` };
}

/**
 * Whether two summaries differ in anything but the passing of time: a state, its reason, a lease, a host, a key, the VM
 * ID. Pure.
 */
export function differ(before: LicenseSummary, after: LicenseSummary): boolean {
  return JSON.stringify(before) !== JSON.stringify(after);
}
