import { AvmaError } from '../../../errors/avma-error.ts';
import { formatHresult } from '../../../errors/hresult.ts';
import type { GuestService } from '../../../guest/guest-service.ts';
import { LicenseStatus } from '../../../guest/license-report.ts';
import {
  type GrantedLicense,
  type LicenseTerms,
  licenseNotes,
  licenseTerms,
} from '../../../guest/license-terms.ts';
import type { DerivedReport } from '../../../guest/product-report.ts';
import type { VendorTrust } from '../../../protocol/vendor-trust.ts';
import { isoInstant, isoInstantOrNull } from '../../../schema/format-time.ts';

/** What `avma guest status` shows of one product that has a key: in JSON as it is, in a table in other words. */
export interface ProductStatus extends Omit<LicenseTerms, 'license'> {
  readonly name: string;
  readonly edition: string;
  readonly version: string;
  readonly channel: string;
  readonly activationId: string;
  readonly partialProductKey: string | null;
  readonly license: {
    /** slmgr's LicenseStatus. */
    readonly status: LicenseStatus;
    readonly statusText: string;
    /** `0xC004F009`; null where there is nothing to explain. */
    readonly reason: string | null;
    readonly remainingMinutes: number;
    /** When the present state ends by itself; null where it does not. Trusted time, as all times of a license. */
    readonly endsAt: string | null;
    /** When the lease or the grace ended, after which the product is not licensed any more. */
    readonly endedAt: string | null;
  };
  /** Why the stored lease does not count; null where it counts, or where there is none. */
  readonly problem: { readonly code: string; readonly message: string } | null;
  readonly lease: LeaseStatus | null;
  /** The customer license that the approval stands on; null where it stands on none. */
  readonly customerLicense: GrantedLicense | null;
  /** What is to be watched for, in sentences without a full stop. */
  readonly notes: readonly string[];
  readonly lastAttempt: AttemptStatus | null;
  readonly trustedTime: string | null;
  /** What to do now, one step a line; empty where nothing is to be done. */
  readonly nextSteps: readonly string[];
}

/** The lease that the host signed, verified. */
export interface LeaseStatus {
  readonly hostName: string;
  readonly hardwareId: string;
  /** Of Windows on the host; null where its certificate does not say. */
  readonly hostEdition: string | null;
  readonly hostOsVersion: string | null;
  /** Whose trust anchor vouches for the host. */
  readonly vendor: { readonly name: string; readonly keyId: string };
  readonly issuedAt: string;
  /** From when on a renewal is due: half of the lease. */
  readonly renewAfter: string;
  readonly expiresAt: string;
  readonly clock: string;
}

/** The last activation that was tried, whether it succeeded or not. */
export interface AttemptStatus {
  readonly at: string;
  readonly trigger: string;
  readonly pipe: string | null;
  /** `success`, or the code of the error. */
  readonly code: string;
  readonly hresult: string;
  readonly message: string;
  readonly hostName: string | null;
  /** What to do about the error; null after a success. */
  readonly hint: string | null;
}

const STATUS_NAMES: Record<LicenseStatus, string> = {
  0: 'unlicensed',
  1: 'licensed',
  2: 'initial grace',
  3: 'additional grace',
  4: 'non-genuine grace',
  5: 'notification',
  6: 'extended grace',
};

