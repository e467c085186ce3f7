import { DAY } from './clock.ts';

/** What a sound host says of itself: the output of `avma host status --json`, with its schema. */
export function hostStatus(
  nth: number,
  at: number,
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  const iso = (time: number) => new Date(time).toISOString();
  const id = nth.toString(16).toUpperCase().padStart(4, '0');
  return {
    schema: 'avma.host-status/2',
    at: iso(at),
    version: '0.2.0',
    from: 'host',
    folder: '/var/lib/avma/host',
    name: `hv${nth}`,
    hardwareId: `AAAA-AAAA-AAAA-${id}`,
    state: 'activated',
    serving: { state: 'running', since: iso(at - DAY), pid: 4711, endpoints: ['unix:/run/avma/host.sock'] },
    certificate: null,
    remainingMinutes: 200 * 1440,
    certificates: [],
    licenses: [],
    vendors: [],
    newKeys: false,
    ledger: {
      engine: 'sqlite',
      place: 'sqlite:/var/lib/avma/host/ledger.db',
      records: 7,
      digest: 'a'.repeat(64),
      time: iso(at),
      checkpoint: null,
      ok: true,
      lastError: null,
      bytes: 4096,
    },
    channels: { open: 1, named: 1, domains: 0 },
    guests: { known: 3, licensed: 2, expired: 1, refused: 0, present: 2, clones: 0 },
    decisions: null,
    lastError: null,
    lastReport: null,
    warnings: [],
    problems: [],
    nextSteps: [],
    ...more,
  };
}

/** A license in such a status, with so many seats of so many. */
export function licenseStatus(taken: number, guests: number | null): Record<string, unknown> {
  return {
    licenseId: '00112233445566aa',
    customer: 'Bank Ltd',
    product: { activationId: '0b0f1c9e-6a39-4c43-9c7e-0a1f00000001', name: 'Acme Gateway' },
    hosts: [],
    sites: [],
    features: {},
    guests,
    overage: 'report',
    notBefore: '2026-01-01T00:00:00.000Z',
    notAfter: '2027-01-01T00:00:00.000Z',
    graceUntil: '2027-01-15T00:00:00.000Z',
    issuedAt: '2026-01-01T00:00:00.000Z',
    vendor: { name: 'Acme', keyId: '0011223344556677' },
    state: 'valid',
    aside: false,
    used: taken,
    seats: taken,
  };
}

/** What a host of version 0.1 says of itself. */
export function firstHostStatus(name: string): Record<string, unknown> {
  return {
    schema: 'avma.host-status/1',
    folder: '/var/lib/avma/host',
    name,
    hardwareId: 'BBBB-BBBB-BBBB-BBBB',
    state: 'activated',
    serving: { state: 'running', since: null, pid: null, endpoints: [] },
    certificate: null,
    remainingMinutes: 100 * 1440,
    certificates: [],
    licenses: [],
    vendors: [],
    newKeys: false,
    warnings: [],
    problems: [],
    nextSteps: [],
  };
}
