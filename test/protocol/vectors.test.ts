import { describe, expect, test } from 'vitest';
import { AvmaError } from '../../src/errors/avma-error.ts';
import { REFUSAL_CODES, Response } from '../../src/protocol/answer.ts';
import { parseJson } from '../../src/protocol/envelope.ts';
import { LicenseEvidence, verifyEvidence, verifyNamedLicense } from '../../src/protocol/evidence.ts';
import { unseal } from '../../src/protocol/sealed-packet.ts';
import { verifyResponse } from '../../src/protocol/verify-response.ts';
import { failureOf, outcomeOf } from '../support/failures.ts';
import { bytes, type ExchangeVector, readVectorFiles, trustOf } from '../vectors/exchange-vector.ts';

const FILES = readVectorFiles();

/** Every code that docs/protocol.md names beside one of the steps V2 to V17. */
const CODES_OF_VERIFICATION = [
  ...REFUSAL_CODES,
  'certificate-untrusted',
  'edition-mismatch',
  'host-mismatch',
  'lease-invalid',
  'license-invalid',
  'ok',
  'request-mismatch',
  'response-malformed',
  'response-unopened',
  'signature-invalid',
  'vm-mismatch',
];

/** The steps that need the exchange itself: a lease from the guest's state cannot be checked by them again. */
const ONLY_IN_EXCHANGE = ['V2', 'V3', 'V7', 'V8'];

function verify(vector: ExchangeVector, sealed = bytes(vector.response)) {
  const verified = verifyResponse({
    sealed,
    key: { sharedKey: bytes(vector.sharedKey) },
    requestPacket: bytes(vector.requestPacket),
    request: vector,
    product: vector,
    trust: trustOf(vector),
  });
  verifyNamedLicense(verified, vector.license, vector);
}

function verifyKept(evidence: LicenseEvidence, vector: ExchangeVector) {
  return verifyEvidence(evidence, vector, trustOf(vector));
}

function evidenceOf(vector: ExchangeVector): LicenseEvidence {
  const plaintext = unseal({ sharedKey: bytes(vector.sharedKey) }, bytes(vector.response));
  const { certificate, answer } = Response().parse(parseJson(plaintext ?? new Uint8Array()));
  return { certificate, answer, license: vector.license };
}

test('there is a file of vectors for each code of the verification', () => {
  expect(FILES.map((file) => file.expect).sort()).toEqual([...CODES_OF_VERIFICATION].sort());
});

test('each of the steps V2 to V17 decides in some vector', () => {
  const steps = new Set(FILES.flatMap((file) => file.vectors.map((vector) => vector.step)));
  const numbers = [...steps].map((step) => Number(step.slice(1))).sort((a, b) => a - b);
  expect(numbers).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]);
});

describe.each(FILES)('$expect', ({ expect: code, vectors }) => {
  test.each(vectors)('$step: $name', (vector) => {
    expect(outcomeOf(() => verify(vector))).toBe(code);
    if (!ONLY_IN_EXCHANGE.includes(vector.step)) {
      expect(outcomeOf(() => verifyKept(evidenceOf(vector), vector))).toBe(code);
    }
  });
});

test('a lease from the state is believed without the exchange that it came from', () => {
  const mismatched = FILES.find((file) => file.expect === 'request-mismatch')?.vectors[0] as ExchangeVector;
  expect(outcomeOf(() => verifyKept(evidenceOf(mismatched), mismatched))).toBe('ok');
});

test('a refusal never carries a code of success', () => {
  for (const { expect: code, vectors } of FILES) {
    for (const vector of vectors.filter(({ step }) => step === 'V12')) {
      try {
        verify(vector);
      } catch (thrown) {
        expect(thrown, `${code}: ${vector.name}`).toBeInstanceOf(AvmaError);
        expect((thrown as AvmaError).hresult, vector.name).toBeGreaterThanOrEqual(0x8000_0000);
      }
    }
  }
});

test('a signed refusal says when to ask again, whether its code is known or not', async () => {
  const refusals = FILES.find((file) => file.expect === 'refused')?.vectors ?? [];
  const vector = refusals.find(({ name }) => name === 'with a code that only a later host has');
  const failure = await failureOf(() => verify(vector as ExchangeVector));
  expect(failure).toMatchObject({ code: 'refused', retryAfter: 60 });
});

test('no edit of one byte of a response packet is believed', () => {
  const vector = FILES.find((file) => file.expect === 'ok')?.vectors[0] as ExchangeVector;
  const response = bytes(vector.response);
  for (let at = 0; at < response.length; at++) {
    for (const bit of [0x01, 0x80]) {
      const edited = response.slice();
      edited[at] = (edited[at] ?? 0) ^ bit;
      expect(outcomeOf(() => verify(vector, edited))).toBe('response-unopened');
    }
  }
});

test('no edit of one byte of what was sealed is believed, and none throws anything but an AvmaError', () => {
  const vector = FILES.find((file) => file.expect === 'ok')?.vectors[0] as ExchangeVector;
  const text = JSON.stringify(evidenceOf(vector));
  const outcomes = new Set<string>();
  for (let at = 0; at < text.length; at++) {
    // The hint in which key signed the answer proves nothing and decides nothing.
    if (/"keyid":"[^"]*$/.test(text.slice(0, at)) && at > text.indexOf('"answer"')) continue;
    for (const replacement of ['A', '0', '"', '}']) {
      if (text[at] === replacement) continue;
      const edited = parseJson(Buffer.from(text.slice(0, at) + replacement + text.slice(at + 1)));
      const evidence = LicenseEvidence.safeParse(edited);
      if (!evidence.success) continue;
      const outcome = outcomeOf(() => verifyKept(evidence.data, vector));
      expect(outcome, `byte ${at} replaced by ${replacement}`).not.toBe('ok');
      outcomes.add(outcome);
    }
  }
  expect([...outcomes].sort()).toEqual(['certificate-untrusted', 'signature-invalid']);
});
