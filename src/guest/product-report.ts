import { createHash } from 'node:crypto';
import type { Product } from '../catalog/product.ts';
import type { ClockReading } from '../machine/clock.ts';
import type { TrustAnchor } from '../protocol/host-certificate.ts';
import { formatUuid } from '../schema/uuid.ts';
import type { GuestState, InstalledProduct } from './guest-state.ts';
import { rearmCount } from './guest-state.ts';
import { judgeLease, type LeaseVerdict } from './lease-verdict.ts';
import type { KmsClientReport, ProductReport } from './license-report.ts';
import { deriveLicense } from './license-state.ts';
import { type TrustedTime, trustedTime } from './trusted-time.ts';

/** What a report is derived from, besides the product. */
export interface ReportBasis {
  readonly state: GuestState;
  readonly clock: ClockReading;
  readonly vmId: string;
  readonly anchors: readonly TrustAnchor[];
}

/** A report, and what it was concluded from. */
export interface DerivedReport {
  readonly report: ProductReport;
  /** Null where no lease is stored. */
  readonly verdict: LeaseVerdict | null;
  readonly time: TrustedTime;
}

/** All that slmgr and avma show of one product, derived from the stored proof and the clock. Pure. */
export function deriveReport(product: Product, basis: ReportBasis): DerivedReport {
  const { state, clock } = basis;
  const { activationId } = product;
  const installed = state.products[activationId];
  const verdict = judgeStored(installed, activationId, basis);
  const answer = verdict === null || verdict.kind === 'rejected' ? undefined : verdict.verified.answer;
  const time = trustedTime(clock, state.clock, answer);
  const keyed = installed !== undefined && installed.partialProductKey !== null ? installed : undefined;
  const report: ProductReport = {
    name: product.name,
    description: product.description,
    activationId,
    applicationId: product.applicationId,
    isAddon: product.isAddon,
    productKeyChannel: keyed ? product.channel : '',
    extendedPid: keyed?.extendedPid ?? '',
    installationId: keyed?.installationId ?? '',
    partialProductKey: keyed?.partialProductKey ?? null,
    license: deriveLicense(product, installed, verdict, time.now),
    evaluationEndDate: null,
    remainingSkuRearmCount: rearmCount(state, { kind: 'product', id: activationId }),
    remainingAppRearmCount: rearmCount(state, { kind: 'application', id: product.applicationId }),
    trustedTime: keyed ? time.now : null,
    virtualMachineActivation: {
      iaid: keyed?.iaid ?? null,
      hostMachineName: answer?.hostName ?? null,
      activationTime: answer?.issuedAt ?? null,
      hostDigitalPid2: answer?.digitalPid2 ?? null,
    },
    kmsClient: kmsClientReport(state, activationId, basis.vmId),
  };
  return { report, verdict, time };
}

function judgeStored(
  installed: InstalledProduct | undefined,
  activationId: string,
  { state, clock, vmId, anchors }: ReportBasis,
): LeaseVerdict | null {
  if (installed === undefined || installed.activation === null) return null;
  return judgeLease(installed.activation, {
    vmId,
    activationId,
    anchors,
    now: (answer) => trustedTime(clock, state.clock, answer).now,
  });
}

/** The settings of a product over those of the machine; the machine's own when `activationId` is null. */
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
    clientMachineId: formatUuid(createHash('sha256').update(`avma CMID\n${vmId}\n`).digest()),
  };
}
