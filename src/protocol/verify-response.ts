import { AvmaError } from '../errors/avma-error.ts';
import { Response } from './answer.ts';
import { parseJson } from './envelope.ts';
import { packetDigest, type Request } from './messages.ts';
import { type BoxKey, unseal } from './sealed-packet.ts';
import type { VendorTrust } from './vendor-trust.ts';
import { type Expected, type VerifiedAnswer, verifySignatures, verifyStatement } from './verify-answer.ts';

/** The exchange that a response must belong to. */
export interface AskedExchange {
  /** The packet that was sent, byte for byte. */
  readonly requestPacket: Uint8Array;
  /** What was sealed in that packet. */
  readonly request: Pick<Request, 'exchangeId' | 'vmId' | 'activationId' | 'guestClock' | 'nonce'>;
}

/** A response and the exchange that it must belong to. */
export interface ResponseToVerify extends AskedExchange {
  /** The body of the response frame. */
  readonly sealed: Uint8Array;
  /** The key of this exchange's box. */
  readonly key: BoxKey;
  /** What the guest knows of the product that it asked for. */
  readonly product: Pick<Expected, 'productVendor' | 'windows'>;
  readonly trust: VendorTrust;
}

/**
 * Steps V2 to V16 of docs/protocol.md, section 7: from the sealed response to an answer that the guest believes. Step
 * V1, the frame, is done by the caller, and V17, the license, by `verifyEvidence` when the license is there.
 *
 * @throws {AvmaError} the code of the first step that fails.
 */
export function verifyResponse(response: ResponseToVerify): VerifiedAnswer & { readonly response: Response } {
  const opened = openResponse(response.sealed, response.key);
  const verified = verifyAnswerTo(response, opened, response.trust);
  const { vmId, activationId } = response.request;
  verifyStatement(verified, { ...response.product, vmId, activationId }, response.trust);
  return { ...verified, response: opened };
}

/** Steps V2 and V3: what is in the box. @throws {AvmaError} `response-unopened`, `response-malformed`. */
export function openResponse(sealed: Uint8Array, key: BoxKey): Response {
  // V2: only the host that the request was sealed to can have sealed the response.
  const plaintext = unseal(key, sealed);
  if (plaintext === null) {
    throw new AvmaError('response-unopened', "the response does not open with this exchange's key");
  }
  // V3
  const response = Response().safeParse(parseJson(plaintext));
  if (!response.success) {
    throw new AvmaError('response-malformed', 'the response is not a certificate and an answer');
  }
  return response.data;
}

/**
 * Steps V4 to V8: an answer, approving or refusing, that a trusted host signed for this very request.
 *
 * @throws {AvmaError} the code of the first step that fails.
 */
export function verifyAnswerTo(
  { requestPacket, request }: AskedExchange,
  response: Response,
  trust: VendorTrust,
): VerifiedAnswer {
  const verified = verifySignatures(response, trust);
  const { answer } = verified;
  // V7
  if (answer.requestDigest !== packetDigest(requestPacket) || answer.exchangeId !== request.exchangeId) {
    throw new AvmaError('request-mismatch', 'the host signed an answer to another request');
  }
  // V8: the guest counts its lease by the offset between this clock and issuedAt, so the host must not choose it.
  if (answer.guestClock !== request.guestClock) {
    throw new AvmaError('request-mismatch', "the host signed another clock than the request's");
  }
  if (answer.nonce !== request.nonce) {
    throw new AvmaError('request-mismatch', "the host signed another nonce than the request's");
  }
  return verified;
}
