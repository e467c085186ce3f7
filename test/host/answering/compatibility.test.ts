import { describe, expect, test } from 'vitest';
import { LicenseStatus } from '../../../src/guest/license-report.ts';
import { failureOf } from '../../support/failures.ts';
import { createTestGuest } from '../../support/test-guest.ts';
import { createTestHost, MICROSOFT_CATALOG, WINDOWS_HOST } from '../../support/test-host.ts';

/** AVMA's table: a host activates its own version and those before it, from 2012 R2 on. */
const HOSTS = [
  { host: '2012 R2', version: '6.3.9600', activates: ['6.3.9600'] },
  { host: '2016', version: '10.0.14393', activates: ['6.3.9600', '10.0.14393'] },
  { host: '2019', version: '10.0.17763', activates: ['6.3.9600', '10.0.14393', '10.0.17763'] },
  {
    host: '2022',
    version: '10.0.20348',
    activates: ['6.3.9600', '10.0.14393', '10.0.17763', '10.0.20348'],
  },
  {
    host: '2025',
    version: '10.0.26100',
    activates: ['6.3.9600', '10.0.14393', '10.0.17763', '10.0.20348', '10.0.26100'],
  },
];

test('the catalog holds the 15 generic AVMA keys', () => {
  expect(MICROSOFT_CATALOG.products).toHaveLength(15);
});

describe.each(HOSTS)('a host of Windows Server $host', ({ version, activates }) => {
  const guests = MICROSOFT_CATALOG.products.map((product) => ({
    product,
    guest: `${product.edition} ${product.version}`,
    expected: activates.includes(product.version) ? ('activates' as const) : ('refuses' as const),
  }));

  test.each(guests)('$expected $guest', async ({ product, expected }) => {
    const host = createTestHost({ certificate: { windows: { ...WINDOWS_HOST, osVersion: version } } });
    const guest = createTestGuest(host);
    const service = await guest.open();
    await service.installProductKey(product.productKey);
    const { license } = await guest.look(product.activationId);
    if (expected === 'activates') {
      expect(license).toEqual({ status: LicenseStatus.licensed, reason: 0, remainingMinutes: 10_080 });
      expect(host.events.last).toMatchObject({ decision: 'approved', hresult: '0x0' });
    } else {
      expect(license.status).toBe(LicenseStatus.initialGrace);
      const failure = await failureOf(service.activate(product.activationId));
      expect(failure.code).toBe('version-too-new');
      expect(failure.hresult).toBe(0xc004fd03);
      expect(host.events.last).toMatchObject({ decision: 'refused', hresult: '0xC004FD03' });
    }
  });
});
