import { toAvmaError } from '../../errors/avma-error.ts';
import type { AvmaErrorCode } from '../../errors/codes.ts';
import { parseJson } from '../../protocol/envelope.ts';
import type { Frame, ParsedLine } from '../../protocol/frame.ts';
import { encodeJson, Hello, type Offer } from '../../protocol/messages.ts';
import type { GuestChannel } from '../channel.ts';
import { announcementsFor } from './announcements.ts';
import { answerFetch } from './answer-fetch.ts';
import { answerRequest } from './answer-request.ts';
import { type Asked, elapsedSince, FAULT_REASONS, faultFrame, type ResponderEnvironment } from './asked.ts';
import { ANY_CERTIFICATE, chooseCertificate } from './choose-certificate.ts';
import { dropFrame } from './drop-frame.ts';
import { RecentExchanges } from './recent-exchanges.ts';
import { ReservedSeats } from './reserved-seats.ts';
import { Turns } from './turns.ts';

/**
 * The host's side of an exchange: takes a line that came in on a channel, resolves with the frame to send back, or with
 * null for a line that gets no answer. Transports read lines and encode frames.
 *
 * Never rejects: a failure inside becomes a fault for the guest and a moment for the observer.
 *
 * @param arrivedAt - When the line was complete, on the clock of `performance.now()`; by default now.
 */
export type Responder = (
  line: ParsedLine,
  channel: GuestChannel,
  arrivedAt?: number,
) => Promise<Frame | null>;

/**
 * Answers what guests send: hello by an offer, a request by a response, a fetch by a part of a document.
 *
 * @param turns - Whose frame is next; by default all is done in this thread.
 */
export function createResponder(environment: ResponderEnvironment, turns = new Turns()): Responder {
  const recent = new RecentExchanges(environment.ledger);
  const reserved = new ReservedSeats(environment.seats);
  const { observe } = environment;

  return async (line, channel, arrivedAt = environment.elapsed()) => {
    if (line.kind === 'noise') return null;
    if (line.kind === 'unsupported' || !GUEST_FRAMES.has(line.frame.type)) {
      await turns.take(channel.name);
      if (line.kind === 'frame') return null;
      observe({ kind: 'line-unsupported', channel, what: line.what });
      return faultFrame(line.exchangeId, 'protocol-unsupported');
    }
    const { frame } = line;
    // Before its turn: a frame that is dropped must not take one.
    const verdict = environment.throttle.take(channel, frame.type === 'request', environment.elapsed());
    const retryAfter = verdict.kind === 'pass' ? null : verdict.retryAfter;
    if (verdict.kind === 'drop' || verdict.kind === 'drop again')
      return dropFrame({ environment, frame, channel, arrivedAt }, verdict);
    const crypto = await turns.take(channel.name);
    if (crypto === null) {
      return dropFrame(
        { environment, frame, channel, arrivedAt },
        { kind: 'drop again', retryAfter: FULL_QUEUE_SECONDS },
      );
    }
    // Whole at once, here and where else every request comes by: to spread an object takes as long as to hash a packet.
    const asked: Asked = { environment, recent, reserved, crypto, frame, channel, arrivedAt, retryAfter };
    try {
      return await answerFrame(asked);
    } catch (thrown) {
      const { code, message, retryAfter } = toAvmaError(thrown, 'the host failed');
      return failureFrame(asked, { code, message, cause: thrown }, retryAfter);
    }
  };
}

/** What guests send; all else is what only hosts send. */
const GUEST_FRAMES: ReadonlySet<string> = new Set(['hello', 'request', 'fetch']);

/** When a guest may ask again whose channel has too many frames waiting, in seconds. */
const FULL_QUEUE_SECONDS = 5;

function answerFrame(asked: Asked): Frame | null | Promise<Frame | null> {
  switch (asked.frame.type) {
    case 'hello':
      return answerHello(asked);
    case 'request':
      return answerRequest(asked);
    case 'fetch':
      return answerFetch(asked);
    default:
      return null;
  }
}

function failureFrame(
  asked: Asked,
  failure: { readonly code: AvmaErrorCode; readonly message: string; readonly cause: unknown },
  retryAfter: number | null,
): Frame {
  const { environment, frame, channel } = asked;
  const { exchangeId } = frame;
  const elapsedMs = elapsedSince(asked);
  const moment = { at: environment.now(), channel, exchangeId, request: null, elapsedMs, ...failure };
  environment.observe({ kind: 'request-faulted', ...moment });
  return faultFrame(exchangeId, 'io-error', retryAfter);
}

/** A certificate that the guest can verify, if the host has one, and what there is to hand on. */
function answerHello({ environment, frame, channel }: Asked): Frame {
  const { exchangeId, body } = frame;
  const hello = body.length === 0 ? { anchors: [] } : Hello.safeParse(parseJson(body)).data;
  if (hello === undefined) {
    const code = 'request-malformed';
    environment.observe({
      kind: 'frame-faulted',
      what: 'a hello',
      channel,
      code,
      message: FAULT_REASONS[code],
    });
    return faultFrame(exchangeId, code);
  }
  const { anchors } = hello;
  const holdings = environment.holdings();
  const held = chooseCertificate(holdings, { ...ANY_CERTIFICATE, anchors }, environment.now());
  environment.observe({ kind: 'hello-answered', channel, activated: held !== undefined });
  if (held === undefined) return faultFrame(exchangeId, 'host-not-activated');
  const documents = announcementsFor({ holdings, rootKeyId: held.rootKeyId, anchors, license: null });
  const offer: Offer = { certificate: held.envelope, documents: [...documents] };
  return { type: 'offer', exchangeId, body: encodeJson(offer) };
}
