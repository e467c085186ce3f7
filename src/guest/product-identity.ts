import type { Product } from '../catalog/product.ts';
import { DAY_MS } from '../schema/durations.ts';
import { formatUuid } from '../schema/uuid.ts';
import { buildNumber } from '../schema/version.ts';
import { sha256 } from '../system/sha256.ts';

/**
 * The numbers that slmgr prints of an installed product, in Windows' formats. They are made when a key is installed for
 * the first time, and stored. What Windows encodes in them is not public; here they are hashes.
 */
export interface ProductIdentity {
  readonly extendedPid: string;
  readonly installationId: string;
  readonly iaid: string;
}

/** The extended PID holds a language; this is Windows' number for English (United States). */
const LCID = '1033';

/** @param installedAt - The guest's wall clock in milliseconds; its date is part of the extended PID. */
export function deriveProductIdentity(product: Product, vmId: string, installedAt: number): ProductIdentity {
  return {
    extendedPid: extendedPid(product, vmId, installedAt),
    installationId: digits(hash('installation ID', product.activationId, vmId), 63),
    iaid: guestIaid(product.activationId, vmId),
  };
}

/** The guest's inherited-activation ID: the same for one product on one VM, at every installation of its key. */
export function guestIaid(activationId: string, vmId: string): string {
  return formatUuid(hash('IAID', activationId, vmId));
}

/** `03612-04297-000-000001-03-1033-17763.0000-1862025`: group, product, sequence, channel, language, build, date. */
function extendedPid(product: Product, vmId: string, installedAt: number): string {
  const serial = digits(hash('serial', product.activationId, vmId), 9);
  const date = new Date(installedAt);
  const dayOfYear = Math.floor((installedAt - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS) + 1;
  return [
    '03612',
    digits(hash('product', product.activationId, ''), 5),
    serial.slice(0, 3),
    serial.slice(3),
    '03',
    LCID,
    `${buildNumber(product.version)}.0000`,
    `${String(dayOfYear).padStart(3, '0')}${date.getUTCFullYear()}`,
  ].join('-');
}

function hash(what: string, activationId: string, vmId: string): Buffer {
  return sha256(`avma ${what}\n${activationId}\n${vmId}\n`);
}

function digits(bytes: Buffer, count: number): string {
  return (BigInt(`0x${bytes.toString('hex')}`) % 10n ** BigInt(count)).toString().padStart(count, '0');
}
