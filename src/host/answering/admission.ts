import type { LoadedProduct } from '../../catalog/product.ts';
import {
  FIRST_VERSION,
  HOST_EDITIONS,
  isServedEdition,
  isTooNew,
  isTooOld,
  isWindowsProduct,
  mayActivateGuests,
} from '../../policy/windows.ts';
import type { Condition, RefusalCode } from '../../protocol/answer.ts';
import type { HostCertificate } from '../../protocol/host-certificate.ts';
import type { Request } from '../../protocol/messages.ts';
import { areOfOneVendor } from '../../protocol/vendor-trust.ts';
import { HOUR_MS } from '../../schema/durations.ts';
import { formatMinute } from '../../schema/format-time.ts';
import { swapUuidByteOrder } from '../../schema/uuid.ts';
import type { GuestChannel } from '../channel.ts';
import type { HeldCertificate, HeldLicense, HostHoldings } from '../holdings/holdings.ts';
import { revocationOf, vendorOf } from '../holdings/revoked.ts';
import type { MomentPlace } from '../observer.ts';
import type { SeatsInUse } from '../seats.ts';
import { chooseLicense } from './choose-license.ts';

/** Whether the host activates a guest, by which license; if not, why. */
export type Decision =
  | {
      readonly approved: true;
      /** The license that the approval stands on; null: the product needs none, and none fits. */
      readonly license: HeldLicense | null;
      /** In the order of `CONDITIONS`. */
      readonly conditions: readonly Condition[];
    }
  | Refusal;

/** A refusal, as it is signed. */
interface Refusal {
  readonly approved: false;
  readonly code: RefusalCode;
  /** In how many seconds it is worth to ask again; absent: nobody knows. */
  readonly retryAfter?: number;
  /** Signed with the refusal and shown to the guest's user: what this host objects to, with both values. */
  readonly message: string;
}

/** When a guest may ask again that found a license full: another guest may have stopped by then. */
const FULL_RETRY_SECONDS = HOUR_MS / 1000;
/** When a guest may ask again whose VM ID is in use twice, in seconds. */
const CLONED_RETRY_SECONDS = HOUR_MS / 1000;
/** The longest time that an answer may ask a guest to wait, in seconds. */
const MAX_RETRY_SECONDS = 86_400;

/** What a decision is made from. */
export interface AdmissionBasis {
  readonly request: Request;
  readonly channel: GuestChannel;
  /** In how many seconds the channel has requests again, where it has used them up; null: it has some. */
  readonly throttledFor: number | null;
  /** The certificate that the host answers with. */
  readonly held: HeldCertificate;
  readonly holdings: Pick<HostHoldings, 'licenses' | 'vendors'>;
  /** What was asked for; undefined: no catalog of this host lists it. */
  readonly product: LoadedProduct | undefined;
  readonly seats: SeatsInUse;
  /** The host's clock, milliseconds since 1970 UTC. */
  readonly now: number;
}

/**
 * Decides whether this host activates the guest. The rules have the order and the numbers of docs/protocol.md, section
 * 8; the first one that is broken decides. Pure.
 */
export function admit(basis: AdmissionBasis): Decision {
  return admitChannel(basis) ?? admitHost(basis) ?? admitProduct(basis);
}

function admitChannel({ request, channel, throttledFor }: AdmissionBasis): Refusal | undefined {
  // A1: the channel knows which VM it belongs to; the request must agree.
  if (channel.vmId !== null && !sameVm(request.vmId, channel.vmId)) {
    return refuse(
      'vm-refused',
      `the guest calls itself VM ${request.vmId}, and this pipe belongs to another VM`,
    );
  }
  // A2
  return throttledFor === null
    ? undefined
    : refuse('throttled', 'too many requests came over this pipe', throttledFor);
}

function admitHost({ held, holdings, now }: AdmissionBasis): Refusal | undefined {
  const { notBefore, notAfter, graceUntil } = held.certificate;
  // A3. In its renewal grace a certificate still counts, and the answer says so.
  if (now < notBefore) {
    const seconds = Math.min(MAX_RETRY_SECONDS, Math.ceil((notBefore - now) / 1000));
    return refuse(
      'certificate-not-yet-valid',
      `its certificate begins on ${formatMinute(notBefore)}`,
      seconds,
    );
  }
  if (now >= graceUntil) {
    return refuse(
      'certificate-expired',
      `its certificate ended on ${formatMinute(notAfter)}, and its renewal grace on ${formatMinute(graceUntil)}`,
    );
  }
  // A4
  const revoked = revocationOf(held, holdings.vendors);
  return revoked && refuse('host-revoked', `its vendor has revoked its certificate: ${revoked.reason}`);
}

