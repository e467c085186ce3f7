import { randomBytes } from 'node:crypto';
import type { Answer } from '../../src/protocol/answer.ts';
import { generateKeyPair, type KeyPair, signEd25519 } from '../../src/protocol/curve-keys.ts';
import { type CustomerLicense, signCustomerLicense } from '../../src/protocol/customer-license.ts';
import { documentDigest } from '../../src/protocol/documents.ts';
import {
  type DocumentEnvelope,
  type Envelope,
  keyId,
  PAYLOAD_TYPES,
  type PayloadType,
  preAuthenticationEncoding,
} from '../../src/protocol/envelope.ts';
import type { HostCertificate } from '../../src/protocol/host-certificate.ts';
import { encodeJson, packetDigest } from '../../src/protocol/messages.ts';
import { hostEntryDigest, licenseEntryDigest, signRevocations } from '../../src/protocol/revocations.ts';
import { boxKey, joinRequestPacket, seal } from '../../src/protocol/sealed-packet.ts';
import { vendorIdentity } from '../../src/protocol/vendor-identity.ts';
import { LICENSE_TERMS } from '../support/vendor-documents.ts';
import type { ExchangeVector, VectorVendor } from './exchange-vector.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** When the exchanges happened: 2026-06-01 12:00 UTC. */
const THEN = Date.UTC(2026, 5, 1, 12);
const VM = '11111111-2222-4333-8444-555555555555';
const PRODUCT = '0eeb0b7a-43be-5bd7-92c9-4372d99ad9bf';
const SERIAL = '00112233445566ff';
const LICENSE_ID = '00112233445566aa';

/** How a vector differs from an exchange in which all is well. */
export interface Difference {
  readonly name: string;
  readonly step: string;
  /** The clock that the request names, and the answer repeats. */
  readonly guestClock?: number;
  /** A program's own, in the request and in the answer. */
  readonly nonce?: string;
  /** Whose signed catalog lists the product; absent: nobody's. */
  readonly productVendor?: 'root' | 'stranger' | 'retired';
  readonly requiresLicense?: boolean;
  /** Whether the product is Windows itself; absent: it is. */
  readonly windows?: boolean;
  /** What the vendor has revoked. */
  readonly revoked?: 'host' | 'license' | 'another';
  readonly certificate?: Partial<Record<keyof HostCertificate | 'unknown', unknown>>;
  readonly certificateSigner?: 'root' | 'stranger' | 'retired' | 'host' | 'nobody';
  readonly certificateType?: PayloadType;
  readonly answer?: Partial<Record<keyof Answer | 'unknown', unknown>>;
  readonly answerSigner?: 'host' | 'stranger' | 'nobody';
  readonly answerType?: PayloadType;
  /** How the license that the answer names differs from one that fits; absent: it names none. */
  readonly license?: Partial<CustomerLicense>;
  readonly licenseSigner?: 'root' | 'stranger' | 'retired';
  /** What the guest has in the place of the license. */
  readonly fetched?: (license: DocumentEnvelope | null) => DocumentEnvelope | null;
  /** After signing. */
  readonly editCertificate?: (envelope: Envelope) => Envelope;
  readonly editAnswer?: (envelope: Envelope) => Envelope;
  readonly plaintext?: (response: SceneResponse) => Uint8Array;
  /** After sealing. */
  readonly packet?: (sealed: Uint8Array) => Uint8Array;
  readonly sealedTo?: 'guest' | 'stranger';
  readonly anchors?: readonly ('root' | 'stranger' | 'small-order')[];
}

/** What the host seals. */
interface SceneResponse {
  readonly certificate: Envelope;
  readonly answer: Envelope;
  readonly documents: readonly object[];
}

/** The identity element: whoever has it as a key has a signature for every message, all of it known. */
const IDENTITY_POINT = new Uint8Array(32).fill(1, 0, 1);
const IDENTITY_SIGNATURE = new Uint8Array(64).fill(1, 0, 1);

/** Keys of one exchange, which nobody keeps. */
type Keys = Record<'root' | 'stranger' | 'retired' | 'host', KeyPair>;

/** An exchange that differs in what is said, and in nothing else. */
export function makeVector(difference: Difference): ExchangeVector {
  const [root, stranger, retired, host] = [0, 1, 2, 3].map(() => generateKeyPair('ed25519')) as KeyPairs;
  const keys: Keys = { root, stranger, retired, host };
  const [hostBox, guestBox, strangerBox] = [0, 1, 2].map(() => generateKeyPair('x25519')) as KeyPairs;
  const key = boxKey(guestBox, hostBox.publicKey);
  const sealKey = boxKey(difference.sealedTo === 'stranger' ? strangerBox : guestBox, hostBox.publicKey);
  if (key === null || sealKey === null) throw new RangeError('a fresh key is of low order');

  const exchangeId = randomBytes(16).toString('hex');
  const requestPacket = joinRequestPacket(guestBox.publicKey, seal(key, encodeJson({ exchangeId })));
  const anchors = (difference.anchors ?? ['root']).map((anchor) =>
    anchor === 'small-order' ? IDENTITY_POINT : keys[anchor].publicKey,
  );
  const license = licenseFor(difference, keys);
  const signingKey = difference.answerSigner === 'nobody' ? IDENTITY_POINT : host.publicKey;
  const identity = { signingKey: text(signingKey), boxKey: text(hostBox.publicKey) };
  const certificate = certificateFor(difference, keys, anchors[0] ?? root.publicKey, identity);
  const guestClock = difference.guestClock ?? THEN - HOUR;
  const nonce = difference.nonce ?? null;
  const answer = answerFor(difference, keys, signingKey, {
    ...{ exchangeId, guestClock, nonce },
    requestDigest: packetDigest(requestPacket),
    license: license === null ? null : documentDigest(license),
  });
  const response: SceneResponse = { certificate, answer, documents: [] };
  const sealed = seal(sealKey, new Uint8Array(difference.plaintext?.(response) ?? encodeJson(response)));
  const { productVendor } = difference;
  return {
    name: difference.name,
    step: difference.step,
    vendors: anchors.map((publicKey) => vendorFor(difference, keys, publicKey)),
    vmId: VM,
    activationId: PRODUCT,
    productVendor: productVendor === undefined ? null : keyId(keys[productVendor].publicKey),
    requiresLicense: difference.requiresLicense ?? false,
    windows: difference.windows ?? true,
    ...{ exchangeId, guestClock, nonce },
    requestPacket: text(requestPacket),
    sharedKey: text(key.sharedKey),
    response: text(difference.packet?.(sealed) ?? sealed),
    license: (difference.fetched ?? same)(license),
  };
}

