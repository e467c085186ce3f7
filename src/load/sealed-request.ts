import { randomBytes } from 'node:crypto';
import { AvmaError } from '../errors/avma-error.ts';
import { generateKeyPair } from '../protocol/curve-keys.ts';
import { encodeFrame } from '../protocol/frame.ts';
import { encodeJson, type Request } from '../protocol/messages.ts';
import { type BoxKey, boxKey, joinRequestPacket, seal } from '../protocol/sealed-packet.ts';
import type { AskedExchange } from '../protocol/verify-response.ts';
import { formatUuid } from '../schema/uuid.ts';
import { sha256 } from '../system/sha256.ts';

/** The product that the played guests ask for. */
interface LoadProduct {
  readonly activationId: string;
  readonly edition: string;
  readonly version: string;
}

/** A request as it goes down the socket, and what its answer is verified by. */
export interface SealedRequest {
  readonly frame: Uint8Array;
  readonly asked: AskedExchange;
  readonly key: BoxKey;
}

/** What the requests of one run share. */
export interface RequestSubject {
  readonly product: LoadProduct;
  /** Key IDs of the vendors that are trusted. */
  readonly anchors: readonly string[];
  /** Guests of the same seed have the same VM IDs in each run. */
  readonly seed: string;
}

/** The VM ID of a played guest. Pure. */
export function playedVmId(seed: string, guest: number): string {
  return formatUuid(sha256(`${seed}/${guest}`));
}

/**
 * A guest's request with a fresh exchange ID, sealed to the host with a fresh key.
 *
 * @param theirs - The host's X25519 key, base64url.
 * @param now - The guest's clock, milliseconds since 1970 UTC.
 * @throws {AvmaError} `certificate-untrusted` for a key of small order.
 */
export function sealRequest(
  { product, anchors, seed }: RequestSubject,
  guest: number,
  theirs: string,
  now: number,
): SealedRequest {
  const exchangeId = randomBytes(16).toString('hex');
  const request: Request = {
    exchangeId,
    vmId: playedVmId(seed, guest),
    ...product,
    nonce: null,
    anchors: [...anchors],
    license: { status: 1, reason: 0, remainingMinutes: 10_080 },
    guestClock: now,
    log: { machineName: `load-${guest}`, iaid: null, client: 'avma host load', trigger: 'renewal' },
  };
  const fresh = generateKeyPair('x25519');
  const key = boxKey(fresh, Buffer.from(theirs, 'base64url'));
  if (key === null) {
    throw new AvmaError('certificate-untrusted', "the host's certificate holds a key of small order");
  }
  const requestPacket = joinRequestPacket(fresh.publicKey, seal(key, encodeJson(request)));
  const frame = encodeFrame({ type: 'request', exchangeId, body: requestPacket });
  return { frame, asked: { requestPacket, request }, key };
}
