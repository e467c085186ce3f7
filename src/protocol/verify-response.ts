import { AvmaError } from '../errors/avma-error.ts';
import { SignedLease } from './answer.ts';
import { parseJson } from './envelope.ts';
import type { TrustAnchor } from './host-certificate.ts';
import { packetDigest } from './messages.ts';
import { type BoxKey, open } from './sealed-packet.ts';
import { type Expected, type VerifiedAnswer, verifySignatures, verifyStatement } from './verify-answer.ts';

/**
 * Steps V2 to V13 of docs/protocol.md, section 7: from the sealed response to an answer that may be believed. V1,
 * the frame, is the reader's. The first step that fails decides.
 *
 * @throws {AvmaError} with the code that stands beside the step.
 */
export function verifyResponse(
  sealed: Uint8Array,
  key: BoxKey,
  requestPacket: Uint8Array,
  exchangeId: string,
  expected: Expected,
  anchors: readonly TrustAnchor[],
): VerifiedAnswer & { readonly signedLease: SignedLease } {
  // V2: only the host that the request was sealed to can have sealed the response.
  const plaintext = open(key, sealed);
  if (plaintext === null) {
    throw new AvmaError('response-unopened', "the response does not open with this exchange's key");
  }
  // V3: a certificate and an answer, each in its envelope.
  const response = SignedLease.safeParse(parseJson(plaintext));
  if (!response.success) {
    throw new AvmaError('response-malformed', 'the response is not a certificate and an answer');
  }
  const verified = verifySignatures(response.data, anchors);
  // V6: it answers this very request.
  if (
    verified.answer.requestDigest !== packetDigest(requestPacket) ||
    verified.answer.exchangeId !== exchangeId
  ) {
    throw new AvmaError('request-mismatch', 'the host signed an answer to another request');
  }
  verifyStatement(verified, expected);
  return { ...verified, signedLease: response.data };
}
