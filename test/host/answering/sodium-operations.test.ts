/** libsodium's operations against node:crypto's and tweetnacl's. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type CryptoOperations, PORTABLE_OPERATIONS } from '../../../src/host/answering/crypto-operations.ts';
import { cryptoBy } from '../../../src/host/answering/host-crypto.ts';
import { loadOperations } from '../../../src/host/answering/sodium-operations.ts';
import { Turns } from '../../../src/host/answering/turns.ts';
import { generateKeyPair, verifyEd25519 } from '../../../src/protocol/curve-keys.ts';
import { createTestGuest, DATACENTER_2025 } from '../../support/test-guest.ts';
import { createTestHost } from '../../support/test-host.ts';

const PORTABLE = PORTABLE_OPERATIONS;
/** A message of that many bytes. */
const bytes = (length: number) => new Uint8Array(randomBytes(length));
const hex = (data: Uint8Array | null) => data && Buffer.from(data).toString('hex');

let sodium: CryptoOperations;

beforeAll(async () => {
  sodium = await loadOperations();
  // Else the tests below would compare the portable operations with themselves.
  expect(sodium).not.toBe(PORTABLE);
});

describe('libsodium and node:crypto', () => {
  test('agree on the secret of two parties', () => {
    for (let nth = 0; nth < 20; nth++) {
      const [mine, theirs] = [generateKeyPair('x25519'), generateKeyPair('x25519')];
      const secret = hex(sodium.x25519(mine, theirs.publicKey));
      expect(secret).toBe(hex(PORTABLE.x25519(mine, theirs.publicKey)));
      expect(secret).toBe(hex(sodium.x25519(theirs, mine.publicKey)));
    }
  });

  // RFC 7748, section 6.1: these make the secret zero. 0, 1, and the orders 8, as the field's elements.
  test.each([
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ])('give no secret for the low-order key %s', (key) => {
    const theirs = new Uint8Array(Buffer.from(key, 'hex'));
    const mine = generateKeyPair('x25519');
    expect(PORTABLE.x25519(mine, theirs)).toBeNull();
    expect(sodium.x25519(mine, theirs)).toBeNull();
  });

  test.each([0, 31, 33])('give no secret for a key of %i bytes', (length) => {
    const mine = generateKeyPair('x25519');
    expect(PORTABLE.x25519(mine, bytes(length))).toBeNull();
    expect(sodium.x25519(mine, bytes(length))).toBeNull();
  });

  test.each([0, 1, 127, 128, 900, 4000])('sign a message of %i bytes in the same way', (length) => {
    const pair = generateKeyPair('ed25519');
    const message = bytes(length);
    const signature = sodium.signEd25519(pair, message);
    expect(hex(signature)).toBe(hex(PORTABLE.signEd25519(pair, message)));
    expect(verifyEd25519(pair.publicKey, message, signature)).toBe(true);
  });

  test.each([0, 1, 63, 64, 65, 3000])('make and open the same box of %i bytes', (length) => {
    const key = { sharedKey: bytes(32) };
    const [plaintext, nonce] = [bytes(length), bytes(24)];
    const packet = sodium.seal(key, plaintext, nonce);
    expect(hex(packet)).toBe(hex(PORTABLE.seal(key, plaintext, nonce)));
    expect(hex(sodium.unseal(key, packet))).toBe(hex(plaintext));
    expect(hex(PORTABLE.unseal(key, packet))).toBe(hex(plaintext));
  });

  test('open nothing that was changed, cut short or sealed with another key', () => {
    const key = { sharedKey: bytes(32) };
    const packet = sodium.seal(key, bytes(100));
    expect(sodium.unseal({ sharedKey: bytes(32) }, packet)).toBeNull();
    for (let at = 0; at < packet.length; at += 7) {
      const changed = packet.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(sodium.unseal(key, changed)).toBeNull();
      expect(sodium.unseal(key, packet.subarray(0, at))).toBeNull();
    }
  });

  test('seal with a fresh nonce each time', () => {
    const key = { sharedKey: bytes(32) };
    const nonces = Array.from({ length: 200 }, () => hex(sodium.seal(key, bytes(1)).subarray(0, 24)));
    expect(new Set(nonces).size).toBe(200);
  });
});

test('a guest is activated by a host that uses libsodium', async () => {
  const host = createTestHost({ turns: new Turns(null, cryptoBy(sodium)) });
  const guest = createTestGuest(host);
  await guest.installKey(DATACENTER_2025.key);
  const { license } = await guest.look(DATACENTER_2025.activationId);
  expect(license).toMatchObject({ status: 1, remainingMinutes: 10_080 });
});

describe('without its package', () => {
  afterEach(() => {
    vi.doUnmock('sodium-native');
    vi.resetModules();
  });

  test('the portable operations are used', async () => {
    vi.resetModules();
    vi.doMock('sodium-native', () => {
      throw new Error('Cannot find module');
    });
    const anew = await import('../../../src/host/answering/sodium-operations.ts');
    const portable = await import('../../../src/host/answering/crypto-operations.ts');
    expect(await anew.loadOperations()).toBe(portable.PORTABLE_OPERATIONS);
  });
});