/** All that is shown of one product. Pure. @param trust - Whom this machine trusts. */
export function describeProduct(derived: DerivedReport, trust: VendorTrust): ProductStatus {
  const { product, report, verdict, time, endsAt, endedAt, lastAttempt } = derived;
  const { status, reason, remainingMinutes } = report.license;
  const { license: customerLicense, ...terms } = licenseTerms(derived);
  return {
    name: product.name,
    edition: product.edition,
    version: product.version,
    channel: product.channel,
    activationId: product.activationId,
    partialProductKey: report.partialProductKey,
    license: {
      status,
      statusText: STATUS_NAMES[status],
      reason: reason === 0 ? null : formatHresult(reason),
      remainingMinutes,
      endsAt: isoInstantOrNull(endsAt),
      endedAt: isoInstantOrNull(endedAt),
    },
    problem:
      verdict?.kind === 'rejected' ? { code: verdict.error.code, message: verdict.error.message } : null,
    lease: leaseOf(derived),
    ...terms,
    customerLicense,
    notes: licenseNotes(derived),
    lastAttempt: attemptOf(lastAttempt),
    trustedTime: isoInstantOrNull(report.trustedTime),
    nextSteps: nextSteps({
      activatable: product.channel === 'VT:IA',
      status,
      trustsNobody: trust.length === 0,
      renewalDue: verdict?.kind === 'holds' && time.now >= verdict.verified.answer.renewAfter,
      problemHint: verdict?.kind === 'rejected' ? repairOf(verdict.error) : null,
      lastHint: lastAttempt?.hint ?? null,
    }),
  };
}

/**
 * All that is shown of one product, read and derived now.
 *
 * @param activationId - Of a product that a catalog lists.
 * @throws {AvmaError} `internal` for any other.
 */
export async function describeNow(service: GuestService, activationId: string): Promise<ProductStatus> {
  const { products, trust } = await service.look();
  const derived = products.find(({ product }) => product.activationId === activationId);
  if (derived === undefined) throw new AvmaError('internal', `no catalog lists ${activationId}`);
  return describeProduct(derived, trust);
}

function leaseOf({ verdict, time }: DerivedReport): LeaseStatus | null {
  if (verdict === null || verdict.kind === 'rejected') return null;
  const { verified } = verdict;
  const { answer, certificate, root } = verified;
  return {
    hostName: answer.hostName,
    hardwareId: answer.hardwareId,
    hostEdition: certificate.windows?.edition ?? null,
    hostOsVersion: certificate.windows?.osVersion ?? null,
    vendor: { name: root.name, keyId: root.keyId },
    issuedAt: isoInstant(answer.issuedAt),
    renewAfter: isoInstant(answer.renewAfter),
    expiresAt: isoInstant(answer.expiresAt),
    clock: time.setBack ? 'set back: time stands still until it has caught up' : 'in step',
  };
}

function attemptOf(attempt: DerivedReport['lastAttempt']): AttemptStatus | null {
  return attempt && { ...attempt, at: isoInstant(attempt.at), hresult: formatHresult(attempt.hresult) };
}

/** What is known of a product when its next steps are decided. */
export interface Situation {
  /** Whether a virtualization host can activate the product at all. */
  readonly activatable: boolean;
  readonly status: LicenseStatus;
  readonly trustsNobody: boolean;
  readonly renewalDue: boolean;
  /** What to do about the stored lease that does not count. */
  readonly problemHint: string | null;
  /** What to do about the last attempt that failed. */
  readonly lastHint: string | null;
}

/** What to do about a lease that does not count, besides activating; null where nothing else is to be done. */
function repairOf({ code, hint }: AvmaError): string | null {
  return code === 'vm-mismatch' ? null : hint;
}

/** What to do now, as sentences with the command in them. Pure. */
export function nextSteps(situation: Situation): string[] {
  const { activatable, status, trustsNobody, renewalDue, problemHint, lastHint } = situation;
  if (!activatable) return [];
  if (status === LicenseStatus.licensed) {
    if (!renewalDue) return [];
    return [...(lastHint === null ? [] : [lastHint]), 'Renew now: avma guest activate'];
  }
  return [
    ...(trustsNobody ? ['Trust the vendor: avma guest trust add FILE'] : []),
    ...(!trustsNobody && lastHint !== null ? [lastHint] : []),
    ...(!trustsNobody && lastHint === null && problemHint !== null ? [problemHint] : []),
    'Activate: avma guest activate',
  ];
}
