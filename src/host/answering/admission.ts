import type { Catalog } from '../../catalog/catalog.ts';
import type { Product } from '../../catalog/product.ts';
import {
  FIRST_VERSION,
  HOST_EDITIONS,
  isServedEdition,
  isTooNew,
  isTooOld,
  mayActivateGuests,
} from '../../policy/windows.ts';
import type { RefusalCode } from '../../protocol/answer.ts';
import type { HostCertificate } from '../../protocol/host-certificate.ts';
import type { Request } from '../../protocol/messages.ts';
import { swapUuidByteOrder } from '../../schema/uuid.ts';
import type { GuestChannel } from '../channel.ts';

export type Decision =
  | { readonly approved: true }
  | { readonly approved: false; readonly code: RefusalCode; readonly why: string };

/**
 * Whether this host activates that guest. The rules stand in the order of docs/protocol.md, section 8, and the first
 * that is broken decides. Pure.
 */
export function admit(
  request: Request,
  channel: GuestChannel,
  throttled: boolean,
  certificate: HostCertificate,
  catalog: Catalog,
  now: number,
): Decision {
  // A1: the channel knows which VM it belongs to; what the guest says of itself must agree.
  if (channel.vmId !== null && !sameVm(request.vmId, channel.vmId)) {
    return refuse('vm-refused', `the guest calls itself VM ${request.vmId}, and the channel is another's`);
  }
  // A2
  if (throttled) return refuse('throttled', 'too many requests over this channel');
  // A3
  if (now < certificate.notBefore) {
    return refuse('certificate-not-yet-valid', `its certificate begins on ${dateOf(certificate.notBefore)}`);
  }
  if (now > certificate.notAfter) {
    return refuse('certificate-expired', `its certificate ended on ${dateOf(certificate.notAfter)}`);
  }
  // A4
  if (!mayActivateGuests(certificate.edition)) {
    return refuse(
      'host-not-datacenter',
      `its certificate is for edition ${certificate.edition}, and only ${HOST_EDITIONS[0]} may activate guests`,
    );
  }
  // A5
  const product = catalog.productOfActivationId(request.activationId);
  if (product === undefined) return refuse('product-unknown', 'no catalogue of this host lists the product');
  if (product.edition !== request.edition || product.osVersion !== request.osVersion) {
    return refuse('product-mismatch', `the guest's catalogue says something else of "${product.name}"`);
  }
  if (!isServed(product)) {
    return refuse('product-not-served', `"${product.name}" is not activated by virtualization hosts`);
  }
  // A6
  if (isTooOld(product)) {
    return refuse('version-too-old', `product version ${product.osVersion} is older than ${FIRST_VERSION}`);
  }
  if (isTooNew(product, certificate.osVersion)) {
    return refuse(
      'version-too-new',
      `product version ${product.osVersion} is newer than this host's ${certificate.osVersion}`,
    );
  }
  return { approved: true };
}

function isServed(product: Product): boolean {
  return product.channel === 'VT:IA' && isServedEdition(product);
}

/** Old SMBIOS tables leave the byte order open, so one VM may be known by two spellings of its UUID. */
function sameVm(a: string, b: string): boolean {
  return a === b || swapUuidByteOrder(a) === b;
}

function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

function refuse(code: RefusalCode, why: string): Decision {
  return { approved: false, code, why };
}
