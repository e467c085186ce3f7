import { LicenseStatus } from '../../guest/license-report.ts';
import type { DerivedReport } from '../../guest/product-report.ts';
import { formatMinute } from '../../schema/format-time.ts';
import type { Advice } from './commands/handler.ts';

/**
 * Why a product that a host activates has no license, since when, and what to do: what slmgr.vbs leaves to an error
 * code. Pure.
 *
 * @returns null for a product that is licensed, that has no key, or that no host can activate.
 */
export function licenseAdvice({
  product,
  report,
  verdict,
  endsAt,
  endedAt,
  lastAttempt,
}: DerivedReport): Advice | null {
  const { status } = report.license;
  if (status === LicenseStatus.licensed || report.partialProductKey === null || product.channel !== 'VT:IA') {
    return null;
  }
  const rejected = verdict?.kind === 'rejected' ? verdict.error : null;
  const failed = lastAttempt !== null && lastAttempt.code !== 'success' ? lastAttempt : null;
  const reasons = [
    `${product.name} is ${status === LicenseStatus.notification ? 'not licensed' : 'not activated'}`,
    rejected?.message ??
      (endedAt === null
        ? null
        : `${verdict === null ? 'the initial grace' : 'the lease'} ended on ${formatMinute(endedAt)}`),
    endsAt === null ? null : `the grace ends on ${formatMinute(endsAt)}`,
    failed && `the last attempt, on ${formatMinute(failed.at)}, failed: ${failed.message}`,
  ];
  return {
    reason: reasons.filter((reason) => reason !== null).join('; '),
    nextStep: `${failed?.hint ? `${failed.hint} ` : ''}Activate: slmgr /ato`,
  };
}
