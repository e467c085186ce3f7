import { randomBytes } from 'node:crypto';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import type { AvmaErrorCode } from '../errors/codes.ts';
import type { Pipe } from '../pipe/pipe.ts';
import { generateKeyPair } from '../protocol/curve-keys.ts';
import type { Announcement } from '../protocol/documents.ts';
import { type Envelope, parseJson } from '../protocol/envelope.ts';
import { type ExpectedEvidence, type LicenseEvidence, verifyLicense } from '../protocol/evidence.ts';
import { encodeFrame, type Frame, parseLine } from '../protocol/frame.ts';
import { type HostCertificate, verifyHostCertificate } from '../protocol/host-certificate.ts';
import { encodeJson, Fault, type Hello, Offer, type Request } from '../protocol/messages.ts';
import { boxKey, joinRequestPacket, seal } from '../protocol/sealed-packet.ts';
import type { VendorTrust } from '../protocol/vendor-trust.ts';
import type { VerifiedAnswer } from '../protocol/verify-answer.ts';
import { verifyResponse } from '../protocol/verify-response.ts';
import { debug } from '../system/debug.ts';

/** What the guest says of itself in a request. Each request gets an exchange ID of its own. */
type RequestFacts = Omit<Request, 'exchangeId'>;

/** One activation over a pipe. */
export interface Exchange {
  readonly pipe: Pipe;
  readonly facts: RequestFacts;
  /** Certificate of the host that answered last; null where none has answered yet. */
  readonly knownHost: Envelope | null;
  readonly trust: VendorTrust;
  /** What the evidence must be for. */
  readonly product: ExpectedEvidence;
  /** Aborts at the deadline. */
  readonly signal: AbortSignal;
}

/** What an approved exchange gives the guest. */
export interface ActivationResult extends VerifiedAnswer {
  /** What the guest keeps. */
  readonly evidence: LicenseEvidence;
  /** What the host has to hand on. */
  readonly documents: readonly Announcement[];
  readonly exchangeId: string;
}

/**
 * How an exchange ended. A failure says which request it was and which host it was sealed to, as far as it came to
 * that: events and the record of the last attempt show both.
 */
export type ExchangeOutcome =
  | { readonly kind: 'activated'; readonly result: ActivationResult }
  | {
      readonly kind: 'failed';
      readonly error: AvmaError;
      readonly exchangeId: string | null;
      readonly hostName: string | null;
    };

/**
 * One activation over a pipe (docs/protocol.md, section 6): `hello` if the host is not known yet, then the sealed
 * request. A known host that cannot open the request has changed, as after a live migration: then `hello` asks who it
 * is, once. Throws nothing: what the pipe, the host or a verification step fails with is in the outcome.
 */
export async function exchangeActivation(exchange: Exchange): Promise<ExchangeOutcome> {
  const { pipe, knownHost, facts, trust, signal } = exchange;
  const known = knownHost === null ? undefined : certificateIfTrusted(knownHost, trust);
  if (known !== undefined) {
    const outcome = await requestActivation(exchange, known);
    if (outcome.kind === 'activated' || outcome.error.code !== 'request-unopened') return outcome;
    debug('wire', () => `host ${known.hostName} cannot open the request: asking who the host is now`);
  }
  let host: HostCertificate;
  try {
    const offer = await askForCertificate(pipe, signal, facts.anchors);
    host = verifyHostCertificate(offer.certificate, trust).certificate;
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot ask who the host is');
    return { kind: 'failed', error, exchangeId: null, hostName: null };
  }
  return requestActivation(exchange, host);
}

/**
 * `hello`, answered by `offer`: the host's certificate as it came, not verified.
 *
 * @param anchors - Key IDs of the vendors that the guest trusts, of which the host is to have a certificate.
 * @throws {AvmaError} `host-not-activated` when it has none; what the pipe throws.
 */
export async function askForCertificate(
  pipe: Pipe,
  signal: AbortSignal,
  anchors: readonly string[] = [],
): Promise<Offer> {
  const exchangeId = newExchangeId();
  const hello: Hello = { anchors: [...anchors] };
  const body = anchors.length === 0 ? new Uint8Array() : encodeJson(hello);
  const answer = await exchangeFrames(pipe, { type: 'hello', exchangeId, body }, signal);
  const offer = answer.type === 'offer' ? Offer.safeParse(parseJson(answer.body)) : undefined;
  if (!offer?.success) {
    throw new AvmaError('response-malformed', 'the host did not answer hello with its certificate');
  }
  return offer.data;
}

