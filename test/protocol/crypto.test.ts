import { createPrivateKey, createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import nacl from 'tweetnacl';
import { describe, expect, test } from 'vitest';
import {
  exportPrivateKey,
  generateKeyPair,
  importPrivateKey,
  isSmallOrder,
  type KeyPair,
  signEd25519,
  verifyEd25519,
  x25519,
} from '../../src/protocol/curve-keys.ts';
import { boxKey, seal, splitRequestPacket, unseal } from '../../src/protocol/sealed-packet.ts';
import { isTorsion, torsionPartOf } from '../support/edwards.ts';
import { failureOf } from '../support/failures.ts';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const any32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

function keyPair(curve: 'ed25519' | 'x25519', raw: Uint8Array): KeyPair {
  // RFC 8410: the fixed DER in front of a raw private key.
  const prefix = `302e020100300506032b65${curve === 'ed25519' ? '70' : '6e'}04220420`;
  const der = Buffer.concat([Buffer.from(prefix, 'hex'), raw]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return { curve, privateKey, publicKey: new Uint8Array(spki.subarray(-32)) };
}

describe('X25519', () => {
  test.each([
    [
      'RFC 7748, section 5.2, first',
      'a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4',
      'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c',
      'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
    ],
    [
      'RFC 7748, section 5.2, second',
      '4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d',
      'e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493',
      '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957',
    ],
    [
      "RFC 7748, section 6.1, Alice's side",
      '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a',
      'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
      '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
    ],
    [
      "RFC 7748, section 6.1, Bob's side",
      '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb',
      '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
      '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
    ],
  ])('%s', (_name, scalar, u, secret) => {
    expect(x25519(keyPair('x25519', bytes(scalar)), bytes(u))).toEqual(bytes(secret));
  });

  test.each([
    ['0', '00'.repeat(32)],
    ['1', `01${'00'.repeat(31)}`],
    ['a point of order 8', 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'],
    ['another point of order 8', '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157'],
    ['p - 1', `ec${'ff'.repeat(30)}7f`],
    ['p', `ed${'ff'.repeat(30)}7f`],
    ['p + 1', `ee${'ff'.repeat(30)}7f`],
    ['0 with its unused bit set', `${'00'.repeat(31)}80`],
    ['p with its unused bit set', `ed${'ff'.repeat(31)}`],
  ])('refuses the low-order public key %s, whose secret anybody knows', (_name, u) => {
    const mine = generateKeyPair('x25519');
    expect(x25519(mine, bytes(u))).toBeNull();
    expect(boxKey(mine, bytes(u))).toBeNull();
  });

  test('refuses a public key of another length', () => {
    const mine = generateKeyPair('x25519');
    expect(x25519(mine, new Uint8Array(31).fill(9))).toBeNull();
    expect(x25519(mine, new Uint8Array(33).fill(9))).toBeNull();
  });
});

describe('the box', () => {
  test("is byte for byte tweetnacl's nacl.box, both ways", () => {
    fc.assert(
      fc.property(
        any32,
        any32,
        fc.uint8Array({ minLength: 24, maxLength: 24 }),
        fc.uint8Array({ maxLength: 3000 }),
        (mine, theirs, nonce, message) => {
          const [me, them] = [keyPair('x25519', mine), keyPair('x25519', theirs)];
          const key = boxKey(me, them.publicKey);
          if (key === null) throw new RangeError('an honest key was refused');
          expect(key.sharedKey).toEqual(nacl.box.before(them.publicKey, mine));
          expect(boxKey(them, me.publicKey)?.sharedKey).toEqual(key.sharedKey);
          const packet = seal(key, message, nonce);
          expect(packet.slice(24)).toEqual(nacl.box(message, nonce, them.publicKey, mine));
          expect(nacl.box.open(packet.slice(24), nonce, me.publicKey, theirs)).toEqual(message);
          const fromTweetnacl = nacl.box(message, nonce, me.publicKey, theirs);
          expect(unseal(key, new Uint8Array([...nonce, ...fromTweetnacl]))).toEqual(message);
        },
      ),
      { numRuns: 20 },
    );
  });

  test('opens nothing that was sealed with another key, changed or cut', () => {
    const [me, them, other] = [0, 1, 2].map(() => generateKeyPair('x25519')) as [KeyPair, KeyPair, KeyPair];
    const [key, otherKey] = [boxKey(me, them.publicKey), boxKey(other, them.publicKey)];
    if (key === null || otherKey === null) throw new RangeError('an honest key was refused');
    const packet = seal(key, Buffer.from('a request'));
    expect(unseal(otherKey, packet)).toBeNull();
    for (let length = 0; length < packet.length; length++)
      expect(unseal(key, packet.slice(0, length))).toBeNull();
    for (let at = 0; at < packet.length; at++) {
      expect(
        unseal(
          key,
          packet.map((byte, index) => (index === at ? byte ^ 1 : byte)),
        ),
      ).toBeNull();
    }
  });

  test('has a fresh nonce each time', () => {
    const mine = generateKeyPair('x25519');
    const key = boxKey(mine, generateKeyPair('x25519').publicKey);
    if (key === null) throw new RangeError('an honest key was refused');
    const nonces = Array.from({ length: 50 }, () =>
      Buffer.from(seal(key, new Uint8Array())).toString('hex', 0, 24),
    );
    expect(new Set(nonces).size).toBe(50);
  });

  test('a packet that is too short for a key, a nonce and a tag is no request', () => {
    expect(splitRequestPacket(new Uint8Array(71))).toBeNull();
    expect(splitRequestPacket(new Uint8Array(72))).not.toBeNull();
  });
});

describe('Ed25519', () => {
  const vectors = [
    [
      'RFC 8032, section 7.1, test 1',
      '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      'RFC 8032, section 7.1, test 2',
      '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ],
    [
      'RFC 8032, section 7.1, test 3',
      'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
      'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
      'af82',
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    ],
  ] as const;

  test.each(vectors)('%s', (_name, secret, publicKey, message, signature) => {
    const pair = keyPair('ed25519', bytes(secret));
    expect(pair.publicKey).toEqual(bytes(publicKey));
    expect(signEd25519(pair, bytes(message))).toEqual(bytes(signature));
    expect(verifyEd25519(pair.publicKey, bytes(message), bytes(signature))).toBe(true);
    expect(verifyEd25519(pair.publicKey, bytes(`${message}00`), bytes(signature))).toBe(false);
  });

  test('refuses S + L, which tweetnacl takes for a second signature of the same message', () => {
    const [, , publicKey, message, signature] = vectors[2];
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = BigInt(`0x${Buffer.from(bytes(signature).slice(32)).reverse().toString('hex')}`);
    const malleated = Buffer.from((s + order).toString(16).padStart(64, '0'), 'hex').reverse();
    const second = new Uint8Array([...bytes(signature).slice(0, 32), ...malleated]);
    expect(nacl.sign.detached.verify(bytes(message), second, bytes(publicKey))).toBe(true);
    expect(verifyEd25519(bytes(publicKey), bytes(message), second)).toBe(false);
  });

  test('refuses keys and signatures of other lengths, and keys that are no points, without throwing', () => {
    const pair = generateKeyPair('ed25519');
    const signature = signEd25519(pair, bytes('00'));
    expect(verifyEd25519(pair.publicKey.slice(1), bytes('00'), signature)).toBe(false);
    expect(verifyEd25519(pair.publicKey, bytes('00'), signature.slice(1))).toBe(false);
    fc.assert(fc.property(any32, (key) => !verifyEd25519(key, bytes('00'), signature)));
  });

  describe('keys of small order', () => {
    const P = 2n ** 255n - 19n;
    const encode = (y: bigint) => Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse();

    /** Every y of a point whose order divides 8: what [L]A runs through, A being anything on the curve. */
    const torsion = new Set<string>();
    for (let y = 2n; torsion.size < 5; y++) {
      const part = torsionPartOf(encode(y));
      if (part !== undefined) torsion.add(part);
    }
    /** Those y below 19 can be written a second time, as y + p. */
    const canonical = [...torsion].map((y) => BigInt(`0x${Buffer.from(y, 'hex').reverse().toString('hex')}`));
    const encodings = [...canonical, ...canonical.filter((y) => y < 19n).map((y) => y + P)].map(encode);

    test('there are seven of them, and [8]A is the identity for each', () => {
      expect(encodings).toHaveLength(7);
      for (const encoding of encodings) expect(isTorsion(encoding)).toBe(true);
    });

    test('each is refused, with either sign', () => {
      for (const encoding of encodings) {
        for (const sign of [0, 0x80]) {
          const key = new Uint8Array(encoding);
          key[31] = (key[31] ?? 0) | sign;
          expect(isSmallOrder(key), Buffer.from(key).toString('hex')).toBe(true);
          const forged = new Uint8Array(64).fill(1, 0, 1);
          expect(verifyEd25519(key, bytes('00'), forged)).toBe(false);
        }
      }
    });

    test('no honest key is taken for one', () => {
      fc.assert(
        fc.property(any32, (seed) => {
          const { publicKey } = keyPair('ed25519', seed);
          expect(isSmallOrder(publicKey)).toBe(false);
          expect(isTorsion(publicKey)).toBe(false);
        }),
        { numRuns: 20 },
      );
    });
  });
});

describe('a private key file', () => {
  test('round-trips as PEM', () => {
    for (const curve of ['ed25519', 'x25519'] as const) {
      const pair = generateKeyPair(curve);
      expect(importPrivateKey(curve, exportPrivateKey(pair), { from: 'key' }).publicKey).toEqual(
        pair.publicKey,
      );
    }
  });

  test('of another kind, or none: file-invalid, with its name', async () => {
    const pem = exportPrivateKey(generateKeyPair('x25519'));
    for (const text of [pem, 'nonsense', '', pem.slice(0, 60)]) {
      const failure = await failureOf(() => importPrivateKey('ed25519', text, { from: '/k/root.key' }));
      expect(failure.code).toBe('file-invalid');
      expect(failure.message).toContain('/k/root.key');
    }
  });
});
