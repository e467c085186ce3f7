import { Response } from '../../src/protocol/answer.ts';
import { Announcement, Fetch } from '../../src/protocol/documents.ts';
import { Fault, Hello, Offer, Request } from '../../src/protocol/messages.ts';

/** The packets of version 1 and their schemas. */
export const PACKETS = {
  hello: Hello,
  offer: Offer,
  request: Request,
  response: Response(),
  fetch: Fetch,
  announcement: Announcement(),
  fault: Fault,
} as const;
export type PacketName = keyof typeof PACKETS;

/** Texts of a packet that are of version 1, or are not. */
export interface PacketVectorFile {
  readonly schema: 'avma.packet-vectors/1';
  readonly packet: PacketName;
  readonly vectors: readonly { readonly name: string; readonly valid: boolean; readonly packet: unknown }[];
}

type Cases = readonly (readonly [name: string, packet: object])[];

const KEY = '0123456789abcdef';
const EXCHANGE = '0'.repeat(32);
const UUID = '11111111-2222-4333-8444-555555555555';
const DIGEST = 'ab'.repeat(32);
const ENVELOPE = { payloadType: 't', payload: 'e30', signatures: [{ keyid: KEY, sig: 'A'.repeat(86) }] };
const ANNOUNCEMENT = { kind: 'revocations', digest: DIGEST, size: 262_144, version: 999_999_999 };
const REQUEST = {
  exchangeId: EXCHANGE,
  vmId: UUID,
  activationId: UUID,
  edition: 'acme-gateway',
  version: '2026.1-rc2+7',
  nonce: null,
  anchors: [KEY],
  license: { status: 6, reason: 0xffff_ffff, remainingMinutes: 10_000_000 },
  guestClock: 9_999_999_999_999,
  log: { machineName: 'web07', iaid: UUID, client: 'avma', trigger: 'attestation' },
};
const FAULT = {
  code: 'document-unknown',
  retryAfter: 86_400,
  supported: { versions: [1], types: ['hello'] },
};
const FETCH = { exchangeId: EXCHANGE, digest: DIGEST, offset: 262_143 };
const keys = (count: number) => Array.from({ length: count }, (_, n) => n.toString(16).padStart(16, '0'));

/** What each packet may be, and what it may not. */
export const PACKET_CASES: Readonly<Record<PacketName, { readonly valid: Cases; readonly invalid: Cases }>> =
  {
    hello: {
      valid: [
        ['no anchors', { anchors: [] }],
        ['16 anchors', { anchors: keys(16) }],
      ],
      invalid: [
        ['17 anchors', { anchors: keys(17) }],
        ['an anchor in capitals', { anchors: [KEY.toUpperCase()] }],
        ['nothing', {}],
        ['more', { anchors: [], more: 1 }],
      ],
    },
    offer: {
      valid: [['three announcements', { certificate: ENVELOPE, documents: Array(3).fill(ANNOUNCEMENT) }]],
      invalid: [
        ['a certificate alone', ENVELOPE],
        ['no announcements', { certificate: ENVELOPE }],
        ['four announcements', { certificate: ENVELOPE, documents: Array(4).fill(ANNOUNCEMENT) }],
      ],
    },
    request: {
      valid: [
        ['the largest numbers', REQUEST],
        ['a nonce of 16 bytes', { ...REQUEST, nonce: 'ab'.repeat(16) }],
        ['a nonce of 32 bytes', { ...REQUEST, nonce: 'ab'.repeat(32) }],
        ['no IAID', { ...REQUEST, log: { ...REQUEST.log, iaid: null } }],
      ],
      invalid: [
        ['a nonce of 15 bytes', { ...REQUEST, nonce: 'ab'.repeat(15) }],
        ['a nonce of 33 bytes', { ...REQUEST, nonce: 'ab'.repeat(33) }],
        ['half a byte in a nonce', { ...REQUEST, nonce: 'a'.repeat(33) }],
        ['a version with a blank', { ...REQUEST, version: '3 2' }],
        ['a version of 33 characters', { ...REQUEST, version: '9'.repeat(33) }],
        ['the version under its earlier name', { ...REQUEST, version: undefined, osVersion: '3.2' }],
        ['17 anchors', { ...REQUEST, anchors: keys(17) }],
        ['no anchors', { ...REQUEST, anchors: undefined }],
        ['a trigger that there is not', { ...REQUEST, log: { ...REQUEST.log, trigger: 'whim' } }],
        ['a name that moves the cursor', { ...REQUEST, log: { ...REQUEST.log, machineName: 'a\u001b[2J' } }],
        ['a time before 1970', { ...REQUEST, guestClock: -1 }],
        ['more', { ...REQUEST, more: 1 }],
      ],
    },
    response: {
      valid: [['no announcements', { certificate: ENVELOPE, answer: ENVELOPE, documents: [] }]],
      invalid: [
        ['no list of announcements', { certificate: ENVELOPE, answer: ENVELOPE }],
        ['a license', { certificate: ENVELOPE, answer: ENVELOPE, documents: [], license: ENVELOPE }],
        [
          'two signatures',
          {
            certificate: { ...ENVELOPE, signatures: [...ENVELOPE.signatures, ...ENVELOPE.signatures] },
            answer: ENVELOPE,
            documents: [],
          },
        ],
      ],
    },
    fetch: {
      valid: [
        ['the last byte', FETCH],
        ['the first byte', { ...FETCH, offset: 0 }],
      ],
      invalid: [
        ['a byte before the first', { ...FETCH, offset: -1 }],
        ['a byte behind the largest document', { ...FETCH, offset: 262_144 }],
        ['half a byte', { ...FETCH, offset: 0.5 }],
        ['a key ID for a digest', { ...FETCH, digest: KEY }],
        ['a length', { ...FETCH, length: 100 }],
      ],
    },
    announcement: {
      valid: [
        ['the largest', ANNOUNCEMENT],
        ['a license', { ...ANNOUNCEMENT, kind: 'license', size: 1, version: 0 }],
        ['a trust update', { ...ANNOUNCEMENT, kind: 'trust-update', version: 2 }],
      ],
      invalid: [
        ['a catalog', { ...ANNOUNCEMENT, kind: 'catalog' }],
        ['nothing', { ...ANNOUNCEMENT, size: 0 }],
        ['too much', { ...ANNOUNCEMENT, size: 262_145 }],
        ['too high a version', { ...ANNOUNCEMENT, version: 1_000_000_000 }],
        ['more', { ...ANNOUNCEMENT, url: 'https://example.com' }],
      ],
    },
    fault: {
      valid: [
        ['a day', FAULT],
        ['no time', { ...FAULT, retryAfter: null }],
        ['a later version', { ...FAULT, supported: { versions: [1, 2], types: ['hello', 'other'] } }],
      ],
      invalid: [
        ['more than a day', { ...FAULT, retryAfter: 86_401 }],
        ['no time and no null', { ...FAULT, retryAfter: undefined }],
        ['a code that there is not', { ...FAULT, code: 'teapot' }],
      ],
    },
  };
