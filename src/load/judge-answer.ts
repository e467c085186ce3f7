import { AvmaError } from '../errors/avma-error.ts';
import { parseJson } from '../protocol/envelope.ts';
import { type Frame, parseLine } from '../protocol/frame.ts';
import { Fault, Offer } from '../protocol/messages.ts';
import type { VendorTrust } from '../protocol/vendor-trust.ts';
import { verifyResponse } from '../protocol/verify-response.ts';
import type { SealedRequest } from './sealed-request.ts';

/** What an answer must hold against. */
export interface Judgement {
  readonly trust: VendorTrust;
  readonly productVendor: string | null;
  /** Whether the product is Windows itself, whose own rules apply then. */
  readonly windows: boolean;
}

/**
 * Opens an answering line and verifies it as a guest does, by the steps V1 to V16 of docs/protocol.md, section 7.
 *
 * @returns `success`, or the code of the fault, of the signed refusal or of the first step that fails.
 */
export function judgeAnswer(
  { asked, key }: SealedRequest,
  line: Uint8Array,
  { trust, ...product }: Judgement,
): string {
  try {
    const { body } = answeringFrame(line, asked.request.exchangeId, 'response');
    verifyResponse({ ...asked, key, sealed: new Uint8Array(body), product, trust });
    return 'success';
  } catch (thrown) {
    if (thrown instanceof AvmaError) return thrown.code;
    throw thrown;
  }
}

/** What the host said to `hello`. @throws {AvmaError} its fault's code; `response-malformed`. */
export function offerIn(line: Uint8Array, exchangeId: string): Offer {
  const offer = Offer.safeParse(parseJson(answeringFrame(line, exchangeId, 'offer').body));
  if (offer.success) return offer.data;
  throw new AvmaError('response-malformed', 'the host did not answer hello with its certificate');
}

function answeringFrame(line: Uint8Array, exchangeId: string, type: Frame['type']): Frame {
  const parsed = parseLine(Buffer.from(line).toString('latin1'));
  if (parsed.kind !== 'frame' || parsed.frame.exchangeId !== exchangeId) {
    throw new AvmaError('response-malformed', 'what came back is not an answer to this exchange');
  }
  if (parsed.frame.type === type) return parsed.frame;
  const fault = Fault.safeParse(parseJson(parsed.frame.body));
  if (parsed.frame.type !== 'fault' || !fault.success) {
    throw new AvmaError('response-malformed', `the host answered with "${parsed.frame.type}"`);
  }
  throw new AvmaError(fault.data.code, `the host reports the fault ${fault.data.code}`);
}
