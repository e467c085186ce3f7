import { createHash } from 'node:crypto';
import type { Product } from '../catalog/product.ts';
import { formatUuid } from '../schema/uuid.ts';
import { buildNumber } from '../schema/version.ts';

/**
 * The numbers that slmgr prints of an installed product, in the shapes in which Windows prints them. They are made
 * once, when a key is installed, and kept. What Windows encodes in them is not public; here they are hashes.
 */
export interface ProductIdentity {
  readonly extendedPid: string;
  readonly installationId: string;
  readonly iaid: string;
}

/** English (United States), which Windows writes into the extended PID; the shape asks for one. */
const LCID = '1033';

export function deriveProductIdentity(product: Product, vmId: string, installedAt: number): ProductIdentity {
  return {
    extendedPid: extendedPid(product, vmId, installedAt),
    installationId: digits(hash('installation ID', product.activationId, vmId), 63),
    iaid: guestIaid(product.activationId, vmId),
  };
}

/** The guest's inherited-activation ID: the same for one product on one VM, whenever its key is installed. */
export function guestIaid(activationId: string, vmId: string): string {
  return formatUuid(hash('IAID', activationId, vmId));
}

/** `03612-04297-000-000001-03-1033-17763.0000-1862025`: group, product, sequence, channel, language, build, date. */
function extendedPid(product: Product, vmId: string, installedAt: number): string {
  const serial = digits(hash('serial', product.activationId, vmId), 9);
  const date = new Date(installedAt);
  const dayOfYear = Math.floor((installedAt - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
  return [
    '03612',
    digits(hash('product', product.activationId, ''), 5),
    serial.slice(0, 3),
    serial.slice(3),
    '03',
    LCID,
    `${buildNumber(product.osVersion)}.0000`,
    `${String(dayOfYear).padStart(3, '0')}${date.getUTCFullYear()}`,
  ].join('-');
}

function hash(what: string, activationId: string, vmId: string): Buffer {
  return createHash('sha256').update(`avma ${what}\n${activationId}\n${vmId}\n`).digest();
}

function digits(bytes: Buffer, count: number): string {
  return (BigInt(`0x${bytes.toString('hex')}`) % 10n ** BigInt(count)).toString().padStart(count, '0');
}
