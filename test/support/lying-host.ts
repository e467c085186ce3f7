import { LoopbackPipe } from '../../src/pipe/loopback.ts';
import type { Pipe } from '../../src/pipe/pipe.ts';
import type { Answer } from '../../src/protocol/answer.ts';
import type { KeyPair } from '../../src/protocol/curve-keys.ts';
import { type Announcement, Fetch } from '../../src/protocol/documents.ts';
import { PAYLOAD_TYPES, parseJson, signEnvelope } from '../../src/protocol/envelope.ts';
import { encodeFrame, type Frame, type FrameType } from '../../src/protocol/frame.ts';
import { LineReader } from '../../src/protocol/line-reader.ts';
import { encodeJson, type Fault, fault, packetDigest, Request } from '../../src/protocol/messages.ts';
import { boxKey, seal, splitRequestPacket, unseal } from '../../src/protocol/sealed-packet.ts';
import { DAY } from './clock.ts';
import type { TestHost } from './test-host.ts';

/** What a certified host does that no honest one does. */
export interface Lie {
  /** What its answer says instead of what it should. */
  readonly answer?: Partial<Answer>;
  /** Who signs it instead of the host. */
  readonly signer?: KeyPair;
  /** What it seals instead of certificate and answer. */
  readonly plaintext?: Uint8Array;
  /** What it announces with its certificate and with its answer. */
  readonly documents?: readonly Announcement[];
  /** What it answers when it is asked for a part of a document; null for "I do not have it". */
  part?(fetch: Fetch): Uint8Array | null;
}

/** A pipe to a host that holds the keys and the certificate of `host`, approves everything, and lies. */
export function lyingPipe(host: TestHost, lie: Lie): Pipe {
  return scriptedPipe((frame) => {
    if (frame.type === 'hello')
      return {
        type: 'offer',
        body: encodeJson({ certificate: host.envelope, documents: lie.documents ?? [] }),
      };
    const packet = new Uint8Array(frame.body);
    const parts = splitRequestPacket(packet);
    const key = parts && boxKey(host.identity.box, parts.publicKey);
    const plaintext = key && unseal(key, parts.sealed);
    if (!plaintext) return { type: 'fault', body: encodeJson(fault('request-unopened')) };
    if (frame.type === 'fetch') {
      const part = lie.part?.(Fetch.parse(parseJson(plaintext))) ?? null;
      if (part === null) return { type: 'fault', body: encodeJson(fault('document-unknown')) };
      return { type: 'part', body: seal(key, part) };
    }
    const request = Request.parse(parseJson(plaintext));
    const issuedAt = host.clock.wall;
    const answer: Answer = {
      exchangeId: frame.exchangeId,
      requestDigest: packetDigest(packet),
      vmId: request.vmId,
      activationId: request.activationId,
      decision: 'approved',
      hresult: 0,
      refusal: null,
      hostName: host.certificate.hostName,
      hardwareId: host.certificate.hardwareId,
      digitalPid2: '00252-00000-00000-AA000',
      guestClock: request.guestClock,
      nonce: request.nonce,
      license: null,
      conditions: [],
      issuedAt,
      expiresAt: issuedAt + 7 * DAY,
      renewAfter: issuedAt + 3.5 * DAY,
      ...lie.answer,
    };
    const response = {
      certificate: host.envelope,
      answer: signEnvelope(PAYLOAD_TYPES.answer, answer, lie.signer ?? host.identity.signing),
      documents: lie.documents ?? [],
    };
    return { type: 'response', body: seal(key, lie.plaintext ?? encodeJson(response)) };
  });
}

/** A pipe to something that answers every frame with a frame of its own making. */
export function scriptedPipe(answer: (frame: Frame) => { type: FrameType; body: Uint8Array }): Pipe {
  return new LoopbackPipe(async (bytes) => {
    const [parsed] = new LineReader().push(bytes);
    if (parsed?.kind !== 'frame') throw new TypeError('the guest sent no frame');
    return encodeFrame({ exchangeId: parsed.frame.exchangeId, ...answer(parsed.frame) });
  });
}

/** A pipe to something that answers everything with one fault. */
export function faultPipe(code: Fault['code']): Pipe {
  return scriptedPipe(() => ({ type: 'fault', body: encodeJson(fault(code)) }));
}
