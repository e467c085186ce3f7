import type { KeyPair } from '../../protocol/curve-keys.ts';
import { parseJson } from '../../protocol/envelope.ts';
import { Request } from '../../protocol/messages.ts';
import { type BoxKey, boxKey, splitRequestPacket, unseal } from '../../protocol/sealed-packet.ts';

/** A request that the host could open. */
export interface OpenedRequest {
  readonly request: Request;
  /** The key that the response is sealed with. */
  readonly key: BoxKey;
}

/**
 * Opens a request packet. Pure.
 *
 * @param exchangeId - The frame's: a request that names another exchange is malformed.
 * @param box - The host's box key.
 * @returns The request, or the code of the fault to send.
 */
export function openRequest(
  packet: Uint8Array,
  exchangeId: string,
  box: KeyPair,
): OpenedRequest | 'request-unopened' | 'request-malformed' {
  const parts = splitRequestPacket(packet);
  const key = parts && boxKey(box, parts.publicKey);
  const plaintext = key && unseal(key, parts.sealed);
  if (!plaintext) return 'request-unopened';
  const request = Request.safeParse(parseJson(plaintext)).data;
  return request?.exchangeId === exchangeId ? { request, key } : 'request-malformed';
}
