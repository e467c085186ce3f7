import type { ClockReading } from '../machine/clock.ts';
import type { VmId } from '../machine/vm-id.ts';
import { DAY_MS } from '../schema/durations.ts';
import { formatMinute, isoInstant, isoInstantOrNull } from '../schema/format-time.ts';
import { printable } from '../schema/printable.ts';
import type { GuestState, InstalledProduct, LastAttempt } from './guest-state.ts';
import { answerOf, hostOf } from './lease-verdict.ts';
import type { LicensedProduct, LicensedVendor, LicenseFile } from './license-file.ts';
import { LicenseStatus, licenseStateName } from './license-report.ts';
import { licenseNotes, licenseTerms } from './license-terms.ts';
import type { DerivedReport } from './product-report.ts';
import type { GuestTrust, GuestVendor } from './trust/guest-trust.ts';

/** What license.json is made from: the reports of now, and what they were derived from. */
export interface LicenseSource {
  readonly reports: readonly DerivedReport[];
  readonly state: GuestState;
  readonly vmId: VmId;
  readonly trust: GuestTrust;
  readonly clock: ClockReading;
}

/** The content of license.json. Pure. No product key is in it. */
export function composeLicense({ reports, state, vmId, trust, clock }: LicenseSource): LicenseFile {
  const { offset, highestSeen, bootId, sinceBoot } = state.clock;
  return {
    schema: 'avma.license/2',
    writtenAt: isoInstant(clock.wall),
    vmId: { value: vmId.value, source: vmId.source },
    clock: { offsetMs: offset, highestSeen: isoInstant(highestSeen), bootId, sinceBootMs: sinceBoot },
    vendors: trust.map(vendorOf),
    products: reports.flatMap((derived) => {
      const installed = state.products[derived.product.activationId];
      return installed === undefined || installed.partialProductKey === null
        ? []
        : [productOf(derived, installed, installed.partialProductKey)];
    }),
    rearm: state.rearm,
    kmsClient: state.kmsClient,
  };
}

function vendorOf(vendor: GuestVendor): LicensedVendor {
  const { name, roots, retiredRoots, trustVersion, lastUpdate, trustUpdates, revocationsDocument } = vendor;
  return {
    name,
    roots: roots.map((root) => ({
      name: root.name,
      keyId: root.keyId,
      publicKey: Buffer.from(root.publicKey).toString('base64url'),
    })),
    retiredRoots,
    trustVersion,
    lastUpdate,
    trustUpdates,
    revocations: revocationsDocument,
  };
}

function productOf(
  derived: DerivedReport,
  installed: InstalledProduct,
  partialProductKey: string,
): LicensedProduct {
  const { product, report, verdict, endsAt } = derived;
  const { status } = report.license;
  const answer = answerOf(verdict);
  const { activationId, name, edition, version, description, applicationId, channel, isAddon } = product;
  const { initialGraceDays, additionalGraceDays } = product;
  return {
    activationId,
    name,
    edition,
    version,
    partialProductKey,
    state: licenseStateName(status),
    status,
    reason: reasonOf(derived),
    endsAt: isoInstantOrNull(endsAt),
    renewAfter: isoInstantOrNull(answer?.renewAfter ?? null),
    graceEndsAt: isoInstantOrNull(graceEndOf(derived)),
    host: hostOf(verdict),
    lastAttempt: attemptOf(installed),
    warnings: warningsOf(derived),
    description,
    applicationId,
    channel,
    isAddon,
    initialGraceDays,
    additionalGraceDays,
    graceStartedAt: isoInstant(installed.graceStartedAt),
    extendedPid: installed.extendedPid,
    installationId: installed.installationId,
    iaid: installed.iaid,
    ...licenseTerms(derived),
    evidence: installed.activation,
  };
}

/** Why a product is not licensed, as a code of errors/codes.ts and a sentence; null for a license and in a grace. */
export function reasonOf({
  product,
  report,
  verdict,
  endedAt,
}: DerivedReport): { readonly code: string; readonly message: string } | null {
  if (verdict?.kind === 'rejected') {
    return { code: verdict.error.code, message: `the stored lease does not count: ${verdict.error.message}` };
  }
  if (report.license.status !== LicenseStatus.notification) return null;
  const what = verdict === null ? 'initial grace' : 'lease';
  const when = endedAt === null ? '' : ` on ${formatMinute(endedAt)}`;
  return { code: 'grace-expired', message: `the ${what} of "${product.name}" ended${when}` };
}

/** When the product falls into notification unless it is activated before; null where it has, or has no key. */
function graceEndOf({ product, report, endsAt }: DerivedReport): number | null {
  if (endsAt === null) return null;
  return report.license.status === LicenseStatus.licensed
    ? endsAt + product.additionalGraceDays * DAY_MS
    : endsAt;
}

/** The longest message of an attempt here, in characters: that of the state. */
const MAX_MESSAGE = 500;

/** Without the pipe: it may be a command that is nobody else's business, and messages name it. */
function attemptOf({ lastAttempt }: InstalledProduct): LicensedProduct['lastAttempt'] {
  if (lastAttempt === undefined) return null;
  const { at, trigger, code, hresult, hostName } = lastAttempt;
  return {
    at: isoInstant(at),
    trigger,
    outcome: code === 'success' ? 'success' : 'failure',
    code,
    hresult,
    message: printable(withoutCommand(lastAttempt), MAX_MESSAGE),
    hostName,
  };
}

/** How the URI of a pipe begins that is a command. */
const COMMAND = 'exec:';

/** A message without the command of a pipe `exec:`, of which it may have the beginning only. */
export function withoutCommand({ message, pipe }: Pick<LastAttempt, 'message' | 'pipe'>): string {
  if (pipe === null || !pipe.startsWith(COMMAND)) return message;
  const [before = '', ...pieces] = message.split(COMMAND);
  const command = pipe.slice(COMMAND.length);
  return before + pieces.map((piece) => `${COMMAND}...${piece.slice(commonLength(piece, command))}`).join('');
}

/** How many characters two texts have in common at their beginning. */
function commonLength(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
}

function warningsOf(derived: DerivedReport): string[] {
  const { verdict, time, lastAttempt } = derived;
  const isDue = verdict?.kind === 'holds' && time.now >= verdict.verified.answer.renewAfter;
  const failed = lastAttempt !== null && lastAttempt.code !== 'success' ? lastAttempt : null;
  return [
    ...licenseNotes(derived),
    ...(time.setBack
      ? ['the wall clock has been set back: the time that licenses are measured by stands still']
      : []),
    ...(isDue && failed !== null
      ? [`the lease is due to be renewed, and the last attempt failed: ${withoutCommand(failed)}`]
      : []),
  ];
}
