import * as z from 'zod/mini';
import {
  anyInteger,
  anyText,
  exchangeId,
  hresult,
  instant,
  integer,
  oneOf,
  osVersion,
  shortLabel,
  uuid,
} from '../schema/shapes.ts';
import { sha256Hex } from '../system/sha256.ts';
import { FRAME_TYPES, PROTOCOL_VERSION } from './frame.ts';

/** What started an activation, for the host's event log. */
const TRIGGERS = ['key installed', 'command', 'boot', 'renewal'] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** What the guest seals to the host. */
export const Request = z.strictObject({
  exchangeId,
  vmId: uuid,
  activationId: uuid,
  edition: shortLabel,
  osVersion,
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
] as const;

/**
 * The host's message when it cannot seal an answer. It is not signed: a guest takes from it only that this attempt has
 * failed.
 */
export const Fault = z.strictObject({
  code: oneOf(FAULT_CODES),
  supported: z.strictObject({ versions: z.array(anyInteger), types: z.array(anyText) }),
});
export type Fault = z.infer<typeof Fault>;

/** A fault with that code, and with what this version supports. */
export function fault(code: Fault['code']): Fault {
  return { code, supported: { versions: [PROTOCOL_VERSION], types: [...FRAME_TYPES] } };
}

/** A message as the bytes of its JSON, in UTF-8. */
export function encodeJson(message: object): Uint8Array {
  return Buffer.from(JSON.stringify(message), 'utf8');
}

/** SHA-256 of a request packet in hex. The answer repeats it, and the host recognizes a repeated request by it. */
export function packetDigest(packet: Uint8Array): string {
  return sha256Hex(packet);
}
