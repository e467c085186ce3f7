import { AvmaError } from '../errors/avma-error.ts';
import { SignedLease } from './answer.ts';
import { parseJson } from './envelope.ts';
import type { TrustAnchor } from './host-certificate.ts';
import { packetDigest, type Request } from './messages.ts';
import { type BoxKey, unseal } from './sealed-packet.ts';
import { type VerifiedAnswer, verifySignatures, verifyStatement } from './verify-answer.ts';

/** A response and the exchange that it must belong to. */
export interface ResponseToVerify {
  /** The body of the response frame. */
  readonly sealed: Uint8Array;
  /** The key of this exchange's box. */
  readonly key: BoxKey;
  /** The packet that was sent, byte for byte. */
  readonly requestPacket: Uint8Array;
  /** What was sealed in that packet. */
  readonly request: Pick<Request, 'exchangeId' | 'vmId' | 'activationId' | 'guestClock'>;
  readonly anchors: readonly TrustAnchor[];
}

/**
 * Steps V2 to V14 of docs/protocol.md, section 7: from the sealed response to an answer that the guest believes. Step
 * V1, the frame, is done by the caller.
 *
 * @throws {AvmaError} the code of the first step that fails.
 */
export function verifyResponse(
  response: ResponseToVerify,
): VerifiedAnswer & { readonly signedLease: SignedLease } {
  const { request } = response;
  // V2: only the host that the request was sealed to can have sealed the response.
  const plaintext = unseal(response.key, response.sealed);
  if (plaintext === null) {
    throw new AvmaError('response-unopened', "the response does not open with this exchange's key");
  }
  // V3
  const signedLease = SignedLease.safeParse(parseJson(plaintext));
  if (!signedLease.success) {
    throw new AvmaError('response-malformed', 'the response is not a certificate and an answer');
  }
  const verified = verifySignatures(signedLease.data, response.anchors);
  const { answer } = verified;
  // V6
  if (
    answer.requestDigest !== packetDigest(response.requestPacket) ||
    answer.exchangeId !== request.exchangeId
  ) {
    throw new AvmaError('request-mismatch', 'the host signed an answer to another request');
  }
  // V7: the guest counts its lease by the offset between this clock and issuedAt, so the host must not choose it.
  if (answer.guestClock !== request.guestClock) {
    throw new AvmaError('request-mismatch', "the host signed another clock than the request's");
  }
  verifyStatement(verified, request);
  return { ...verified, signedLease: signedLease.data };
}
