import type { LoadedProduct } from '../catalog/product.ts';
import { CODES } from '../errors/codes.ts';
import type { ClockReading } from '../machine/clock.ts';
import { isTrustedMeanwhile } from '../protocol/host-certificate.ts';
import { rootsOf, type VendorTrust } from '../protocol/vendor-trust.ts';
import { formatUuid } from '../schema/uuid.ts';
import { sha256 } from '../system/sha256.ts';
import type { GuestState, InstalledProduct, LastAttempt } from './guest-state.ts';
import { rearmCount } from './guest-state.ts';
import { answerOf, judgeLease, type LeaseVerdict } from './lease-verdict.ts';
import type { KmsClientReport, ProductReport } from './license-report.ts';
import { deriveLicense } from './license-state.ts';
import { type TrustedTime, trustedTime } from './trusted-time.ts';

/** What a report is derived from, besides the product. */
export interface ReportBasis {
  readonly state: GuestState;
  readonly clock: ClockReading;
  readonly vmId: string;
  readonly trust: VendorTrust;
}

/** A report, and what it was derived from. */
export interface DerivedReport {
  readonly product: LoadedProduct;
  readonly report: ProductReport;
  /** Null where no lease is stored. */
  readonly verdict: LeaseVerdict | null;
  readonly time: TrustedTime;
  /** When the license state ends by itself, in trusted time; null for one that does not. */
  readonly endsAt: number | null;
  /** When the lease ended, or without one the initial grace, in trusted time; null while neither has ended. */
  readonly endedAt: number | null;
  /** How the last activation went; null when there was none since the key was installed. */
  readonly lastAttempt: (LastAttempt & { readonly hint: string | null }) | null;
}

/**
 * All that slmgr and avma show of one product, derived from the stored lease and the clock. Pure. A stored lease is
 * verified once.
 */
export function deriveReport(product: LoadedProduct, basis: ReportBasis): DerivedReport {
  const { state, clock } = basis;
  const { activationId } = product;
  const installed = state.products[activationId];
  const withKey = installed !== undefined && installed.partialProductKey !== null ? installed : undefined;
  const verdict = judgeStored(installed, product, basis);
  const answer = answerOf(verdict);
  const time = trustedTime(clock, state.clock, answer ?? undefined);
  const { license, endsAt, endedAt } = deriveLicense(product, installed, verdict, time.now);
  const report: ProductReport = {
    name: product.name,
    description: product.description,
    activationId,
    applicationId: product.applicationId,
    isAddon: product.isAddon,
    productKeyChannel: withKey ? product.channel : '',
    extendedPid: withKey?.extendedPid ?? '',
    installationId: withKey?.installationId ?? '',
    partialProductKey: withKey?.partialProductKey ?? null,
    license,
    evaluationEndDate: null,
    remainingSkuRearmCount: rearmCount(state, { kind: 'product', id: activationId }),
    remainingAppRearmCount: rearmCount(state, { kind: 'application', id: product.applicationId }),
    trustedTime: withKey ? time.now : null,
    virtualMachineActivation: {
      iaid: withKey?.iaid ?? null,
      hostMachineName: answer?.hostName ?? null,
      activationTime: answer?.issuedAt ?? null,
      hostDigitalPid2: answer?.digitalPid2 ?? null,
    },
    kmsClient: kmsClientReport(state, activationId, basis.vmId),
  };
  const lastAttempt = withKey?.lastAttempt === undefined ? null : withHint(withKey.lastAttempt, basis.trust);
  return { product, report, verdict, time, endsAt, endedAt, lastAttempt };
}

function judgeStored(
  installed: InstalledProduct | undefined,
  product: LoadedProduct,
  { state, clock, vmId, trust }: ReportBasis,
): LeaseVerdict | null {
  if (installed === undefined || installed.activation === null) return null;
  return judgeLease(installed.activation, {
    vmId,
    product,
    trust,
    now: (answer) => trustedTime(clock, state.clock, answer).now,
  });
}

/**
 * The hint is that of the code, so it is not stored; a code of another version of avma has none here. To add a trust
 * anchor that was added meanwhile is no hint.
 */
function withHint(attempt: LastAttempt, trust: VendorTrust): LastAttempt & { readonly hint: string | null } {
  const { code, message } = attempt;
  const isDone = code === 'certificate-untrusted' && isTrustedMeanwhile(message, rootsOf(trust));
  const hint = Object.hasOwn(CODES, code) && !isDone ? CODES[code as keyof typeof CODES].hint : null;
  return { ...attempt, hint };
}

/** KMS settings as they apply: the product's own before the machine's; only the machine's without an `activationId`. */
export function kmsClientReport(
  state: GuestState,
  activationId: string | null,
  vmId: string,
): KmsClientReport {
  const { machine, products } = state.kmsClient;
  const settings = { ...machine, ...(activationId === null ? {} : products[activationId]) };
  return {
    activationTypeEnabled: settings.activationTypeEnabled ?? 0,
    machineName: settings.machineName ?? null,
    machinePort: settings.machinePort ?? 0,
    lookupDomain: settings.lookupDomain ?? null,
    hostCaching: settings.hostCaching ?? true,
    clientMachineId: formatUuid(sha256(`avma CMID\n${vmId}\n`)),
  };
}
