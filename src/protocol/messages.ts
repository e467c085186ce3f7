import * as z from 'zod/mini';
import {
  anyInteger,
  anyText,
  exchangeId,
  hex8,
  hresult,
  instant,
  integer,
  nonceHex,
  oneOf,
  productVersion,
  retryAfter,
  shortLabel,
  uuid,
} from '../schema/shapes.ts';
import { sha256Hex } from '../system/sha256.ts';
import { Announcements } from './documents.ts';
import { Envelope } from './envelope.ts';
import { FRAME_TYPES, PROTOCOL_VERSION } from './frame.ts';

/** What started an activation, for the host's event log. */
const TRIGGERS = ['key installed', 'command', 'boot', 'renewal', 'attestation'] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** The most vendors' keys that a guest names. */
export const MAX_ANCHORS = 16;

/** Key IDs of the vendors that the guest trusts, those of the product's vendor first. */
const anchors = z.array(hex8).check(z.maxLength(MAX_ANCHORS));

/** The body of `hello`, where it has one. The host offers a certificate of one of these vendors, if it has one. */
export const Hello = z.strictObject({ anchors });
export type Hello = z.infer<typeof Hello>;

/** The body of `offer`: the host's certificate, and what the host has to hand on. */
export const Offer = z.strictObject({ certificate: Envelope, documents: Announcements() });
export type Offer = z.infer<typeof Offer>;

/** What the guest seals to the host. */
export const Request = z.strictObject({
  exchangeId,
  vmId: uuid,
  activationId: uuid,
  edition: shortLabel,
  version: productVersion,
  /** A program's own, to be repeated in the answer; null: none. */
  nonce: z.nullable(nonceHex),
  anchors,
  license: z.strictObject({
    status: integer(0, 6),
    reason: hresult,
    remainingMinutes: integer(0, 10_000_000),
  }),
  /** The guest's clock, right or wrong. */
  guestClock: instant,
  /** For the host's event log only: the host decides nothing by it. */
  log: z.strictObject({
    machineName: shortLabel,
    iaid: z.nullable(uuid),
    client: shortLabel,
    trigger: oneOf(TRIGGERS),
  }),
});
export type Request = z.infer<typeof Request>;

const FAULT_CODES = [
  'protocol-unsupported',
  'request-unopened',
  'request-malformed',
  'host-not-activated',
  'throttled',
  'io-error',
  'document-unknown',
] as const;

/**
 * The host's message when it cannot seal an answer. It is not signed: a guest takes from it only that this attempt has
 * failed.
 */
export const Fault = z.strictObject({
  code: oneOf(FAULT_CODES),
  /** In how many seconds it is worth to ask again; null: the host does not say. */
  retryAfter: z.nullable(retryAfter),
  supported: z.strictObject({ versions: z.array(anyInteger), types: z.array(anyText) }),
});
export type Fault = z.infer<typeof Fault>;

/** A fault with that code, and with what this version supports. */
export function fault(code: Fault['code'], retryAfter: number | null = null): Fault {
  return { code, retryAfter, supported: { versions: [PROTOCOL_VERSION], types: [...FRAME_TYPES] } };
}

/** A message as the bytes of its JSON, in UTF-8. */
export function encodeJson(message: object): Uint8Array {
  return Buffer.from(JSON.stringify(message), 'utf8');
}

/** SHA-256 of a request packet in hex. The answer repeats it, and the host recognizes a repeated request by it. */
export function packetDigest(packet: Uint8Array): string {
  return sha256Hex(packet);
}
