import * as z from 'zod/mini';
import { base64url64, base64urlBlob, hex8, shortLabel } from '../schema/shapes.ts';
import { sha256Hex } from '../system/sha256.ts';
import { type KeyPair, signEd25519, verifyEd25519 } from './curve-keys.ts';

/**
 * A DSSE envelope: the exact bytes that were signed, their type, and the signature over both. No payload is serialized
 * again for a check, and a payload of one type cannot pass for another.
 */
export const Envelope = z.strictObject({
  payloadType: shortLabel,
  payload: base64urlBlob,
  signatures: z
    .array(
      z.strictObject({
        keyid: hex8,
        sig: base64url64,
      }),
    )
    .check(z.length(1)),
});
export type Envelope = z.infer<typeof Envelope>;

/** The types of what is signed: these three, and nothing else. */
export const PAYLOAD_TYPES = {
  hostRequest: 'application/vnd.avma.host-request.v1+json',
  hostCertificate: 'application/vnd.avma.host-certificate.v1+json',
  answer: 'application/vnd.avma.answer.v1+json',
} as const;
export type PayloadType = (typeof PAYLOAD_TYPES)[keyof typeof PAYLOAD_TYPES];

/** DSSE's pre-authentication encoding: `DSSEv1 LEN(type) type LEN(body) body`, lengths in decimal bytes. */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `),
    type,
    Buffer.from(` ${payload.length} `),
    payload,
  ]);
}

/** A public key's name: the first 8 bytes of its SHA-256 in hex. It helps to find the key and proves nothing. */
export function keyId(publicKey: Uint8Array): string {
  return sha256Hex(publicKey).slice(0, 16);
}

/** Serializes `statement` once and signs those bytes. */
export function signEnvelope(payloadType: PayloadType, statement: object, signer: KeyPair): Envelope {
  const payload = Buffer.from(JSON.stringify(statement), 'utf8');
  const signature = signEd25519(signer, preAuthenticationEncoding(payloadType, payload));
  return {
    payloadType,
    payload: payload.toString('base64url'),
    signatures: [{ keyid: keyId(signer.publicKey), sig: Buffer.from(signature).toString('base64url') }],
  };
}

/** The payload's JSON if `publicKey` signed it as `payloadType`; undefined otherwise, and for what is no JSON. */
export function verifyEnvelope(envelope: Envelope, payloadType: PayloadType, publicKey: Uint8Array): unknown {
  if (envelope.payloadType !== payloadType) return undefined;
  const payload = Buffer.from(envelope.payload, 'base64url');
  const signature = Buffer.from(envelope.signatures[0]?.sig ?? '', 'base64url');
  if (!verifyEd25519(publicKey, preAuthenticationEncoding(payloadType, payload), signature)) return undefined;
  return parseJson(payload);
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
