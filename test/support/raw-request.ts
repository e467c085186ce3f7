import { randomBytes } from 'node:crypto';
import { type Answer, Response } from '../../src/protocol/answer.ts';
import { generateKeyPair } from '../../src/protocol/curve-keys.ts';
import { parseJson } from '../../src/protocol/envelope.ts';
import { encodeFrame, type Frame } from '../../src/protocol/frame.ts';
import { encodeJson, Fault } from '../../src/protocol/messages.ts';
import { boxKey, joinRequestPacket, seal, unseal } from '../../src/protocol/sealed-packet.ts';
import { vendorsOfAnchors } from '../../src/protocol/vendor-trust.ts';
import { verifySignatures } from '../../src/protocol/verify-answer.ts';
import { NOW } from './clock.ts';
import { VM } from './test-guest.ts';
import { MICROSOFT_CATALOG, type TestHost } from './test-host.ts';

/** What a guest sends, where a test wants the bytes themselves. */
export interface RawRequest {
  readonly frame: Frame;
  /** As it goes down the pipe. */
  readonly bytes: Uint8Array;
  /** The host's signed answer in the response; not judged, only checked to be signed. */
  answerIn(response: Frame | null): Answer;
  /** All that is sealed in the response. */
  responseIn(response: Frame | null): Response;
}

/** A request for Windows Server 2025 Standard, or what `change` makes of it, sealed to the host. */
export function rawRequest(host: TestHost, change: object = {}, id?: string): RawRequest {
  const [, product] = MICROSOFT_CATALOG.products;
  if (product === undefined) throw new TypeError('the catalog is empty');
  const exchangeId = id ?? randomBytes(16).toString('hex');
  const request = {
    exchangeId,
    vmId: VM,
    activationId: product.activationId,
    edition: product.edition,
    version: product.version,
    nonce: null,
    anchors: [],
    license: { status: 2, reason: 0, remainingMinutes: 43_200 },
    guestClock: NOW,
    log: { machineName: 'guest01', iaid: null, client: 'a test', trigger: 'command' },
    ...change,
  };
  const fresh = generateKeyPair('x25519');
  const key = boxKey(fresh, host.identity.box.publicKey);
  if (key === null) throw new RangeError('a fresh key is of low order');
  const body = joinRequestPacket(fresh.publicKey, seal(key, encodeJson(request)));
  const frame: Frame = { type: 'request', exchangeId, body };
  const responseIn = (response: Frame | null) => {
    const sealed = new Uint8Array(response?.body ?? []);
    return Response().parse(parseJson(unseal(key, sealed) ?? new Uint8Array()));
  };
  return {
    frame,
    bytes: encodeFrame(frame),
    responseIn,
    answerIn(response) {
      const signed = responseIn(response);
      return verifySignatures(signed, vendorsOfAnchors([host.vendor.anchor])).answer;
    },
  };
}

/** What a fault frame says. */
export function faultIn(answer: Frame | null): Fault {
  if (answer?.type !== 'fault') throw new TypeError(`the answer is ${answer?.type}, not a fault`);
  return Fault.parse(parseJson(answer.body));
}