function admitProduct(basis: AdmissionBasis): Decision {
  const { request, held, holdings, product } = basis;
  // A5
  if (product === undefined) {
    return refuse('product-unknown', `no catalog of this host lists the product ${request.activationId}`);
  }
  const { name, edition, version, vendor } = product;
  if (edition !== request.edition || version !== request.version) {
    return refuse(
      'product-mismatch',
      `the guest's catalog says ${request.edition} ${request.version} of "${name}", this host's says ${edition} ${version}`,
    );
  }
  if (product.channel !== 'VT:IA') {
    return refuse(
      'product-not-served',
      `"${name}" is for the channel ${product.channel}, and hosts activate VT:IA only`,
    );
  }
  // A6
  if (vendor !== null && !areOfOneVendor(holdings.vendors, held.certificate.vendorKey, vendor.publicKey)) {
    return refuse(
      'vendor-mismatch',
      `"${name}" is of "${vendor.name}" (${vendor.keyId}), and this host is certified by ${held.rootKeyId}`,
    );
  }
  // A7
  const refusal = isWindowsProduct(product) ? admitWindows(product, held.certificate) : undefined;
  return refusal ?? admitLicense(product, basis);
}

/** A7: Windows' own rules, for Windows only. */
function admitWindows(
  { edition, version }: LoadedProduct,
  { windows }: HostCertificate,
): Refusal | undefined {
  if (windows === null || !mayActivateGuests(windows.edition)) {
    const names = windows === null ? 'names no edition of Windows' : `is for edition ${windows.edition}`;
    return refuse(
      'host-not-datacenter',
      `its certificate ${names}, and only ${HOST_EDITIONS[0]} may activate guests with Windows`,
    );
  }
  if (!isServedEdition(edition)) {
    return refuse('product-not-served', `hosts do not activate the edition ${edition} of Windows`);
  }
  if (isTooOld(version)) {
    return refuse('version-too-old', `product version ${version} is older than ${FIRST_VERSION}`);
  }
  if (isTooNew(version, windows.osVersion)) {
    return refuse(
      'version-too-new',
      `product version ${version} is newer than this host's ${windows.osVersion}`,
    );
  }
  return undefined;
}

/** A8: the license. One that the product does not need is named all the same, for its features and its limit. */
function admitLicense(product: LoadedProduct, basis: AdmissionBasis): Decision {
  const { request, held, holdings, seats, now } = basis;
  const vendor = vendorOf(held, holdings.vendors);
  const choice =
    vendor === undefined
      ? ({ kind: 'none' } as const)
      : chooseLicense({
          licenses: holdings.licenses,
          vendor,
          certificate: held.certificate,
          activationId: product.activationId,
          vmId: request.vmId,
          seats,
          now,
        });
  const inGrace: readonly Condition[] = now >= held.certificate.notAfter ? ['certificate-in-grace'] : [];
  if (choice.kind === 'chosen') {
    const conditions: readonly Condition[] = [
      ...inGrace,
      ...(choice.inGrace ? (['license-in-grace'] as const) : []),
      ...(choice.overLimit ? (['over-limit'] as const) : []),
    ];
    return { approved: true, license: choice.held, conditions };
  }
  // A full license refuses its new guests also where the product could do without a license.
  if (choice.kind === 'refused' && choice.code === 'license-limit-reached') {
    return refuse(choice.code, choice.message, FULL_RETRY_SECONDS);
  }
  if (!product.requiresLicense) return { approved: true, license: null, conditions: inGrace };
  return choice.kind === 'none'
    ? refuse('license-missing', `this host has no license for "${product.name}"`)
    : refuse(choice.code, choice.message);
}

/** A9: what is signed for a VM that is at two places at once, where the operator refuses that. */
export function refuseClone(vmId: string, places: readonly MomentPlace[]): Refusal {
  const names = places.map(({ host, channel }) => (host === null ? channel : `${channel} of host ${host}`));
  return refuse('vm-cloned', `the VM ID ${vmId} is in use at ${names.join(' and ')}`, CLONED_RETRY_SECONDS);
}

/** Old SMBIOS tables leave the byte order open, so one VM may be known by two spellings of its UUID. */
function sameVm(a: string, b: string): boolean {
  return a === b || swapUuidByteOrder(a) === b;
}

function refuse(code: RefusalCode, message: string, retryAfter?: number): Refusal {
  return { approved: false, code, message, ...(retryAfter === undefined ? {} : { retryAfter }) };
}
