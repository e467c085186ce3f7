import type { Catalog } from '../catalog/catalog.ts';
import type { AvmaErrorCode } from '../errors/codes.ts';
import type { LicenseStateName } from '../events/guest-event.ts';
import { formatMinute } from '../schema/format-time.ts';
import { MAX_INSTANT } from '../schema/shapes.ts';
import type { GuestState, InstalledProduct } from './guest-state.ts';
import { answerOf } from './lease-verdict.ts';
import { LicenseStatus, licenseStateName } from './license-report.ts';
import { deriveLicense } from './license-state.ts';
import { deriveProductIdentity } from './product-identity.ts';
import { type DerivedReport, deriveReport, type ReportBasis } from './product-report.ts';
import { markSeen, trustedTime } from './trusted-time.ts';

/** A license that has ended, is not accepted any more, or holds again; each change is event 12309 once. */
export interface LicenseChange {
  readonly activationId: string;
  readonly state: LicenseStateName;
  readonly code: AvmaErrorCode | 'success';
  readonly message: string;
}

/** What a look at the products found, and what has to be saved. */
export interface Observation {
  /** One report for each product of the catalog, in its order. */
  readonly reports: readonly DerivedReport[];
  /** The state to save; the same object that was given when there is nothing to save. */
  readonly state: GuestState;
  readonly changes: readonly LicenseChange[];
}

/**
 * Derives the report of each product once, and the state to save after it is shown: the highest time seen (saved when
 * a shown minute changes, so that minutes never go up again) and the license state last written to the event log.
 * Pure.
 */
export function observe(basis: ReportBasis, catalog: Catalog): Observation {
  const { state, clock } = basis;
  const reports = catalog.products.map((product) => deriveReport(product, basis));
  const products = { ...state.products };
  const changes: LicenseChange[] = [];
  let worthSaving = false;
  for (const derived of reports) {
    const { activationId } = derived.report;
    const installed = products[activationId];
    if (installed === undefined || installed.partialProductKey === null) continue;
    if (showsAnotherMinuteThanSaved(derived, state)) worthSaving = true;
    const { status, reason } = derived.report.license;
    if (installed.reported?.status === status && installed.reported.reason === reason) continue;
    worthSaving = true;
    products[activationId] = { ...begun(derived, installed, basis), reported: { status, reason } };
    const change = describeChange(derived, installed.reported?.status ?? LicenseStatus.unlicensed);
    if (change !== null) changes.push({ activationId, state: licenseStateName(status), ...change });
  }
  if (!worthSaving) return { reports, state, changes };
  const { now } = trustedTime(clock, state.clock);
  return { reports, state: { ...state, products, clock: markSeen(state.clock, now, clock) }, changes };
}

/** A key of a sealed image begins its life on this machine: its initial grace, and the numbers made from the VM ID. */
function begun(
  { product, time }: DerivedReport,
  installed: InstalledProduct,
  basis: ReportBasis,
): InstalledProduct {
  if (installed.graceStartedAt !== MAX_INSTANT) return installed;
  const identity = deriveProductIdentity(product, basis.vmId, basis.clock.wall);
  return { ...installed, ...identity, graceStartedAt: time.now };
}

/** Whether the license state now differs from what the saved highest time would show. */
function showsAnotherMinuteThanSaved(
  { product, report, verdict }: DerivedReport,
  state: GuestState,
): boolean {
  const issuedAt = answerOf(verdict)?.issuedAt ?? 0;
  const savedTime = Math.max(state.clock.highestSeen, issuedAt);
  const saved = deriveLicense(product, state.products[product.activationId], verdict, savedTime).license;
  return saved.status !== report.license.status || saved.remainingMinutes !== report.license.remainingMinutes;
}

/** What is worth an event: an end, and a license that holds again after one. An activation has its own event. */
function describeChange(
  { product, report, verdict, endedAt }: DerivedReport,
  before: number,
): Pick<LicenseChange, 'code' | 'message'> | null {
  const { status } = report.license;
  if (status === LicenseStatus.licensed) {
    if (before !== LicenseStatus.notification && before !== LicenseStatus.additionalGrace) return null;
    return { code: 'success', message: `"${product.name}" is licensed again` };
  }
  if (status !== LicenseStatus.notification && status !== LicenseStatus.additionalGrace) return null;
  if (verdict?.kind === 'rejected') {
    const { code, message } = verdict.error;
    return { code, message: `the stored lease does not count: ${message}` };
  }
  const what = verdict === null ? 'initial grace' : 'lease';
  const when = endedAt === null ? '' : ` on ${formatMinute(endedAt)}`;
  const ended = `the ${what} of "${product.name}" ended${when}`;
  return {
    code: 'grace-expired',
    message: status === LicenseStatus.notification ? ended : `${ended}; its additional grace has begun`,
  };
}
