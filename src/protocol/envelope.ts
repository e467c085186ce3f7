import * as z from 'zod/mini';
import { base64url64, base64urlBlob, base64urlDocument, hex8, shortLabel } from '../schema/shapes.ts';
import { parseStrictJson } from '../schema/strict-json.ts';
import { sha256Hex } from '../system/sha256.ts';
import { type KeyPair, signEd25519, verifyEd25519 } from './curve-keys.ts';

const signature = z.strictObject({ keyid: hex8, sig: base64url64 });

/**
 * A DSSE envelope: the exact bytes that were signed, their type, and the signature over both. No payload is serialized
 * again for a check, and a payload of one type cannot pass for another. This one travels in frames.
 */
export const Envelope = z.strictObject({
  payloadType: shortLabel,
  payload: base64urlBlob,
  signatures: z.array(signature).check(z.length(1)),
});
export type Envelope = z.infer<typeof Envelope>;

/** As {@link Envelope}, for what is larger than a frame: licenses, revocation lists, catalogs, usage reports. */
export const DocumentEnvelope = z.strictObject({
  payloadType: shortLabel,
  payload: base64urlDocument,
  signatures: z.array(signature).check(z.length(1)),
});
export type DocumentEnvelope = z.infer<typeof DocumentEnvelope>;

/** As {@link Envelope}, with the signatures of several keys: trust updates only. */
export const CosignedEnvelope = z.strictObject({
  payloadType: shortLabel,
  payload: base64urlBlob,
  signatures: z.array(signature).check(z.minLength(1), z.maxLength(8)),
});
export type CosignedEnvelope = z.infer<typeof CosignedEnvelope>;

/** The types of what is signed: these, and nothing else. */
export const PAYLOAD_TYPES = {
  hostRequest: 'application/vnd.avma.host-request.v1+json',
  hostCertificate: 'application/vnd.avma.host-certificate.v1+json',
  answer: 'application/vnd.avma.answer.v1+json',
  license: 'application/vnd.avma.license.v1+json',
  revocations: 'application/vnd.avma.revocations.v1+json',
  trustUpdate: 'application/vnd.avma.trust-update.v1+json',
  catalog: 'application/vnd.avma.catalog.v1+json',
  usageReport: 'application/vnd.avma.usage-report.v1+json',
  usageReportNames: 'application/vnd.avma.usage-report-names.v1+json',
} as const;
export type PayloadType = (typeof PAYLOAD_TYPES)[keyof typeof PAYLOAD_TYPES];

/** DSSE's pre-authentication encoding: `DSSEv1 LEN(type) type LEN(body) body`, lengths in decimal bytes. */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  const headLength = Buffer.byteLength(head);
  const whole = Buffer.allocUnsafe(headLength + payload.length);
  whole.write(head);
  whole.set(payload, headLength);
  return whole;
}

/** A public key's name: the first 8 bytes of its SHA-256 in hex. It helps to find the key and proves nothing. */
export function keyId(publicKey: Uint8Array): string {
  return sha256Hex(publicKey).slice(0, 16);
}

const signerIds = new WeakMap<KeyPair, string>();

/** {@link keyId}, computed once for a signer. */
function signerId(signer: KeyPair): string {
  const id = signerIds.get(signer) ?? keyId(signer.publicKey);
  signerIds.set(signer, id);
  return id;
}

/** Serializes `statement` once and signs those bytes. */
export function signEnvelope(payloadType: PayloadType, statement: object, signer: KeyPair): Envelope {
  return cosignEnvelope(payloadType, statement, [signer]);
}

/** As {@link signEnvelope}, with a signature of each of `signers` over the same bytes. */
export function cosignEnvelope(
  payloadType: PayloadType,
  statement: object,
  signers: readonly KeyPair[],
): CosignedEnvelope {
  return signPayload(payloadType, Buffer.from(JSON.stringify(statement), 'utf8'), signers);
}

/** As {@link cosignEnvelope}, for a statement that is serialized already. */
export function signPayload(
  payloadType: PayloadType,
  payload: Buffer,
  signers: readonly KeyPair[],
  sign = signEd25519,
): CosignedEnvelope {
  const message = preAuthenticationEncoding(payloadType, payload);
  return {
    payloadType,
    payload: payload.toString('base64url'),
    signatures: signers.map((signer) => ({
      keyid: signerId(signer),
      sig: Buffer.from(sign(signer, message)).toString('base64url'),
    })),
  };
}

/** The payload if `publicKey` signed it as `payloadType`; undefined otherwise, and for what is no strict JSON. */
export function verifyEnvelope(envelope: Envelope, payloadType: PayloadType, publicKey: Uint8Array): unknown {
  const [first] = envelope.signatures;
  if (first === undefined || !holdsSignature(envelope, first.sig, payloadType, publicKey)) return undefined;
  return payloadJson(envelope);
}

/** Whether `sig` is the signature of `publicKey` over the envelope's payload as `payloadType`. */
export function holdsSignature(
  envelope: CosignedEnvelope,
  sig: string,
  payloadType: PayloadType,
  publicKey: Uint8Array,
): boolean {
  if (envelope.payloadType !== payloadType) return false;
  const message = preAuthenticationEncoding(payloadType, Buffer.from(envelope.payload, 'base64url'));
  return verifyEd25519(publicKey, message, Buffer.from(sig, 'base64url'));
}

/** What the payload says, whoever signed it; undefined for what is no strict JSON. */
export function payloadJson(envelope: CosignedEnvelope): unknown {
  return parseStrictJson(Buffer.from(envelope.payload, 'base64url'));
}

/** JSON from bytes that must be UTF-8; undefined for anything else. */
export function parseJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (thrown) {
    if (thrown instanceof TypeError) return undefined;
    throw thrown;
  }
  return parseJsonText(text);
}

/** JSON from text; undefined for what is none. */
export function parseJsonText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}