type KeyPairs = [KeyPair, KeyPair, KeyPair, KeyPair];

function certificateFor(
  difference: Difference,
  keys: Keys,
  vendorKey: Uint8Array,
  identity: { readonly signingKey: string; readonly boxKey: string },
): Envelope {
  const statement = {
    serial: SERIAL,
    vendorKey: text(vendorKey),
    hostName: 'hv01',
    hardwareId: '0123-4567-89AB-CDEF',
    ...identity,
    customer: null,
    site: null,
    windows: { edition: 'ServerDatacenter', osVersion: '10.0.26100', licensing: 'MAK' },
    notBefore: THEN - DAY,
    notAfter: THEN + 365 * DAY,
    graceUntil: THEN + 379 * DAY,
    ...difference.certificate,
  };
  const { certificateSigner = 'root', certificateType = PAYLOAD_TYPES.hostCertificate } = difference;
  const signer = certificateSigner === 'nobody' ? null : keys[certificateSigner];
  // The hint which key it was is a lie here where the signer is not the vendor.
  return (difference.editCertificate ?? same)(sign(certificateType, statement, signer, vendorKey));
}

function answerFor(
  difference: Difference,
  keys: Keys,
  signingKey: Uint8Array,
  exchange: Pick<Answer, 'exchangeId' | 'requestDigest' | 'guestClock' | 'nonce' | 'license'>,
): Envelope {
  const statement = {
    exchangeId: exchange.exchangeId,
    requestDigest: exchange.requestDigest,
    vmId: VM,
    activationId: PRODUCT,
    decision: 'approved',
    hresult: 0,
    refusal: null,
    hostName: 'hv01',
    hardwareId: '0123-4567-89AB-CDEF',
    digitalPid2: '00252-12345-67890-AA123',
    guestClock: exchange.guestClock,
    nonce: exchange.nonce,
    license: exchange.license,
    conditions: [],
    issuedAt: THEN,
    expiresAt: THEN + 7 * DAY,
    renewAfter: THEN + 3.5 * DAY,
    ...difference.answer,
  };
  const { answerSigner = 'host', answerType = PAYLOAD_TYPES.answer } = difference;
  const signer = answerSigner === 'nobody' ? null : keys[answerSigner];
  return (difference.editAnswer ?? same)(sign(answerType, statement, signer, signingKey));
}

/** The license that the answer names; null where it names none. */
function licenseFor({ license, licenseSigner = 'root' }: Difference, keys: Keys): DocumentEnvelope | null {
  if (license === undefined) return null;
  const signer = keys[licenseSigner];
  const statement: CustomerLicense = {
    licenseId: LICENSE_ID,
    vendor: vendorIdentity('Vendor', signer),
    customer: 'Bank Ltd',
    product: { activationId: PRODUCT, name: 'Product' },
    ...LICENSE_TERMS,
    notBefore: THEN - DAY,
    notAfter: THEN + 365 * DAY,
    graceUntil: THEN + 379 * DAY,
    issuedAt: THEN - DAY,
    ...license,
  };
  return signCustomerLicense(statement, signer);
}

function vendorFor({ revoked }: Difference, keys: Keys, publicKey: Uint8Array): VectorVendor {
  const isRoot = publicKey === keys.root.publicKey;
  const hosts = revoked === 'host' ? [SERIAL] : revoked === 'another' ? [LICENSE_ID] : [];
  const licenses = revoked === 'license' ? [LICENSE_ID] : revoked === 'another' ? [SERIAL] : [];
  const list = {
    vendor: vendorIdentity('Vendor', keys.root),
    sequence: 1,
    issuedAt: THEN,
    hosts: hosts.map((serial) => ({ digest: hostEntryDigest(serial), reason: 'stolen' as const })),
    licenses: licenses.map((id) => ({ digest: licenseEntryDigest(id), reason: 'unpaid' as const })),
  };
  return {
    roots: [{ keyId: keyId(publicKey), publicKey: text(publicKey) }],
    formerRoots: isRoot ? [keyId(keys.retired.publicKey)] : [],
    revocations: isRoot && revoked !== undefined ? signRevocations(list, keys.root) : null,
  };
}

function sign(type: PayloadType, statement: object, signer: KeyPair | null, hint: Uint8Array): Envelope {
  const payload = Buffer.from(JSON.stringify(statement), 'utf8');
  const signature =
    signer === null ? IDENTITY_SIGNATURE : signEd25519(signer, preAuthenticationEncoding(type, payload));
  return {
    payloadType: type,
    payload: payload.toString('base64url'),
    signatures: [{ keyid: keyId(hint), sig: text(signature) }],
  };
}

function same<T>(thing: T): T {
  return thing;
}

function text(raw: Uint8Array): string {
  return Buffer.from(raw).toString('base64url');
}
