import type { Catalog } from '../catalog/catalog.ts';
import type { AvmaErrorCode } from '../errors/codes.ts';
import type { GuestState } from './guest-state.ts';
import { LicenseStatus } from './license-report.ts';
import { deriveLicense } from './license-state.ts';
import { deriveReport, type ReportBasis } from './product-report.ts';
import { markSeen, trustedTime } from './trusted-time.ts';

/** A licence that has come to an end, or cannot be believed any more; told once, as event 12309. */
interface LicenseChange {
  readonly activationId: string;
  readonly code: AvmaErrorCode;
  readonly message: string;
}

export interface Observation {
  /** The state to be kept; the very one that was given when nothing needs keeping. */
  readonly state: GuestState;
  readonly changes: readonly LicenseChange[];
}

/**
 * What looking at the licence leaves behind: the highest time seen, as soon as a printed minute depends on it, so
 * that a minute once counted down is never given back; and which change of state has been told. Pure.
 */
export function observe(basis: ReportBasis, catalog: Catalog): Observation {
  const { state, clock } = basis;
  const products = { ...state.products };
  const changes: LicenseChange[] = [];
  let worthKeeping = false;
  for (const product of catalog.products) {
    const installed = products[product.activationId];
    if (installed === undefined || installed.partialProductKey === null) continue;
    const { report, verdict } = deriveReport(product, basis);
    const { status, reason, remainingMinutes } = report.license;
    const issuedAt = verdict === null || verdict.kind === 'rejected' ? 0 : verdict.verified.answer.issuedAt;
    const marked = deriveLicense(product, installed, verdict, Math.max(state.clock.highestSeen, issuedAt));
    if (marked.status !== status || marked.remainingMinutes !== remainingMinutes) worthKeeping = true;
    if (installed.reported?.status !== status || installed.reported.reason !== reason) {
      products[product.activationId] = { ...installed, reported: { status, reason } };
      worthKeeping = true;
      if (status === LicenseStatus.notification) {
        changes.push({
          activationId: product.activationId,
          code: verdict?.kind === 'rejected' ? verdict.error.code : 'grace-expired',
          message:
            verdict?.kind === 'rejected'
              ? `the stored activation does not count: ${verdict.error.message}`
              : `the ${verdict === null ? 'initial grace' : 'lease'} of "${product.name}" has ended`,
        });
      }
    }
  }
  if (!worthKeeping) return { state, changes };
  const { now } = trustedTime(clock, state.clock);
  return { state: { ...state, products, clock: markSeen(state.clock, now, clock) }, changes };
}
