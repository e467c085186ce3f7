import { createHash } from 'node:crypto';
import type { Product } from '../catalog/product.ts';
import { toAvmaError } from '../errors/avma-error.ts';
import type { ClockReading } from '../machine/clock.ts';
import type { SignedLease } from '../protocol/answer.ts';
import type { TrustAnchor } from '../protocol/host-certificate.ts';
import { type Expected, verifySignedLease } from '../protocol/verify-answer.ts';
import { formatUuid } from '../schema/uuid.ts';
import type { GuestState, InstalledProduct } from './guest-state.ts';
import { rearmCount } from './guest-state.ts';
import type { KmsClientReport, ProductReport } from './license-report.ts';
import { deriveLicense, type LeaseVerdict } from './license-state.ts';
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
  readonly verdict: LeaseVerdict;
  readonly time: TrustedTime;
}

/** All that slmgr and avma show of one product, derived from the stored proof and the clock. Pure. */
export function deriveReport(product: Product, basis: ReportBasis): DerivedReport {
  const { state, clock } = basis;
  const { activationId } = product;
  const installed = state.products[activationId];
  const verdict = judgeLease(installed, activationId, basis);
  const answer = verdict.kind === 'verified' ? verdict.verified.answer : undefined;
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

/** A command looks at the same proof several times; what it is worth depends on nothing but these three. */
interface Judgement {
  readonly expected: Expected;
  readonly anchors: readonly TrustAnchor[];
  readonly verdict: LeaseVerdict;
}
const judgements = new WeakMap<SignedLease, Judgement>();

function judgeLease(
  installed: InstalledProduct | undefined,
  activationId: string,
  { vmId, anchors }: ReportBasis,
): LeaseVerdict {
  if (installed === undefined || installed.activation === null) return { kind: 'none' };
  const known = judgements.get(installed.activation);
  const { expected } = known ?? {};
  if (known?.anchors === anchors && expected?.vmId === vmId && expected.activationId === activationId) {
    return known.verdict;
  }
  const verdict = verify(installed.activation, { vmId, activationId }, anchors);
  judgements.set(installed.activation, { expected: { vmId, activationId }, anchors, verdict });
  return verdict;
}

function verify(signedLease: SignedLease, expected: Expected, anchors: readonly TrustAnchor[]): LeaseVerdict {
  try {
    return { kind: 'verified', verified: verifySignedLease(signedLease, expected, anchors) };
  } catch (thrown) {
    return { kind: 'rejected', error: toAvmaError(thrown, 'cannot verify the stored activation') };
  }
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
