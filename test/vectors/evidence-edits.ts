import { PAYLOAD_TYPES } from '../../src/protocol/envelope.ts';
import {
  base64,
  DAY,
  digestOf,
  type Keys,
  type LooseEnvelope,
  publicKeyOf,
  type Statement,
  THEN,
  trustUpdate,
} from './evidence-scene.ts';

export const MINUTE = 60_000;
export const OTHER = '99999999-2222-4333-8444-555555555555';
export const CORNERS = { notBefore: THEN - DAY, notAfter: THEN + 365 * DAY, graceUntil: THEN + 379 * DAY };

/** The dates of what ended so long before the answer, and its renewal grace of 14 days. */
export const endedBefore = (ago: number) => ({ notAfter: THEN - ago, graceUntil: THEN - ago + 14 * DAY });
export const BEGUN_LONG_AGO = { notBefore: THEN - 400 * DAY };

export const anchorFile = (keys: Keys, more: Statement = {}) => ({
  schema: 'avma.trust-anchor/1',
  name: 'Acme',
  publicKey: publicKeyOf(keys, 'root'),
  createdAt: THEN,
  ...more,
});

export const refused = (code: string | null, hresult: number): Statement => ({
  decision: 'refused',
  hresult,
  refusal: code === null ? null : { code, message: 'why, in a sentence', retryAfter: null },
  expiresAt: THEN,
  renewAfter: THEN,
});

/** The third set of roots: the first root is retired. */
export const retirement = (keys: Keys, difference: Statement = {}) =>
  trustUpdate(
    keys,
    {
      version: 3,
      previous: digestOf(trustUpdate(keys)),
      formerRoots: [publicKeyOf(keys, 'root'), publicKeyOf(keys, 'next')],
      roots: [publicKeyOf(keys, 'next')],
      ...difference,
    },
    ['next'],
  );

export function edit(from: string, to: string): (envelope: LooseEnvelope) => LooseEnvelope {
  return (envelope) => {
    const payload = Buffer.from(envelope.payload, 'base64url').toString('utf8');
    if (!payload.includes(from)) throw new RangeError(`the payload does not hold ${from}`);
    return { ...envelope, payload: base64(Buffer.from(payload.replace(from, to))) };
  };
}

export function relabel(envelope: LooseEnvelope): LooseEnvelope {
  return { ...envelope, payloadType: PAYLOAD_TYPES.catalog };
}

/** A trust update that would bring the next root, were it not for one thing. */
export function wrongUpdate(keys: Keys, what: string): LooseEnvelope {
  const [root, next] = [publicKeyOf(keys, 'root'), publicKeyOf(keys, 'next')];
  switch (what) {
    case 'relabeled':
      return relabel(trustUpdate(keys));
    case 'previous':
      return trustUpdate(keys, { previous: '0'.repeat(64) });
    case 'twice':
      return trustUpdate(keys, { roots: [root, next, next] });
    default:
      return trustUpdate(keys, { formerRoots: [root, publicKeyOf(keys, 'nobody')] });
  }
}

export function editSignature(change: (signature: Uint8Array) => Uint8Array) {
  return (envelope: LooseEnvelope): LooseEnvelope => ({
    ...envelope,
    signatures: envelope.signatures.map(({ keyid, sig }) => ({
      keyid,
      sig: base64(change(new Uint8Array(Buffer.from(sig, 'base64url')))),
    })),
  });
}

/** The order of the base point: S + L is the same number, in a form that must not be accepted. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

export function malleate(signature: Uint8Array): Uint8Array {
  const s = BigInt(`0x${Buffer.from(signature.slice(32)).reverse().toString('hex')}`) + L;
  const bytes = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse();
  return new Uint8Array([...signature.slice(0, 32), ...bytes]);
}

/** JSON with another spelling of one of its parts. */
export const spell = (from: string | RegExp, to: string) => (json: string) => {
  if (!(typeof from === 'string' ? json.includes(from) : from.test(json))) {
    throw new RangeError(`the payload does not hold ${from}`);
  }
  return json.replace(from, to);
};

export const withBom = (json: string) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(json)]);
export const withLatin1 = (json: string) => Buffer.from(json.replace('hv01', 'hv\xfc'), 'latin1');
export const withRawSurrogate = (json: string) => {
  const [before = '', after = ''] = json.split('hv01');
  return Buffer.concat([Buffer.from(before), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from(after)]);
};

export const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
