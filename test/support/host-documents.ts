import { openGiven } from '../../src/host/holdings/decode-given.ts';
import { type HeldLicense, holdingsOf } from '../../src/host/holdings/holdings.ts';
import { type GivenKind, type HostSnapshot, takeIn } from '../../src/host/holdings/intake.ts';
import type { HostIdentity, HostKeys } from '../../src/host/host-store.ts';
import type { Seats } from '../../src/host/seats.ts';
import { generateKeyPair } from '../../src/protocol/curve-keys.ts';
import type { CustomerLicense } from '../../src/protocol/customer-license.ts';
import type { Envelope } from '../../src/protocol/envelope.ts';
import { type HostCertificate, signHostCertificate } from '../../src/protocol/host-certificate.ts';
import { DAY, NOW } from './clock.ts';
import { BEGIN, licenseOf, signedLicense, type TestRoot } from './vendor-documents.ts';

/** A host with keys of its own. */
export const TEST_HOST: HostIdentity = {
  name: 'hv01',
  hardwareId: '0123-4567-89AB-CDEF',
  signing: generateKeyPair('ed25519'),
  box: generateKeyPair('x25519'),
};

/** A public key as signed things have it. */
function keyText(pair: { readonly publicKey: Uint8Array }): string {
  return Buffer.from(pair.publicKey).toString('base64url');
}

/** A certificate of a host for a year, with two weeks of renewal grace. Of Windows only if `change` says so. */
export function certificateOf(
  root: TestRoot,
  host: HostIdentity,
  change: Partial<HostCertificate> = {},
  keys: HostKeys = host,
): Envelope {
  const certificate: HostCertificate = {
    serial: '00112233445566ff',
    vendorKey: root.publicKey,
    hostName: host.name,
    hardwareId: host.hardwareId,
    signingKey: keyText(keys.signing),
    boxKey: keyText(keys.box),
    customer: null,
    site: null,
    windows: null,
    notBefore: BEGIN,
    notAfter: BEGIN + 365 * DAY,
    graceUntil: BEGIN + 379 * DAY,
    ...change,
  };
  return signHostCertificate(certificate, root.key);
}

const NOTHING = { certificates: [], licenses: [], revocations: [], trustUpdates: [] };

/** {@link TEST_HOST} after it was given these documents, in this order, however long they have ended. */
export function hostHolding(...documents: readonly GivenDocument[]): HostSnapshot {
  return holdingOf(TEST_HOST, documents);
}

/** A document for a host: what it is, and its envelope. */
export type GivenDocument = readonly [kind: GivenKind, envelope: object];

/** As {@link hostHolding}, for any host. */
export function holdingOf(host: HostIdentity, documents: readonly GivenDocument[]): HostSnapshot {
  const { holdings } = holdingsOf(host, [host], NOTHING);
  const empty: HostSnapshot = { folder: '/host', stored: NOTHING, holdings };
  return documents.reduce((snapshot, [kind, envelope]) => give(snapshot, kind, envelope, 0).after, empty);
}

/** Gives a host a document. @param at - The host's clock. */
export function give(snapshot: HostSnapshot, kind: GivenKind, envelope: object, at = NOW) {
  return takeIn(snapshot, openGiven(kind, Buffer.from(JSON.stringify(envelope)), 'f'), at);
}

/** A license as a host holds it. What is changed in it need not fit its signature. */
export function heldLicense(root: TestRoot, change: Partial<CustomerLicense> = {}): HeldLicense {
  const given = openGiven('license', Buffer.from(JSON.stringify(signedLicense(root))), 'f');
  if (given.kind !== 'license') throw new TypeError('no license');
  return { ...given.content, license: licenseOf(root, change) };
}

/** Seats that a test gives. */
export class MemorySeats implements Seats {
  readonly #given = new Map<string, Set<string>>();

  give(licenseId: string, vmId: string): void {
    this.#given.set(licenseId, (this.#given.get(licenseId) ?? new Set()).add(vmId));
  }

  guestsOf(licenseId: string): number {
    return this.#given.get(licenseId)?.size ?? 0;
  }

  holds(licenseId: string, vmId: string): boolean {
    return this.#given.get(licenseId)?.has(vmId) === true;
  }

  keeps(licenseId: string, vmId: string): boolean {
    return this.holds(licenseId, vmId);
  }

  note({ license, decision, vmId }: Parameters<Seats['note']>[0]): void {
    if (license !== undefined && decision === 'approved') this.give(license, vmId);
  }
}
