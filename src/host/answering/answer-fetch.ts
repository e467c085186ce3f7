import { Fetch, partOf } from '../../protocol/documents.ts';
import type { Frame } from '../../protocol/frame.ts';
import type { Fault } from '../../protocol/messages.ts';
import { seal } from '../../protocol/sealed-packet.ts';
import { type Asked, FAULT_REASONS, faultFrame } from './asked.ts';
import { openBox } from './host-crypto.ts';
import { openingBoxes, readContent } from './open-packet.ts';

/**
 * Answers a fetch by a part of a document that the host hands on. A fetch counts for the throttle as a request does,
 * and what the host holds is in memory, so that a guest that fetches all day costs no more than one that asks all day.
 */
export function answerFetch(asked: Asked): Frame {
  const { environment, frame, channel } = asked;
  const { exchangeId } = frame;
  const holdings = environment.holdings();
  if (holdings.certificates.length === 0) return fetchFault(asked, 'host-not-activated');
  const boxes = openingBoxes(holdings, environment.now());
  const opened = openBox({ packet: new Uint8Array(frame.body), boxes });
  if (opened === null) return fetchFault(asked, 'request-unopened');
  const content = readContent(opened.plaintext, exchangeId, Fetch);
  if (content === undefined) return fetchFault(asked, 'request-malformed');
  const { digest, offset } = content;
  const document = holdings.documents.get(digest);
  if (document === undefined) return fetchFault(asked, 'document-unknown');
  const part = partOf(document.bytes, offset);
  if (part === null) return fetchFault(asked, 'request-malformed');
  environment.observe({ kind: 'part-sent', channel });
  return { type: 'part', exchangeId, body: seal(opened.key, part) };
}

function fetchFault({ environment, frame, channel }: Asked, code: Fault['code']): Frame {
  const what = 'a fetch of a document';
  environment.observe({ kind: 'frame-faulted', what, channel, code, message: FAULT_REASONS[code] });
  return faultFrame(frame.exchangeId, code);
}
