import type { Product } from '../catalog/product.ts';
import type { AvmaErrorCode } from '../errors/codes.ts';
import { HRESULT } from '../errors/hresult.ts';
import { DAY_MS, MINUTE_MS } from '../schema/durations.ts';
import type { InstalledProduct } from './guest-state.ts';
import type { LeaseVerdict } from './lease-verdict.ts';
import { type LicenseState, LicenseStatus } from './license-report.ts';

const GRACE_EXPIRED = HRESULT.SL_E_GRACE_TIME_EXPIRED;
const INVALID_DATA = HRESULT.ERROR_INVALID_DATA;

/**
 * Why a lease that is as its host signed it does not count here any more. Each has its own HRESULT as the reason;
 * whatever else is wrong with a lease is that its data is.
 */
const WITHDRAWN: ReadonlySet<AvmaErrorCode> = new Set<AvmaErrorCode>([
  'vm-mismatch',
  'host-revoked',
  'license-revoked',
  'license-missing',
  'vendor-mismatch',
]);

/** slmgr's license state with its dates, both in trusted time, in milliseconds. */
export interface DerivedLicense {
  readonly license: LicenseState;
  /** When the state ends by itself; null for a state that does not. */
  readonly endsAt: number | null;
  /** When the lease ended, or without one the initial grace; null while neither has ended. */
  readonly endedAt: number | null;
}

/**
 * slmgr's LicenseStatus for a product at a time: derived from the host's evidence, never read from a file.
 *
 * @param verdict - Null where no lease is stored.
 * @param installed - Undefined for a product that never had a key here.
 * @param now - Trusted time, in milliseconds.
 */
export function deriveLicense(
  product: Product,
  installed: InstalledProduct | undefined,
  verdict: LeaseVerdict | null,
  now: number,
): DerivedLicense {
  if (installed === undefined || installed.partialProductKey === null) return state(LicenseStatus.unlicensed);
  if (verdict === null) {
    // Never longer than the catalog gives, also where the stored beginning lies ahead of trusted time.
    const start = Math.min(installed.graceStartedAt, now);
    const end = start + product.initialGraceDays * DAY_MS;
    if (now < end) return lasting(LicenseStatus.initialGrace, end, now);
    return { ...state(LicenseStatus.notification, GRACE_EXPIRED), endedAt: end };
  }
  switch (verdict.kind) {
    case 'rejected':
      return state(
        LicenseStatus.notification,
        WITHDRAWN.has(verdict.error.code) ? verdict.error.hresult : INVALID_DATA,
      );
    case 'holds':
    case 'ended': {
      const { expiresAt } = verdict.verified.answer;
      if (now < expiresAt) return lasting(LicenseStatus.licensed, expiresAt, now);
      const end = expiresAt + product.additionalGraceDays * DAY_MS;
      if (now < end) return { ...lasting(LicenseStatus.additionalGrace, end, now), endedAt: expiresAt };
      return { ...state(LicenseStatus.notification, GRACE_EXPIRED), endedAt: expiresAt };
    }
  }
}

function lasting(status: LicenseStatus, end: number, now: number): DerivedLicense {
  return { ...state(status, 0, minutesUntil(end, now)), endsAt: end };
}

function state(status: LicenseStatus, reason = 0, remainingMinutes = 0): DerivedLicense {
  return { license: { status, reason, remainingMinutes }, endsAt: null, endedAt: null };
}

/** Rounded up: a lease that has just begun has 10,080 minutes, and one that has not ended has at least one. */
function minutesUntil(end: number, now: number): number {
  return Math.ceil((end - now) / MINUTE_MS);
}
