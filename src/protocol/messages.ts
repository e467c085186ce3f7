import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { hresult, instant, label, osVersion, sha256Hex, uuid } from '../schema/shapes.ts';
import { Envelope } from './envelope.ts';
import { EXCHANGE_ID_PATTERN, FRAME_TYPES, PROTOCOL_VERSION } from './frame.ts';

/** Seven days: the longest lease that a host may grant and a guest accepts, in milliseconds. */
export const MAX_LEASE = 7 * 24 * 60 * 60 * 1000;

const exchangeId = () => z.string().check(z.regex(EXCHANGE_ID_PATTERN));

/** What started an activation; the host's event log shows it. */
export const TRIGGERS = ['key installed', 'command', 'boot', 'renewal'] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** What the guest seals to the host. */
export const Request = z.strictObject({
  exchangeId: exchangeId(),
  vmId: uuid(),
  activationId: uuid(),
  edition: label(60),
  osVersion: osVersion(),
  license: z.strictObject({
    status: z.int().check(z.minimum(0), z.maximum(6)),
    reason: hresult(),
    remainingMinutes: z.int().check(z.minimum(0), z.maximum(10_000_000)),
  }),
  /** The guest's clock, right or wrong. */
  guestClock: instant(),
  /** For the host's event log only: nothing is decided by it. */
  log: z.strictObject({
    machineName: label(63),
    iaid: z.nullable(uuid()),
    client: label(40),
    trigger: z.enum(TRIGGERS),
  }),
});
export type Request = z.infer<typeof Request>;

/** What the host signs. A refusal is signed just so, with its HRESULT and without a lease. */
export const Answer = z.strictObject({
  exchangeId: exchangeId(),
  /** SHA-256 of the request packet, as it came. */
  requestDigest: sha256Hex(),
  vmId: uuid(),
  activationId: uuid(),
  decision: z.enum(['approved', 'refused']),
  /** 0 when approved. */
  hresult: hresult(),
  hostName: label(63),
  hardwareId: z.string().check(z.maxLength(40)),
  digitalPid2: label(40),
  /** The guest's clock as the request gave it: with issuedAt, the offset between the two clocks. */
  guestClock: instant(),
  /** The host's clock. */
  issuedAt: instant(),
  /** Equal to issuedAt in a refusal, as is renewAfter. */
  expiresAt: instant(),
  renewAfter: instant(),
});
export type Answer = z.infer<typeof Answer>;

/** What the host seals to the guest's fresh key. */
export const Response = z.strictObject({ certificate: Envelope, answer: Envelope });
export type Response = z.infer<typeof Response>;

export const FAULT_CODES = [
  'protocol-unsupported',
  'request-unopened',
  'request-malformed',
  'exchange-reused',
  'host-not-activated',
  'throttled',
  'io-error',
] as const;

/**
 * What the host says when it cannot answer under seal. It is not signed, so a guest believes nothing of it but
 * that this attempt has failed.
 */
export const Fault = z.strictObject({
  code: z.enum(FAULT_CODES),
  supported: z.strictObject({ versions: z.array(z.int()), types: z.array(z.string()) }),
});
export type Fault = z.infer<typeof Fault>;

export function fault(code: Fault['code']): Fault {
  return { code, supported: { versions: [PROTOCOL_VERSION], types: [...FRAME_TYPES] } };
}

export function encodeJson(message: object): Uint8Array {
  return Buffer.from(JSON.stringify(message), 'utf8');
}

/** SHA-256 of a request packet in hex: what the answer is bound to, and what a repeated request is known by. */
export function packetDigest(packet: Uint8Array): string {
  return createHash('sha256').update(packet).digest('hex');
}
