/**
 * Writes the vector files beside it anew, with fresh keys that nobody keeps: npm run vectors.
 *
 * A vector begins as an exchange in which all is well; each line says what is different in it.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { Answer } from '../../src/protocol/answer.ts';
import { generateKeyPair, type KeyPair, signEd25519 } from '../../src/protocol/curve-keys.ts';
import {
  type Envelope,
  keyId,
  PAYLOAD_TYPES,
  type PayloadType,
  preAuthenticationEncoding,
} from '../../src/protocol/envelope.ts';
import type { HostCertificate } from '../../src/protocol/host-certificate.ts';
import { encodeJson, packetDigest } from '../../src/protocol/messages.ts';
import { boxKey, joinRequestPacket, seal } from '../../src/protocol/sealed-packet.ts';
import type { ExchangeVector, VectorFile } from './exchange-vector.ts';
import { VECTORS } from './vector-list.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** When the exchanges happened: 2026-06-01 12:00 UTC. */
const THEN = Date.UTC(2026, 5, 1, 12);
const VM = '11111111-2222-4333-8444-555555555555';
const PRODUCT = '0eeb0b7a-43be-5bd7-92c9-4372d99ad9bf';

/** How a vector differs from an exchange in which all is well. */
export interface Difference {
  readonly name: string;
  readonly step: string;
  /** The clock that the request names, and the answer repeats. */
  readonly guestClock?: number;
  readonly certificate?: Partial<Record<keyof HostCertificate | 'unknown', unknown>>;
  readonly certificateSigner?: 'root' | 'stranger' | 'host' | 'nobody';
  readonly certificateType?: PayloadType;
  readonly answer?: Partial<Record<keyof Answer | 'unknown', unknown>>;
  readonly answerSigner?: 'host' | 'stranger' | 'nobody';
  readonly answerType?: PayloadType;
  /** After signing. */
  readonly editCertificate?: (envelope: Envelope) => Envelope;
  readonly editAnswer?: (envelope: Envelope) => Envelope;
  readonly plaintext?: (response: { certificate: Envelope; answer: Envelope }) => Uint8Array;
  /** After sealing. */
  readonly packet?: (sealed: Uint8Array) => Uint8Array;
  readonly sealedTo?: 'guest' | 'stranger';
  readonly anchors?: readonly ('root' | 'stranger' | 'small-order')[];
}

/** The identity element: whoever has it as a key has a signature for every message, all of it known. */
const IDENTITY_POINT = new Uint8Array(32).fill(1, 0, 1);
const IDENTITY_SIGNATURE = new Uint8Array(64).fill(1, 0, 1);

function makeVector(difference: Difference): ExchangeVector {
  const keys = {
    root: generateKeyPair('ed25519'),
    stranger: generateKeyPair('ed25519'),
    host: generateKeyPair('ed25519'),
  };
  const [hostBox, guestBox, strangerBox] = [0, 1, 2].map(() => generateKeyPair('x25519')) as [
    KeyPair,
    KeyPair,
    KeyPair,
  ];
  const key = boxKey(guestBox, hostBox.publicKey);
  const sealKey = boxKey(difference.sealedTo === 'stranger' ? strangerBox : guestBox, hostBox.publicKey);
  if (key === null || sealKey === null) throw new RangeError('a fresh key is of low order');

  const exchangeId = randomBytes(16).toString('hex');
  const guestClock = difference.guestClock ?? THEN - HOUR;
  const requestPacket = joinRequestPacket(guestBox.publicKey, seal(key, encodeJson({ exchangeId })));
  const anchorKeys = { root: keys.root.publicKey, stranger: keys.stranger.publicKey };
  const anchors = (difference.anchors ?? ['root']).map((anchor) =>
    anchor === 'small-order' ? IDENTITY_POINT : anchorKeys[anchor],
  );

  const signingKey = difference.answerSigner === 'nobody' ? IDENTITY_POINT : keys.host.publicKey;
  const certificate = {
    hostName: 'hv01',
    hardwareId: '0123-4567-89AB-CDEF',
    signingKey: Buffer.from(signingKey).toString('base64url'),
    boxKey: Buffer.from(hostBox.publicKey).toString('base64url'),
    serial: '00112233445566ff',
    vendorKey: text(anchors[0] ?? keys.root.publicKey),
    customer: null,
    site: null,
    windows: { edition: 'ServerDatacenter', osVersion: '10.0.26100', licensing: 'MAK' },
    notBefore: THEN - DAY,
    notAfter: THEN + 365 * DAY,
    graceUntil: THEN + 379 * DAY,
    ...difference.certificate,
  };
  const answer = {
    exchangeId,
    requestDigest: packetDigest(requestPacket),
    vmId: VM,
    activationId: PRODUCT,
    decision: 'approved',
    hresult: 0,
    refusal: null,
    hostName: 'hv01',
    hardwareId: '0123-4567-89AB-CDEF',
    digitalPid2: '00252-12345-67890-AA123',
    guestClock,
    nonce: null,
    license: null,
    conditions: [],
    issuedAt: THEN,
    expiresAt: THEN + 7 * DAY,
    renewAfter: THEN + 3.5 * DAY,
    ...difference.answer,
  };
  const certificateSigner = difference.certificateSigner ?? 'root';
  const response = {
    certificate: (difference.editCertificate ?? same)(
      sign(
        difference.certificateType ?? PAYLOAD_TYPES.hostCertificate,
        certificate,
        certificateSigner === 'nobody' ? null : keys[certificateSigner],
        // The hint which key it was is a lie here where the signer is not the vendor.
        anchors[0] ?? keys.root.publicKey,
      ),
    ),
    answer: (difference.editAnswer ?? same)(
      sign(
        difference.answerType ?? PAYLOAD_TYPES.answer,
        answer,
        difference.answerSigner === 'nobody' ? null : keys[difference.answerSigner ?? 'host'],
        signingKey,
      ),
    ),
    documents: [],
  };
  const plaintext = difference.plaintext?.(response) ?? encodeJson(response);
  const sealed = seal(sealKey, new Uint8Array(plaintext));
  return {
    name: difference.name,
    step: difference.step,
    anchors: anchors.map((publicKey) => ({ keyId: keyId(publicKey), publicKey: text(publicKey) })),
    vmId: VM,
    activationId: PRODUCT,
    exchangeId,
    guestClock,
    requestPacket: text(requestPacket),
    sharedKey: text(key.sharedKey),
    response: text(difference.packet?.(sealed) ?? sealed),
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

const folder = path.join(process.cwd(), 'test', 'vectors');
for (const [expect, differences] of Object.entries(VECTORS)) {
  const file: VectorFile = { schema: 'avma.vectors/1', expect, vectors: differences.map(makeVector) };
  fs.writeFileSync(path.join(folder, `${expect}.json`), `${JSON.stringify(file, null, 2)}\n`);
}
