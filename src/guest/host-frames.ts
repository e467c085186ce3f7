import { randomBytes } from 'node:crypto';
import { AvmaError } from '../errors/avma-error.ts';
import type { AvmaErrorCode } from '../errors/codes.ts';
import type { Pipe } from '../pipe/pipe.ts';
import { generateKeyPair } from '../protocol/curve-keys.ts';
import { parseJson } from '../protocol/envelope.ts';
import { encodeFrame, type Frame, parseLine } from '../protocol/frame.ts';
import { encodeJson, Fault } from '../protocol/messages.ts';
import { type BoxKey, boxKey, joinRequestPacket, seal } from '../protocol/sealed-packet.ts';

/** A host at the other end of a pipe, to whom packets can be sealed. */
export interface SealedHost {
  readonly pipe: Pipe;
  /** Its X25519 key, base64url, from its certificate. */
  readonly boxKey: string;
  /** Aborts at the deadline. */
  readonly signal: AbortSignal;
}

/** A packet that was sealed to a host, and the body of the frame that answered it. */
export interface SealedAnswer {
  readonly body: Uint8Array;
  /** The key of this exchange's box. */
  readonly key: BoxKey;
  /** What was sent, byte for byte. */
  readonly packet: Uint8Array;
}

/** How a host answers each frame that has something sealed in it. */
const ANSWERS = { request: 'response', fetch: 'part' } as const;

/**
 * Sends a message, sealed to the host with a fresh key.
 *
 * @throws {AvmaError} `certificate-untrusted` for a key of small order; `response-malformed` for an answer of another
 *   type; the host's fault; what the pipe throws.
 */
export async function sendSealed(
  { pipe, boxKey: theirs, signal }: SealedHost,
  type: keyof typeof ANSWERS,
  message: { readonly exchangeId: string },
): Promise<SealedAnswer> {
  const fresh = generateKeyPair('x25519');
  const key = boxKey(fresh, Buffer.from(theirs, 'base64url'));
  if (key === null) {
    throw new AvmaError(
      'certificate-untrusted',
      "the host's certificate holds a key of small order, which keeps nothing secret",
    );
  }
  const packet = joinRequestPacket(fresh.publicKey, seal(key, encodeJson(message)));
  const answer = await exchangeFrames(pipe, { type, exchangeId: message.exchangeId, body: packet }, signal);
  if (answer.type !== ANSWERS[type]) {
    throw new AvmaError('response-malformed', `the host answered a ${type} with "${answer.type}"`);
  }
  return { body: new Uint8Array(answer.body), key, packet };
}

/**
 * Step V1: the frame that answers this exchange.
 *
 * @throws {AvmaError} the host's fault, as the error that it names; `protocol-unsupported`, `response-malformed`; what
 *   the pipe throws.
 */
export async function exchangeFrames(pipe: Pipe, frame: Frame, signal: AbortSignal): Promise<Frame> {
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

/**
 * The longest pause that an unsigned fault may ask for, in seconds: ten minutes. Whoever can put a fault into the pipe
 * could keep the host's answers back as well, but not for longer than he is there.
 */
const MAX_UNSIGNED_PAUSE_SECONDS = 600;

/** A fault is not signed: it ends this attempt, may ask for a short pause, and changes nothing else. */
function faultError(body: Uint8Array): AvmaError {
  const fault = Fault.safeParse(parseJson(body));
  if (!fault.success) {
    return new AvmaError(
      'response-malformed',
      'the host reports a fault that this version of avma does not know',
    );
  }
  const { code, supported, retryAfter } = fault.data;
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
  const pause = retryAfter === null ? null : Math.min(retryAfter, MAX_UNSIGNED_PAUSE_SECONDS);
  return new AvmaError(mapped, `the host could not answer: ${says[code]}`, { retryAfter: pause });
}

/** The ID of a new exchange: 16 random bytes. */
export function newExchangeId(): string {
  return randomBytes(16).toString('hex');
}
