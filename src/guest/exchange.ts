import { randomBytes } from 'node:crypto';
import { AvmaError } from '../errors/avma-error.ts';
import { type AvmaErrorCode, CODES } from '../errors/codes.ts';
import type { Pipe } from '../pipe/pipe.ts';
import type { SignedLease } from '../protocol/answer.ts';
import { generateKeyPair } from '../protocol/curve-keys.ts';
import { Envelope, parseJson } from '../protocol/envelope.ts';
import { encodeFrame, type Frame, parseLine } from '../protocol/frame.ts';
import {
  type HostCertificate,
  type TrustAnchor,
  verifyHostCertificate,
} from '../protocol/host-certificate.ts';
import { encodeJson, Fault, type Request } from '../protocol/messages.ts';
import { boxKey, joinRequestPacket, seal } from '../protocol/sealed-packet.ts';
import type { VerifiedAnswer } from '../protocol/verify-answer.ts';
import { verifyResponse } from '../protocol/verify-response.ts';

/** What the guest says of itself; the exchange ID is the exchange's own. */
export type RequestFacts = Omit<Request, 'exchangeId'>;

export interface ActivationResult extends VerifiedAnswer {
  readonly signedLease: SignedLease;
  readonly exchangeId: string;
}

/** What an exchange got to know before it failed; for the event log. */
export interface ExchangeTrace {
  exchangeId: string | null;
  hostName: string | null;
}

/**
 * One activation over a pipe (docs/protocol.md, section 6): `hello` if the host is not known yet, then the sealed
 * request. A known host that cannot open the request has changed, as after a live migration: then it is asked who
 * it is, once.
 *
 * @param known - Certificate of the host that answered last; null the first time.
 * @throws {AvmaError} what the pipe throws, what the host refuses with, or the first verification step that failed.
 */
export async function exchangeActivation(
  pipe: Pipe,
  facts: RequestFacts,
  known: Envelope | null,
  anchors: readonly TrustAnchor[],
  signal: AbortSignal,
  trace: ExchangeTrace,
): Promise<ActivationResult> {
  const remembered = known === null ? undefined : certificateIfTrusted(known, anchors);
  if (remembered !== undefined) {
    try {
      return await requestActivation(pipe, facts, remembered, anchors, signal, trace);
    } catch (thrown) {
      if (!(thrown instanceof AvmaError) || thrown.code !== 'request-unopened') throw thrown;
    }
  }
  const host = verifyHostCertificate(await askForCertificate(pipe, signal), anchors);
  return requestActivation(pipe, facts, host, anchors, signal, trace);
}

/**
 * `hello`, answered by `offer`: the host's certificate as it came, not verified.
 *
 * @throws {AvmaError} `host-not-activated` when it has none; what the pipe throws.
 */
export async function askForCertificate(pipe: Pipe, signal: AbortSignal): Promise<Envelope> {
  const exchangeId = newExchangeId();
  const answer = await exchangeFrames(pipe, { type: 'hello', exchangeId, body: new Uint8Array() }, signal);
  const offer = answer.type === 'offer' ? Envelope.safeParse(parseJson(answer.body)) : undefined;
  if (!offer?.success) {
    throw new AvmaError('response-malformed', 'the host did not answer hello with its certificate');
  }
  return offer.data;
}

async function requestActivation(
  pipe: Pipe,
  facts: RequestFacts,
  host: HostCertificate,
  anchors: readonly TrustAnchor[],
  signal: AbortSignal,
  trace: ExchangeTrace,
): Promise<ActivationResult> {
  const exchangeId = newExchangeId();
  trace.exchangeId = exchangeId;
  trace.hostName = host.hostName;
  const fresh = generateKeyPair('x25519');
  const key = boxKey(fresh, Buffer.from(host.boxKey, 'base64url'));
  if (key === null) {
    throw new AvmaError('certificate-untrusted', "the host's certificate holds a key that hides nothing");
  }
  const request: Request = { exchangeId, ...facts };
  const packet = joinRequestPacket(fresh.publicKey, seal(key, encodeJson(request)));
  const frame = await exchangeFrames(pipe, { type: 'request', exchangeId, body: packet }, signal);
  if (frame.type !== 'response') {
    throw new AvmaError('response-malformed', `the host answered a request with "${frame.type}"`);
  }
  const result = verifyResponse({
    sealed: new Uint8Array(frame.body),
    key,
    requestPacket: packet,
    request,
    anchors,
  });
  return { ...result, exchangeId };
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
  if (!fault.success) return new AvmaError('response-malformed', 'the host reports a fault, but not which');
  const { code, supported } = fault.data;
  const says: Record<Fault['code'], string> = {
    'protocol-unsupported': `it speaks version ${supported.versions.join(', ')} of the protocol only`,
    'request-unopened': 'it cannot open the request: it was sealed to another host',
    'request-malformed': 'it opened the request and cannot make sense of it',
    'exchange-reused': 'it has seen this exchange ID with other bytes',
    'host-not-activated': 'it has no certificate yet, so it can activate nobody',
    throttled: CODES.throttled.hint,
    'io-error': 'it cannot write its ledger',
  };
  // Its trouble with its disk is not ours: from here the host simply cannot serve.
  const mapped: AvmaErrorCode = code === 'io-error' ? 'host-gone' : code;
  return new AvmaError(mapped, `the host could not answer: ${says[code]}`);
}

function certificateIfTrusted(
  envelope: Envelope,
  anchors: readonly TrustAnchor[],
): HostCertificate | undefined {
  try {
    return verifyHostCertificate(envelope, anchors);
  } catch {
    return undefined;
  }
}

function newExchangeId(): string {
  return randomBytes(16).toString('hex');
}
