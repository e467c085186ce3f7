/** Programs read slmgr's output; these are the ways in which they do. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { productLines } from '../../../src/cli/slmgr/license-report-text.ts';
import { joinLines } from '../../../src/cli/slmgr/run.ts';
import { LicenseStatus, type ProductReport } from '../../../src/guest/license-report.ts';
import { DATACENTER, FakeService, NEVER_ACTIVATED, slmgr } from './fake-service.ts';

beforeEach(() => vi.stubEnv('TZ', 'UTC'));
afterEach(() => vi.unstubAllEnvs());

const dli = async (product: ProductReport) => (await slmgr('/dli', new FakeService([product]))).lines;

test('Salt’s win_license module finds its four values in /dli', async () => {
  const out = joinLines(await dli(DATACENTER), '\r\n');
  const match = /Name: (.*)\r\nDescription: (.*)\r\nPartial Product Key: (.*)\r\nLicense Status: (.*)/.exec(
    out,
  );
  expect(match?.slice(1)).toEqual([DATACENTER.name, DATACENTER.description, 'D4WYM', 'Licensed']);
});

test('Salt’s test for "licensed" finds it in /dli, and only when it is so', async () => {
  const isLicensed = async (product: ProductReport) => (await dli(product)).join('\n').includes('Licensed');
  expect(await isLicensed(DATACENTER)).toBe(true);
  expect(await isLicensed(NEVER_ACTIVATED)).toBe(false);
});

/** Checkmk's agent plugin splits lines at blanks; its check reads the first words and the text after the colon. */
function readAsCheckmk(lines: readonly string[]): { license?: string; expirationSeconds?: number } {
  const read: { license?: string; expirationSeconds?: number } = {};
  for (const line of lines) {
    const words = line.split(/\s+/).filter((word) => word !== '');
    if (words.length === 0) continue;
    const [, value = ''] = words.join(' ').split(/: (.*)/);
    if (words[0] === 'License' && words[1] === 'Status:') read.license = value;
    if (/^(Time remaining|\S+ (VM )?activation expiration):/.test(words.join(' '))) {
      read.expirationSeconds = Number(/(\d+) minute/.exec(value)?.[1]) * 60;
    }
  }
  return read;
}

test('Checkmk’s win_license check reads status and time from /dli', async () => {
  expect(readAsCheckmk(await dli(DATACENTER))).toEqual({ license: 'Licensed', expirationSeconds: 604_740 });
  expect(readAsCheckmk(await dli(NEVER_ACTIVATED))).toEqual({
    license: 'Initial grace period',
    expirationSeconds: 2_592_000,
  });
});

describe('a license state can be read back from its text', () => {
  const STATUS_TEXTS: readonly [RegExp, LicenseStatus][] = [
    [/^Unlicensed$/, 0],
    [/^Licensed$/, 1],
    [/^Initial grace period$/, 2],
    [/^Additional grace period \(KMS license expired or hardware out of tolerance\)$/, 3],
    [/^Non-genuine grace period\.$/, 4],
    [/^Notification$/, 5],
    [/^Extended grace period$/, 6],
  ];

  function readState(lines: readonly string[]) {
    const textAfter = (pattern: RegExp) =>
      lines.map((line) => pattern.exec(line)?.[1]).find((found) => found !== undefined);
    const status = STATUS_TEXTS.find(([text]) => text.test(textAfter(/^License Status: (.*)$/) ?? ''))?.[1];
    const [, minutes = '0', days = '0'] =
      lines
        .map((line) => /: (\d+) minute\(s\) \((\d+) day\(s\)\)$/.exec(line))
        .find((found) => found !== null) ?? [];
    return {
      status,
      reason: Number(textAfter(/^Notification Reason: (0x[0-9A-F]+)(?: \([a-z -]+\))?\.$/) ?? 0),
      minutes: Number(minutes),
      days: Number(days),
      host: textAfter(/^ {4}Host machine name: (.*)$/),
      iaid: textAfter(/^Guest IAID: (.*)$/),
    };
  }

  const word = fc.stringMatching(/^[A-Za-z0-9.-]{1,40}$/);
  const states = fc.record({
    status: fc.constantFrom(...Object.values(LicenseStatus)),
    reason: fc.oneof(
      fc.constantFrom(0xc004f009, 0xc004f200, 0xc004fd04, 0x8007000d),
      fc.integer({ min: 1, max: 0xffff_ffff }),
    ),
    remainingMinutes: fc.nat({ max: 10_000_000 }),
  });
  const products = fc
    .record({
      license: states,
      iaid: fc.option(word),
      hostMachineName: fc.option(word),
      activationTime: fc.option(fc.nat({ max: 4_000_000_000_000 })),
      detail: fc.constantFrom('short' as const, 'full' as const),
    })
    .map(({ license, detail, ...activation }) => ({
      detail,
      product: {
        ...DATACENTER,
        license,
        virtualMachineActivation: { ...activation, hostDigitalPid2: null },
      } satisfies ProductReport,
    }));

  test('in /dli and /dlv alike', () => {
    fc.assert(
      fc.property(products, ({ product, detail }) => {
        const service = new FakeService([product]).service();
        const lines = productLines(product, service, detail);
        const { license, virtualMachineActivation: activation } = product;
        const runs = [1, 2, 3, 4, 6].includes(license.status);
        const minutes = runs ? license.remainingMinutes : 0;
        const known = activation.hostMachineName !== null || activation.activationTime !== null;
        expect(readState(lines)).toEqual({
          status: license.status,
          reason: license.status === LicenseStatus.notification ? license.reason : 0,
          minutes,
          days: Math.ceil(minutes / 1440),
          host: known ? (activation.hostMachineName ?? 'Not Available') : undefined,
          iaid: activation.iaid ?? 'Not Available',
        });
      }),
    );
  });

  test('every line is one line', () => {
    fc.assert(
      fc.property(products, ({ product, detail }) => {
        const lines = productLines(product, new FakeService([product]).service(), detail);
        expect(lines.every((line) => !/[\r\n]/.test(line))).toBe(true);
      }),
    );
  });
});
