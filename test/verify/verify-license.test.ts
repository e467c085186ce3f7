import vm from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { VerifyOptions } from '../../src/verify/api.ts';
import { verifyLicense } from '../../src/verify/verify-license.ts';
import { EVIDENCE_VECTORS } from '../vectors/evidence-list.ts';
import { makeEvidence, makeKeys, makeOptions, PRODUCT, THEN, VM } from '../vectors/evidence-scene.ts';
import { type EvidenceVector, readEvidenceVectors } from '../vectors/evidence-vector.ts';

const FILES = readEvidenceVectors();
const GOOD = FILES.find((file) => file.expect === 'ok')?.vectors[0] as EvidenceVector;

test('the files are those of the list', () => {
  const listed = Object.entries(EVIDENCE_VECTORS).map(([reason, list]) => [
    reason,
    list.map(({ name }) => name),
  ]);
  const written = FILES.map(({ expect: reason, vectors }) => [reason, vectors.map(({ name }) => name)]);
  expect(new Map(written as [string, string[]][])).toEqual(new Map(listed as [string, string[]][]));
});

describe.each(FILES)('$expect', ({ expect: reason, vectors }) => {
  test.each(vectors)('$name', ({ evidence, options, claims }) => {
    const expected = reason === 'ok' ? { valid: true, reason: null } : { valid: false, reason };
    expect(verifyLicense(evidence, options)).toEqual({ ...expected, claims });
  });
});

test('claims are there for a license that has ended, and for no evidence whose signatures do not hold', () => {
  const claimed = FILES.filter(({ vectors }) => vectors.every(({ claims }) => claims !== null));
  expect(claimed.map((file) => file.expect)).toEqual(
    expect.arrayContaining(['lease-expired', 'license-expired', 'feature-missing', 'vm-mismatch']),
  );
  const unclaimed = FILES.filter(({ vectors }) => vectors.every(({ claims }) => claims === null));
  expect(unclaimed.map((file) => file.expect)).toEqual([
    'certificate-untrusted',
    'license-invalid',
    'license-untrusted',
    'options-invalid',
    'response-malformed',
    'signature-invalid',
  ]);
});

test('evidence counts as an object, as its text and as its bytes', () => {
  const text = JSON.stringify(GOOD.evidence);
  for (const evidence of [GOOD.evidence, text, Buffer.from(text), new Uint8Array(Buffer.from(text))]) {
    expect(verifyLicense(evidence, GOOD.options).reason).toBeNull();
  }
});

test('the time may be a Date', () => {
  expect(verifyLicense(GOOD.evidence, { ...GOOD.options, now: new Date(THEN) }).reason).toBeNull();
});

test('bytes and a Date may be of another realm, as in test runners', () => {
  const { bytes, now } = vm.runInNewContext('({ bytes: new Uint8Array(list), now: new Date(time) })', {
    list: [...Buffer.from(JSON.stringify(GOOD.evidence))],
    time: THEN,
  });
  expect(verifyLicense(bytes, { ...GOOD.options, now }).reason).toBeNull();
});

const circular: Record<string, unknown> = {};
circular['self'] = circular;
const throwing = () => {
  throw new Error('from the program');
};

test.each<[string, unknown]>([
  ['undefined', undefined],
  ['a function', throwing],
  ['a symbol', Symbol('evidence')],
  ['a bigint', 1n],
  ['an object in itself', circular],
  ['a member that throws', Object.defineProperty({}, 'answer', { enumerable: true, get: throwing })],
  ['a toJSON that throws', { toJSON: throwing }],
  ['a proxy that throws', new Proxy({}, { ownKeys: throwing, get: throwing })],
  ['a revoked proxy', revokedProxy()],
  ['a Date that is none', new Date(Number.NaN)],
  ['an ArrayBuffer', new ArrayBuffer(8)],
])('%s as evidence is malformed, and throws nothing', (_what, evidence) => {
  expect(verifyLicense(evidence, GOOD.options)).toEqual({
    valid: false,
    reason: 'response-malformed',
    claims: null,
  });
});

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

test.each<[string, unknown]>([
  ['none', undefined],
  ['null', null],
  ['text', 'options'],
  ['a proxy that throws', new Proxy({}, { ownKeys: throwing, get: throwing })],
  ['a mistyped member', { ...GOOD.options, requireLicence: false }],
  ['no roots', { ...GOOD.options, roots: undefined }],
  ['one root without a list', { ...GOOD.options, roots: GOOD.options.roots[0] }],
  ['a root that is a number', { ...GOOD.options, roots: [1] }],
  ['a Date that is none', { ...GOOD.options, now: new Date(Number.NaN) }],
  ['seconds with a fraction', { ...GOOD.options, now: THEN / 1000 + 0.5 }],
  ['a time as text', { ...GOOD.options, now: '2026-06-01' }],
  ['a feature without a list', { ...GOOD.options, features: 'vpn' }],
  ['a feature that is a number', { ...GOOD.options, features: [10] }],
  ['a hole for a feature', { ...GOOD.options, features: new Array(1) }],
  ['features that are null', { ...GOOD.options, features: null }],
  ['requireLicense that is null', { ...GOOD.options, requireLicense: null }],
  ['a nonce that is null', { ...GOOD.options, nonce: null }],
  ['requireLicense as text', { ...GOOD.options, requireLicense: 'no' }],
  ['a revocation list without a list', { ...GOOD.options, revocations: {} }],
])('options: %s', (_what, options) => {
  expect(verifyLicense(GOOD.evidence, options as VerifyOptions)).toEqual({
    valid: false,
    reason: 'options-invalid',
    claims: null,
  });
});

test('a member of the options may be undefined, which stands for its default', () => {
  const options = {
    ...GOOD.options,
    features: undefined,
    nonce: undefined,
    revocations: undefined,
    trustUpdates: undefined,
    requireLicense: undefined,
  };
  expect(verifyLicense(GOOD.evidence, options as unknown as VerifyOptions).reason).toBeNull();
});

test('no edit of one byte of what was signed is believed', () => {
  const keys = makeKeys();
  const options = makeOptions(keys, { name: '' });
  const evidence = makeEvidence(keys, { name: '' }) as Record<string, { payload: string }>;
  const reasons = new Set<string | null>();
  for (const part of ['certificate', 'answer', 'license']) {
    const envelope = evidence[part] as { payload: string };
    const payload = Buffer.from(envelope.payload, 'base64url');
    for (let at = 0; at < payload.length; at++) {
      const edited = Buffer.from(payload);
      edited[at] = (payload[at] as number) ^ 0x01;
      const spoiled = { ...evidence, [part]: { ...envelope, payload: edited.toString('base64url') } };
      const { valid, reason, claims } = verifyLicense(spoiled, options);
      expect({ valid, claims }, `byte ${at} of the ${part}`).toEqual({ valid: false, claims: null });
      reasons.add(reason);
    }
  }
  expect([...reasons].sort()).toEqual(['certificate-untrusted', 'license-invalid', 'signature-invalid']);
});

test('what is asked for is in the claims', () => {
  const { claims } = verifyLicense(GOOD.evidence, GOOD.options);
  expect(claims).toMatchObject({
    vmId: VM,
    product: PRODUCT,
    issuedAt: THEN,
    host: { name: 'hv01', customer: 'Bank Ltd', site: 'vienna' },
    license: {
      customer: 'Bank Ltd',
      features: [
        { name: 'vpn', value: null },
        { name: 'throughput', value: 10 },
      ],
    },
  });
});
