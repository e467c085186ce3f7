/** What a program asks of a license's features, and what it is answered. */
import { describe, expect, test } from 'vitest';
import { featureVerdicts, parseWantedFeature } from '../../src/protocol/features.ts';

const FEATURES = [
  { name: 'vpn', value: null },
  { name: 'throughput', value: 10 },
  { name: 'none', value: 0 },
];

describe('a license', () => {
  test.each([
    ['vpn', true, null],
    ['throughput', true, 10],
    ['none', true, 0],
    ['throughput>=10', true, 10],
    ['throughput>=9', true, 10],
    ['throughput:10', true, 10],
    ['none>=0', true, 0],
    ['throughput>=11', false, 10],
    ['throughput:11', false, 10],
    ['vpn>=1', false, null],
    ['vpn>=0', false, null],
    ['hsm', false, null],
    ['hsm>=0', false, null],
  ])('is asked for %s: granted %s', (text, granted, value) => {
    const [verdict] = featureVerdicts(FEATURES, [parseWantedFeature(text)]);
    expect(verdict).toMatchObject({ granted, value });
    expect(verdict?.why === null).toBe(granted);
  });

  test('is told apart by what is missing: the feature, its number, or enough of it', () => {
    const wanted = ['hsm', 'vpn:1', 'throughput:11'].map(parseWantedFeature);
    expect(featureVerdicts(FEATURES, wanted).map(({ why }) => why)).toEqual([
      'the license has no feature "hsm"',
      'the license has the feature "vpn" without a number, and at least 1 is asked for',
      'the license has the feature "throughput" with 10, and at least 11 is asked for',
    ]);
  });
});

describe('a feature as it is typed', () => {
  test.each([
    ['vpn', { name: 'vpn', atLeast: null }],
    ['a.b-c2>=1000000000000', { name: 'a.b-c2', atLeast: 1_000_000_000_000 }],
    ['throughput:007', { name: 'throughput', atLeast: 7 }],
  ])('%s', (text, wanted) => {
    expect(parseWantedFeature(text)).toEqual(wanted);
  });

  test.each([
    [''],
    ['VPN'],
    ['2fa'],
    ['vpn '],
    ['vpn>='],
    ['vpn:'],
    ['>=3'],
    ['vpn>=-1'],
    ['vpn>=1.5'],
    ['vpn>=0x10'],
    ['vpn>=1000000000001'],
    ['vpn>=10>=10'],
    ['vpn<=3'],
    ['vpn==3'],
    ['vpn\n'],
    ['a'.repeat(33)],
    ['vpn,hsm'],
  ])('%j is none', (text) => {
    expect(() => parseWantedFeature(text)).toThrow(
      expect.objectContaining({ code: 'argument-invalid', hint: expect.stringMatching(/throughput:10/) }),
    );
  });

  test.each([
    ['throughput=10'],
    ['throughput>10'],
    ['throughput=>10'],
    ['throughput >= 10'],
    ['throughput>= 10'],
  ])('%s is none, and the hint says how it is written', (text) => {
    expect(() => parseWantedFeature(text)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('"throughput>=10"') }),
    );
  });
});
