import { composeAnswer, fitReason, sealJob } from '../../src/host/answering/compose-answer.ts';
import { sealResponse } from '../../src/host/answering/host-crypto.ts';
import type { Answer } from '../../src/protocol/answer.ts';
import { generateKeyPair } from '../../src/protocol/curve-keys.ts';
import {
  type Announcement,
  type Fetch,
  LARGEST_DOCUMENT_BYTES,
  PART_BYTES,
} from '../../src/protocol/documents.ts';
import { encodeFrame, type FrameType } from '../../src/protocol/frame.ts';
import { HostCertificate, signHostCertificate } from '../../src/protocol/host-certificate.ts';
import { encodeJson, type Fault, fault, Hello, Request } from '../../src/protocol/messages.ts';
import { boxKey, joinRequestPacket, seal } from '../../src/protocol/sealed-packet.ts';
import { jsonBytes, MAX_INSTANT } from '../../src/schema/shapes.ts';

/** The longest frame of a kind: characters of its line, its newline included. */
export interface LongestFrame {
  readonly type: FrameType;
  readonly what: string;
  readonly length: number;
}

const EXCHANGE = 'f'.repeat(32);
const UUID = 'ffffffff-ffff-4fff-8fff-ffffffffffff';
const ANCHORS = Array.from({ length: 16 }, (_, n) => n.toString(16).repeat(16));
const NONCE = 'f'.repeat(64);
const DIGEST = 'f'.repeat(64);

/** As many letters as there may be, and their bytes in JSON. */
function fill(letter: string, max: number, maxBytes = Number.POSITIVE_INFINITY): string {
  return letter.repeat(Math.min(max, Math.floor(maxBytes / jsonBytes(letter))));
}

const DOCUMENTS: readonly Announcement[] = [1, 2, 3].map(() => ({
  kind: 'trust-update',
  digest: DIGEST,
  size: LARGEST_DOCUMENT_BYTES,
  version: 999_999_999,
}));

/**
 * The longest frames that this implementation writes: every name made of one letter as often as it may be there, every
 * number as large. Real keys and boxes: their lengths are always the same.
 *
 * @param letter - Which letters take most room differs: in UTF-8 those of three bytes, in JSON the quotes.
 */
export function longestFrames(letter: string): LongestFrame[] {
  const [root, signing] = [generateKeyPair('ed25519'), generateKeyPair('ed25519')];
  const [fresh, box] = [generateKeyPair('x25519'), generateKeyPair('x25519')];
  const key = boxKey(fresh, box.publicKey);
  if (key === null) throw new RangeError('a fresh key is of low order');
  const text = (raw: Uint8Array) => Buffer.from(raw).toString('base64url');
  const certificate = HostCertificate.parse({
    serial: 'f'.repeat(16),
    vendorKey: text(root.publicKey),
    hostName: fill(letter, 63, 96),
    hardwareId: 'FFFF-FFFF-FFFF-FFFF',
    signingKey: text(signing.publicKey),
    boxKey: text(box.publicKey),
    customer: fill(letter, 63, 96),
    site: fill(letter, 32, 48),
    windows: { edition: fill(letter, 63, 63), osVersion: '99999.999999.999999.999999', licensing: 'MAK' },
    notBefore: MAX_INSTANT - 2,
    notAfter: MAX_INSTANT - 1,
    graceUntil: MAX_INSTANT,
  });
  const envelope = signHostCertificate(certificate, root);
  const request = Request.parse({
    exchangeId: EXCHANGE,
    vmId: UUID,
    activationId: UUID,
    edition: fill(letter, 63),
    version: '9'.repeat(32),
    nonce: NONCE,
    anchors: ANCHORS,
    license: { status: 6, reason: 0xffff_ffff, remainingMinutes: 10_000_000 },
    guestClock: MAX_INSTANT,
    log: { machineName: fill(letter, 63), iaid: UUID, client: fill(letter, 63), trigger: 'key installed' },
  } satisfies Request);
  const basis = {
    ...{ request, requestDigest: DIGEST, certificate },
    leaseMs: 1,
    now: MAX_INSTANT - 1,
  };
  const pid = fill(letter, 32, 32);
  const approval: Answer = {
    ...composeAnswer({ ...basis, decision: { approved: true, license: null, conditions: [] } }),
    digitalPid2: pid,
    license: DIGEST,
    conditions: ['certificate-in-grace', 'license-in-grace', 'over-limit'],
  };
  const message = fill(letter, 200);
  const decision = {
    approved: false,
    code: 'license-customer-mismatch',
    message,
    retryAfter: 86_400,
  } as const;
  const refusal = { ...composeAnswer({ ...basis, decision }), digitalPid2: pid };
  const announced = { certificate: envelope, documents: [...DOCUMENTS] };
  const respond = (answer: Answer) => sealResponse(sealJob(answer, { ...announced, signing, key }));
  const sealed = (packet: object) => joinRequestPacket(fresh.publicKey, seal(key, encodeJson(packet)));
  const fetched: Fetch = { exchangeId: EXCHANGE, digest: DIGEST, offset: LARGEST_DOCUMENT_BYTES - 1 };
  const code: Fault['code'] = 'protocol-unsupported';
  const bodies: readonly [FrameType, string, Uint8Array][] = [
    ['hello', 'with 16 anchors', encodeJson(Hello.parse({ anchors: ANCHORS }))],
    ['offer', 'with the longest names, and three announcements', encodeJson(announced)],
    ['request', 'with the longest names, a nonce and 16 anchors', sealed(request)],
    ['response', 'an approval with a license, all conditions and three announcements', respond(approval)],
    ['response', 'a refusal with the longest reason that has room', respond(fitReason(refusal, announced))],
    ['fetch', 'from the last byte of the largest document', sealed(fetched)],
    ['part', 'of a document that goes on', seal(key, new Uint8Array(PART_BYTES))],
    ['fault', 'with the longest code', encodeJson(fault(code, 86_400))],
  ];
  return bodies.map(([type, what, body]) => ({
    type,
    what,
    length: encodeFrame({ type, exchangeId: EXCHANGE, body }).length - 1,
  }));
}

/** The letters that take most, each in its own way. */
export const LONGEST_LETTERS = { ASCII: 'n', 'two bytes': 'ä', 'three bytes': '主', quotes: '"' };

/** The longest frame of each kind over all letters, as docs/protocol.md has them. */
export function longestFramesTable(): string {
  const all = Object.values(LONGEST_LETTERS).map(longestFrames);
  const rows = (all[0] ?? []).map(({ type, what }, index) => {
    const length = Math.max(...all.map((frames) => frames[index]?.length ?? 0));
    return `| \`${type}\` | ${what} | ${length.toLocaleString('en')} |`;
  });
  return ['| frame | the longest | characters |', '| --- | --- | --- |', ...rows].join('\n');
}
