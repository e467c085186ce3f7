import type { Catalog } from '../../catalog/catalog.ts';
import { type AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import type { Answer } from '../../protocol/answer.ts';
import type { Announcement } from '../../protocol/documents.ts';
import type { Frame, ParsedLine } from '../../protocol/frame.ts';
import {
  encodeJson,
  type Fault,
  fault,
  type Offer,
  packetDigest,
  type Request,
} from '../../protocol/messages.ts';
import { MINUTE_MS } from '../../schema/durations.ts';
import { debug } from '../../system/debug.ts';
import type { InstalledCertificate } from '../certificate.ts';
import type { GuestChannel } from '../channel.ts';
import type { HostIdentity } from '../host-store.ts';
import type { Ledger, LedgerEntry } from '../ledger/ledger.ts';
import type { HostObserver } from '../observer.ts';
import { admit, type Decision, THROTTLED_RETRY_SECONDS } from './admission.ts';
import { composeAnswer, fitReason, sealAnswer } from './compose-answer.ts';
import { openRequest } from './open-request.ts';
import { type RecentExchange, RecentExchanges } from './recent-exchanges.ts';
import type { Throttle } from './throttle.ts';

/** What answering needs besides the request itself. */
export interface ResponderEnvironment {
  readonly host: HostIdentity;
  readonly ledger: Ledger;
  readonly throttle: Throttle;
  readonly observe: HostObserver;
  /** The longest lease to grant, in milliseconds. */
  readonly leaseMs: number;
  /** The catalog as it is now. */
  catalog(): Catalog;
  /** The host certificate as it is now; undefined: the host is not activated. */
  certificate(): InstalledCertificate | undefined;
  /** Wall clock, milliseconds since 1970 UTC. */
  now(): number;
  /** Milliseconds of a clock that does not run backwards, for the throttle. */
  elapsed(): number;
}

/**
 * The host's side of an exchange: takes a line that came in on a channel, resolves with the frame to send back, or with
 * null for a line that gets no answer. Transports read lines and encode frames.
 *
 * Never rejects: a failure inside becomes a fault for the guest and a moment for the observer.
 */
export type Responder = (line: ParsedLine, channel: GuestChannel) => Promise<Frame | null>;

/** Answering is a row of steps: open the request, decide, compose the answer, seal it, keep it, send it. */
export function createResponder(environment: ResponderEnvironment): Responder {
  const recent = new RecentExchanges(environment.ledger);
  const { observe, now } = environment;

  return async (line, channel) => {
    if (line.kind === 'noise') return null;
    if (line.kind === 'unsupported') {
      observe({ kind: 'line-unsupported', channel, what: line.what });
      return faultFrame(line.exchangeId, 'protocol-unsupported');
    }
    const { frame } = line;
    if (frame.type === 'hello') return answerHello(environment, frame, channel);
    if (frame.type !== 'request') return null;
    const asked = { environment, recent, frame, channel };
    try {
      return await answerRequest(asked);
    } catch (thrown) {
      const { code, message } = toAvmaError(thrown, 'the host failed');
      const { exchangeId } = frame;
      const moment = { at: now(), channel, exchangeId, request: null, code, message, cause: thrown };
      observe({ kind: 'request-faulted', ...moment });
      return faultFrame(exchangeId, 'io-error');
    }
  };
}

function answerHello(environment: ResponderEnvironment, { exchangeId }: Frame, channel: GuestChannel): Frame {
  const installed = environment.certificate();
  environment.observe({ kind: 'hello-answered', channel, activated: installed !== undefined });
  if (installed === undefined) return faultFrame(exchangeId, 'host-not-activated');
  const offer: Offer = { certificate: installed.envelope, documents: [] };
  return { type: 'offer', exchangeId, body: encodeJson(offer) };
}

/** A request frame and where it came in. */
interface Asked {
  readonly environment: ResponderEnvironment;
  readonly recent: RecentExchanges;
  readonly frame: Frame;
  readonly channel: GuestChannel;
}

async function answerRequest(asked: Asked): Promise<Frame> {
  const { environment, recent, frame, channel } = asked;
  const { exchangeId } = frame;
  const verdict = environment.throttle.take(channel.name, environment.elapsed());
  if (verdict === 'drop') return answerFault(asked, 'throttled');
  if (verdict === 'drop again') {
    environment.observe({ kind: 'request-dropped', channel });
    return faultFrame(exchangeId, 'throttled');
  }
  const packet = new Uint8Array(frame.body);
  const requestDigest = packetDigest(packet);
  return recent.inTurn(channel.name, exchangeId, async () => {
    const earlier = await recent.find(channel.name, exchangeId);
    if (earlier?.requestDigest === requestDigest) return repeatAnswer(asked, earlier);
    const throttled = verdict === 'refuse';
    return answerAnew(asked, { packet, requestDigest, throttled, reused: earlier !== undefined });
  });
}

function repeatAnswer({ environment, frame, channel }: Asked, { code, body }: RecentExchange): Frame {
  const { exchangeId } = frame;
  const moment = { at: environment.now(), channel, exchangeId, code, message: 'answered as before' };
  environment.observe({
    kind: 'request-answered',
    ...moment,
    request: null,
    answer: null,
    productName: null,
  });
  return { type: 'response', exchangeId, body };
}

interface FreshRequest {
  readonly packet: Uint8Array;
  readonly requestDigest: string;
  readonly throttled: boolean;
  /** Whether this channel has used the exchange ID with other bytes. */
  readonly reused: boolean;
}

async function answerAnew(asked: Asked, fresh: FreshRequest): Promise<Frame> {
  const { environment, recent, frame, channel } = asked;
  const { exchangeId } = frame;
  const { host, leaseMs } = environment;
  const { requestDigest, throttled, reused } = fresh;
  const installed = environment.certificate();
  if (installed === undefined) return answerFault(asked, 'host-not-activated');
  const opened = openRequest(fresh.packet, exchangeId, host.box);
  if (typeof opened === 'string') return answerFault(asked, opened);
  const { request, key } = opened;
  const now = environment.now();
  const { certificate, envelope } = installed;
  const catalog = environment.catalog();
  const product = catalog.productOfActivationId(request.activationId);
  const decision = reused ? REUSED : admit({ request, channel, throttled, certificate, catalog, now });
  debug('host', () => `${exchangeId}: ${decision.approved ? 'approved' : decision.code}, VM ${request.vmId}`);
  const documents: Announcement[] = [];
  const composed = composeAnswer({ request, requestDigest, decision, certificate, leaseMs, now });
  const answer = fitReason(composed, { certificate: envelope, documents });
  const body = sealAnswer(answer, { certificate: envelope, signing: host.signing, key, documents });
  const failure = await keep(
    environment.ledger,
    toLedgerEntry({ answer, decision, request, channel, body, edition: product?.edition }),
  );
  if (failure !== undefined) {
    return answerFault(asked, 'io-error', `the ledger could not be written: ${failure.message}`, request);
  }
  const code = decision.approved ? 'success' : decision.code;
  if (!reused) recent.add(channel.name, exchangeId, { requestDigest, code, body });
  environment.observe({
    kind: 'request-answered',
    ...{ at: now, channel, exchangeId, code, request, answer },
    message: decision.approved
      ? `approved for ${Math.floor((answer.expiresAt - now) / MINUTE_MS)} minutes`
      : decision.message,
    productName: product?.name ?? null,
  });
  return { type: 'response', exchangeId, body };
}

const REUSED: Decision = {
  approved: false,
  code: 'exchange-reused',
  message: 'the exchange ID came before, with other bytes',
};

/** Answer only after the ledger entry is on disk. @returns Why it is not. */
async function keep(ledger: Ledger, entry: LedgerEntry): Promise<AvmaError | undefined> {
  try {
    await ledger.append(entry);
    return undefined;
  } catch (thrown) {
    return toAvmaError(thrown, 'it failed');
  }
}

interface Answered {
  readonly answer: Answer;
  readonly decision: Decision;
  readonly request: Request;
  readonly channel: GuestChannel;
  readonly body: Uint8Array;
  /** Of the product; undefined where no catalog of the host lists it. */
  readonly edition: string | undefined;
}

function toLedgerEntry({ answer, decision, request, channel, body, edition }: Answered): LedgerEntry {
  return {
    time: answer.issuedAt,
    channel: channel.name,
    exchangeId: answer.exchangeId,
    requestDigest: answer.requestDigest,
    vmId: answer.vmId,
    activationId: answer.activationId,
    decision: answer.decision,
    hresult: answer.hresult,
    ...(decision.approved ? {} : { refusal: decision.code }),
    expiresAt: answer.expiresAt,
    ...(answer.conditions.length > 0 && { conditions: answer.conditions }),
    ...(edition !== undefined && { edition }),
    ...(request.log.trigger === 'attestation' && { purpose: 'attestation' as const }),
    vmIdFrom: channel.vmId === null ? 'label' : 'channel',
    response: Buffer.from(body).toString('base64url'),
  };
}

/** Why a request gets a fault, for the host's operator; the guest gets the code only. */
const FAULT_REASONS: Record<Fault['code'], string> = {
  'protocol-unsupported': 'the version or type of the frame is unknown to this host',
  'request-unopened': "the request does not open with this host's key",
  'request-malformed': 'the request opens, but its content is not a request',
  'host-not-activated': 'no host certificate is installed',
  throttled:
    'too many requests over this channel: the requests that follow are not listed until they become fewer',
  'io-error': 'the ledger could not be written',
  'document-unknown': 'this host does not have the document that was asked for',
};

function answerFault(
  { environment, frame, channel }: Asked,
  code: Fault['code'],
  message: string = FAULT_REASONS[code],
  request: Request | null = null,
): Frame {
  const { exchangeId } = frame;
  const moment = { at: environment.now(), channel, exchangeId, code, message, request };
  environment.observe({ kind: 'request-faulted', ...moment });
  return faultFrame(exchangeId, code);
}

/** The frame that says that a request cannot be answered under seal, and why. */
function faultFrame(exchangeId: string, code: Fault['code']): Frame {
  debug('host', () => `fault ${code} for exchange ${exchangeId}`);
  const retryAfter = code === 'throttled' ? THROTTLED_RETRY_SECONDS : null;
  return { type: 'fault', exchangeId, body: encodeJson(fault(code, retryAfter)) };
}