async function requestActivation(exchange: Exchange, host: HostCertificate): Promise<ExchangeOutcome> {
  const exchangeId = newExchangeId();
  try {
    const result = await sendRequest(exchange, host, { exchangeId, ...exchange.facts });
    return { kind: 'activated', result };
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot ask the host');
    return { kind: 'failed', error, exchangeId, hostName: host.hostName };
  }
}

/** The request, sealed to `host` with a fresh key, and its verified answer. */
async function sendRequest(
  { pipe, signal, trust, product }: Exchange,
  host: HostCertificate,
  request: Request,
): Promise<ActivationResult> {
  const { exchangeId } = request;
  const fresh = generateKeyPair('x25519');
  const key = boxKey(fresh, Buffer.from(host.boxKey, 'base64url'));
  if (key === null) {
    throw new AvmaError(
      'certificate-untrusted',
      "the host's certificate holds a key of small order, which keeps nothing secret",
    );
  }
  const requestPacket = joinRequestPacket(fresh.publicKey, seal(key, encodeJson(request)));
  const frame = await exchangeFrames(pipe, { type: 'request', exchangeId, body: requestPacket }, signal);
  if (frame.type !== 'response') {
    throw new AvmaError('response-malformed', `the host answered a request with "${frame.type}"`);
  }
  const sealed = new Uint8Array(frame.body);
  const verified = verifyResponse({ sealed, key, requestPacket, request, product, trust });
  const { certificate, answer, documents } = verified.response;
  verifyLicense(verified, null, product);
  return { ...verified, evidence: { certificate, answer, license: null }, documents, exchangeId };
}

/** Step V1: the line that answers this exchange, parsed; a fault is thrown as the error that it names. */
async function exchangeFrames(pipe: Pipe, frame: Frame, signal: AbortSignal): Promise<Frame> {
  const line = await pipe.exchange(encodeFrame(frame), { signal });
  const parsed = parseLine(Buffer.from(line).toString('latin1').trim());
  if (parsed.kind === 'unsupported') {
    throw new AvmaError('protocol-unsupported', `the host speaks ${parsed.what} of the protocol`);
  }
  if (parsed.kind === 'noise' || parsed.frame.exchangeId !== frame.exchangeId) {
    throw new AvmaError('response-malformed', 'what came back is not an answer to this exchange');
  }
  if (parsed.frame.type === 'fault') throw faultError(parsed.frame.body);
  return parsed.frame;
}

/** A fault is not signed: it ends this attempt and changes nothing else. */
function faultError(body: Uint8Array): AvmaError {
  const fault = Fault.safeParse(parseJson(body));
  if (!fault.success)
    return new AvmaError(
      'response-malformed',
      'the host reports a fault that this version of avma does not know',
    );
  const { code, supported } = fault.data;
  const says: Record<Fault['code'], string> = {
    'protocol-unsupported': `it speaks version ${supported.versions.join(', ')} of the protocol only`,
    'request-unopened': 'it cannot open the request: it was sealed to another host',
    'request-malformed': 'it opened the request and cannot make sense of it',
    'host-not-activated': 'it has no certificate yet, so it can activate nobody',
    throttled: 'too many requests came over this pipe',
    'io-error': 'it cannot write its ledger',
    'document-unknown': 'it does not have the document that was asked for',
  };
  // The code `io-error` is for disks of this machine; a host whose disk fails cannot serve.
  const mapped: AvmaErrorCode = code === 'io-error' ? 'host-gone' : code;
  return new AvmaError(mapped, `the host could not answer: ${says[code]}`);
}

function certificateIfTrusted(envelope: Envelope, trust: VendorTrust): HostCertificate | undefined {
  try {
    return verifyHostCertificate(envelope, trust).certificate;
  } catch (thrown) {
    if (!(thrown instanceof AvmaError)) throw thrown;
    debug('trust', () => `the host that answered last is not trusted any more: ${thrown.message}`);
    return undefined;
  }
}

function newExchangeId(): string {
  return randomBytes(16).toString('hex');
}
