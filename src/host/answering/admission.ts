import type { Catalog } from '../../catalog/catalog.ts';
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
import type { RefusalCode } from '../../protocol/answer.ts';
import type { HostCertificate } from '../../protocol/host-certificate.ts';
import type { Request } from '../../protocol/messages.ts';
import { formatDay } from '../../schema/format-time.ts';
import { swapUuidByteOrder } from '../../schema/uuid.ts';
import type { GuestChannel } from '../channel.ts';

/** Whether the host activates a guest; if not, why. */
export type Decision =
  | { readonly approved: true }
  | {
      readonly approved: false;
      readonly code: RefusalCode;
      /** In how many seconds it is worth to ask again; absent: nobody knows. */
      readonly retryAfter?: number;
      /** Signed with the refusal and shown to the guest's user: what this host objects to, with both values. */
      readonly message: string;
    };

/** When a guest may ask again whose channel is over its limit, in seconds: as the hint of the code says. */
export const THROTTLED_RETRY_SECONDS = 60;

/** What a decision is made from. */
export interface AdmissionBasis {
  readonly request: Request;
  readonly channel: GuestChannel;
  /** Whether the channel has used up its requests. */
  readonly throttled: boolean;
  readonly certificate: HostCertificate;
  readonly catalog: Catalog;
  /** The host's clock, milliseconds since 1970 UTC. */
  readonly now: number;
}

/**
 * Decides whether this host activates the guest. The rules have the order and the numbers of docs/protocol.md, section
 * 8; the first one that is broken decides. Pure.
 */
export function admit(basis: AdmissionBasis): Decision {
  const { request, channel, throttled, certificate, now } = basis;
  // A1: the channel knows which VM it belongs to; the request must agree.
  if (channel.vmId !== null && !sameVm(request.vmId, channel.vmId)) {
    return refuse(
      'vm-refused',
      `the guest calls itself VM ${request.vmId}, and this pipe belongs to another VM`,
    );
  }
  // A2
  if (throttled) {
    return {
      ...refuse('throttled', 'too many requests came over this pipe'),
      retryAfter: THROTTLED_RETRY_SECONDS,
    };
  }
  // A3. In its renewal grace a certificate still counts, and the answer says so.
  if (now < certificate.notBefore) {
    return refuse(
      'certificate-not-yet-valid',
      `its certificate begins on ${formatDay(certificate.notBefore)}`,
    );
  }
  if (now >= certificate.graceUntil) {
    return refuse(
      'certificate-expired',
      `its certificate ended on ${formatDay(certificate.notAfter)}, and its renewal grace on ${formatDay(certificate.graceUntil)}`,
    );
  }
  return admitProduct(basis);
}

function admitProduct({ request, certificate, catalog }: AdmissionBasis): Decision {
  // A5
  const product = catalog.productOfActivationId(request.activationId);
  if (product === undefined) {
    return refuse('product-unknown', `no catalog of this host lists the product ${request.activationId}`);
  }
  const { name, edition, version } = product;
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
  return isWindowsProduct(product) ? admitWindows(product, certificate) : { approved: true };
}

/** A7: Windows' own rules, for Windows only. */
function admitWindows({ edition, version }: LoadedProduct, { windows }: HostCertificate): Decision {
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
  return { approved: true };
}

/** Old SMBIOS tables leave the byte order open, so one VM may be known by two spellings of its UUID. */
function sameVm(a: string, b: string): boolean {
  return a === b || swapUuidByteOrder(a) === b;
}

function refuse(code: RefusalCode, message: string): Extract<Decision, { approved: false }> {
  return { approved: false, code, message };
}
