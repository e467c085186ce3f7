import { describe, expect, test } from 'vitest';
import { AvmaError } from '../../src/errors/avma-error.ts';
import { REFUSAL_CODES, SignedLease } from '../../src/protocol/answer.ts';
import { parseJson } from '../../src/protocol/envelope.ts';
import { unseal } from '../../src/protocol/sealed-packet.ts';
import { verifySignedLease } from '../../src/protocol/verify-answer.ts';
import { verifyResponse } from '../../src/protocol/verify-response.ts';
import { outcomeOf } from '../support/failures.ts';
import { anchorsOf, bytes, type ExchangeVector, readVectorFiles } from '../vectors/exchange-vector.ts';

const FILES = readVectorFiles();

/** Every code that docs/protocol.md names beside one of the steps V2 to V14. */
const CODES_OF_VERIFICATION = [
  ...REFUSAL_CODES,
  'certificate-untrusted',
  'edition-mismatch',
  'host-mismatch',
  'lease-invalid',
  'ok',
  'request-mismatch',
  'response-malformed',
  'response-unopened',
  'signature-invalid',
  'vm-mismatch',
];

/** The steps that need the exchange itself: a lease from the guest's state cannot be checked by them again. */
const ONLY_IN_EXCHANGE = ['V2', 'V3', 'V6', 'V7'];

function verify(vector: ExchangeVector, response = bytes(vector.response)) {
  return verifyResponse({
    sealed: response,
    key: { sharedKey: bytes(vector.sharedKey) },
    requestPacket: bytes(vector.requestPacket),
    request: vector,
    anchors: anchorsOf(vector),
  });
}

function signedLeaseOf(vector: ExchangeVector): SignedLease {
  const plaintext = unseal({ sharedKey: bytes(vector.sharedKey) }, bytes(vector.response));
  return SignedLease.parse(parseJson(plaintext ?? new Uint8Array()));
}

test('there is a file of vectors for each code of the verification', () => {
  expect(FILES.map((file) => file.expect).sort()).toEqual([...CODES_OF_VERIFICATION].sort());
});

test('each of the steps V2 to V14 decides in some vector', () => {
  const steps = new Set(FILES.flatMap((file) => file.vectors.map((vector) => vector.step)));
  const numbers = [...steps].map((step) => Number(step.slice(1))).sort((a, b) => a - b);
  expect(numbers).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
});

describe.each(FILES)('$expect', ({ expect: code, vectors }) => {
  test.each(vectors)('$step: $name', (vector) => {
    expect(outcomeOf(() => verify(vector))).toBe(code);
    if (!ONLY_IN_EXCHANGE.includes(vector.step)) {
      expect(outcomeOf(() => verifySignedLease(signedLeaseOf(vector), vector, anchorsOf(vector)))).toBe(code);
    }
  });
});

test('a lease from the state is believed without the exchange that it came from', () => {
  const mismatched = FILES.find((file) => file.expect === 'request-mismatch')?.vectors[0] as ExchangeVector;
  expect(
    outcomeOf(() => verifySignedLease(signedLeaseOf(mismatched), mismatched, anchorsOf(mismatched))),
  ).toBe('ok');
});

test('a refusal never carries a code of success', () => {
  for (const { expect: code, vectors } of FILES) {
    for (const vector of vectors.filter(({ step }) => step === 'V11')) {
      try {
        verify(vector);
      } catch (thrown) {
        expect(thrown, `${code}: ${vector.name}`).toBeInstanceOf(AvmaError);
        expect((thrown as AvmaError).hresult, vector.name).toBeGreaterThanOrEqual(0x8000_0000);
      }
    }
  }
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
  const text = JSON.stringify(signedLeaseOf(vector));
  const outcomes = new Set<string>();
  for (let at = 0; at < text.length; at++) {
    // The hint in which key signed the answer proves nothing and decides nothing.
    if (/"keyid":"[^"]*$/.test(text.slice(0, at)) && at > text.indexOf('"answer"')) continue;
    for (const replacement of ['A', '0', '"', '}']) {
      if (text[at] === replacement) continue;
      const edited = parseJson(Buffer.from(text.slice(0, at) + replacement + text.slice(at + 1)));
      const signedLease = SignedLease.safeParse(edited);
      if (!signedLease.success) continue;
      const outcome = outcomeOf(() => verifySignedLease(signedLease.data, vector, anchorsOf(vector)));
      expect(outcome, `byte ${at} replaced by ${replacement}`).not.toBe('ok');
      outcomes.add(outcome);
    }
  }
  expect([...outcomes].sort()).toEqual(['certificate-untrusted', 'signature-invalid']);
});
