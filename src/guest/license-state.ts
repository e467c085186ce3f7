import type { Product } from '../catalog/product.ts';
import { HRESULT } from '../errors/hresult.ts';
import { DAY_MS, MINUTE_MS } from '../schema/durations.ts';
import type { InstalledProduct } from './guest-state.ts';
import type { LeaseVerdict } from './lease-verdict.ts';
import { type LicenseState, LicenseStatus } from './license-report.ts';

const GRACE_EXPIRED = HRESULT.SL_E_GRACE_TIME_EXPIRED;
const ANOTHER_MACHINE = HRESULT.SL_E_IA_MACHINE_NOT_BOUND;
const INVALID_DATA = HRESULT.ERROR_INVALID_DATA;

/**
 * slmgr's LicenseStatus for a product at a time: derived from the host's signed answer, never read from a file.
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
): LicenseState {
  if (installed === undefined || installed.partialProductKey === null) return state(LicenseStatus.unlicensed);
  if (verdict === null) {
    return graceOrNotification(
      LicenseStatus.initialGrace,
      installed.graceStartedAt + product.initialGraceDays * DAY_MS,
      now,
    );
  }
  switch (verdict.kind) {
    case 'rejected':
      return state(
        LicenseStatus.notification,
        verdict.error.code === 'vm-mismatch' ? ANOTHER_MACHINE : INVALID_DATA,
      );
    case 'holds':
    case 'ended': {
      const { expiresAt } = verdict.verified.answer;
      if (now < expiresAt) return state(LicenseStatus.licensed, 0, minutesUntil(expiresAt, now));
      return graceOrNotification(
        LicenseStatus.additionalGrace,
        expiresAt + product.additionalGraceDays * DAY_MS,
        now,
      );
    }
  }
}

function graceOrNotification(grace: LicenseStatus, end: number, now: number): LicenseState {
  return now < end
    ? state(grace, 0, minutesUntil(end, now))
    : state(LicenseStatus.notification, GRACE_EXPIRED);
}

function state(status: LicenseStatus, reason = 0, remainingMinutes = 0): LicenseState {
  return { status, reason, remainingMinutes };
}

/** Rounded up: a lease that has just begun has 10,080 minutes, and one that has not ended has at least one. */
function minutesUntil(end: number, now: number): number {
  return Math.ceil((end - now) / MINUTE_MS);
}
