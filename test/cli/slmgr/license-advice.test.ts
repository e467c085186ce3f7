import { describe, expect, test } from 'vitest';
import { licenseAdvice } from '../../../src/cli/slmgr/license-advice.ts';
import { AvmaError } from '../../../src/errors/avma-error.ts';
import { LicenseStatus } from '../../../src/guest/license-report.ts';
import type { DerivedReport } from '../../../src/guest/product-report.ts';
import { DATACENTER } from './fake-service.ts';

const DAY = Date.UTC(2026, 11, 1, 11, 8);
const FAILED = { at: DAY, code: 'host-absent', message: 'no host at unix:h', hint: 'Start the host.' };

function derived(status: LicenseStatus, over: object = {}): DerivedReport {
  return {
    product: { name: 'ACME Appliance', channel: 'VT:IA' },
    report: { ...DATACENTER, license: { ...DATACENTER.license, status } },
    verdict: { kind: 'ended' },
    endsAt: null,
    endedAt: null,
    lastAttempt: null,
    ...over,
  } as unknown as DerivedReport;
}

test('a lease that has ended says when', () => {
  expect(licenseAdvice(derived(LicenseStatus.notification, { endedAt: DAY }))).toEqual({
    reason: 'ACME Appliance is not licensed; the lease ended on 2026-12-01 11:08 UTC',
    nextStep: 'Activate: slmgr /ato',
  });
});

test('an initial grace that has ended says when, and how the last attempt went', () => {
  const report = derived(LicenseStatus.notification, { verdict: null, endedAt: DAY, lastAttempt: FAILED });
  expect(licenseAdvice(report)).toEqual({
    reason:
      'ACME Appliance is not licensed; the initial grace ended on 2026-12-01 11:08 UTC; the last attempt, on 2026-12-01 11:08 UTC, failed: no host at unix:h',
    nextStep: 'Start the host. Activate: slmgr /ato',
  });
});

test('a lease that does not count says why', () => {
  const error = new AvmaError('vm-mismatch', 'the lease is for another VM');
  const report = derived(LicenseStatus.notification, { verdict: { kind: 'rejected', error } });
  expect(licenseAdvice(report)?.reason).toBe('ACME Appliance is not licensed; the lease is for another VM');
});

test('grace says when it ends', () => {
  expect(licenseAdvice(derived(LicenseStatus.additionalGrace, { endsAt: DAY }))?.reason).toBe(
    'ACME Appliance is not activated; the grace ends on 2026-12-01 11:08 UTC',
  );
});

describe('nothing is said of a product', () => {
  test('that is licensed', () => {
    expect(licenseAdvice(derived(LicenseStatus.licensed))).toBeNull();
  });
  test('that has no key', () => {
    const report = { ...DATACENTER, partialProductKey: null };
    expect(licenseAdvice(derived(LicenseStatus.notification, { report }))).toBeNull();
  });
  test('that no host can activate', () => {
    const product = { name: 'KMS client', channel: 'Volume:GVLK' };
    expect(licenseAdvice(derived(LicenseStatus.initialGrace, { product }))).toBeNull();
  });
});
