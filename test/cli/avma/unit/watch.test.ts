/** The screen of `avma guest status --watch`, without a terminal. */
import { describe, expect, test } from 'vitest';
import {
  type WatchedProduct,
  type WatchView,
  watchLines,
  watchScreen,
  watchSignature,
} from '../../../../src/cli/avma/guest/watch-view.ts';
import { PLAIN, type Style } from '../../../../src/cli/avma/style.ts';
import { isoInstant } from '../../../../src/schema/format-time.ts';
import { DAY, HOUR, MINUTE, NOW, SECOND } from '../../../support/clock.ts';

/** A product whose lease of seven days has so much left, in milliseconds. */
function licensed(left: number, change: Partial<WatchedProduct> = {}): WatchedProduct {
  const expiresAt = NOW + left;
  return {
    ...{ name: 'Example Appliance', edition: 'Appliance0', version: '3.1', channel: 'VT:IA' },
    ...{ activationId: 'aaaaaaaa-0000-4000-8000-000000000001', partialProductKey: '22222' },
    license: {
      ...{ status: 1, statusText: 'licensed', reason: null, remainingMinutes: Math.ceil(left / MINUTE) },
      ...{ endsAt: isoInstant(expiresAt), endedAt: null },
    },
    problem: null,
    lease: {
      ...{ hostName: 'hv01', hardwareId: '0000-1111-2222-3333', hostEdition: 'ServerDatacenter' },
      ...{ hostOsVersion: '10.0.26100', vendor: { name: 'Example', keyId: '0123456789abcdef' } },
      issuedAt: isoInstant(expiresAt - 7 * DAY),
      renewAfter: isoInstant(expiresAt - 3.5 * DAY),
      ...{ expiresAt: isoInstant(expiresAt), clock: 'in step' },
    },
    ...{ vendor: null, requiresLicense: false, conditions: [], customerLicense: null, notes: [] },
    ...{ certificateEndsAt: null, certificateGraceUntil: null },
    lastAttempt: null,
    trustedTime: isoInstant(NOW),
    nextSteps: [],
    lasts: 7 * DAY,
    ...change,
  };
}

const view = (change: Partial<WatchView> = {}): WatchView => ({
  ...{ now: NOW, products: [licensed(7 * DAY)], agent: 4711, events: [], problem: null },
  ...change,
});

const screen = (shown: WatchView, size = { columns: 80, rows: 24 }, style: Style = PLAIN) =>
  watchScreen(shown, size, style);

/** The bar, without the blanks before it. */
const bar = (product: WatchedProduct, style: Style = PLAIN) =>
  screen(view({ products: [product] }), { columns: 62, rows: 24 }, style)[4]?.trim();

test('a customer license, and what is to be watched for, change the lines', () => {
  const customerLicense = {
    ...{
      licenseId: '00112233445566aa',
      customer: 'Bank Ltd',
      features: { vpn: true, throughput: 10 } as const,
    },
    ...{
      guests: null,
      overage: 'report' as const,
      endsAt: isoInstant(NOW),
      graceUntil: isoInstant(NOW + DAY),
    },
  };
  const shown = view({ products: [licensed(7 * DAY, { customerLicense, notes: ['license X ended'] })] });
  expect(screen(shown)).toEqual(
    expect.arrayContaining(['Note          license X ended', 'Customer      Bank Ltd: vpn, throughput=10']),
  );
  expect(watchLines(shown)[0]).toMatch(/licensed, 7 days left, until .* UTC; license X ended$/);
  expect(watchSignature(shown)).not.toBe(watchSignature(view()));
});

test('a licensed product, its agent, and that nothing has happened yet', () => {
  expect(screen(view())).toEqual([
    'avma guest status, 2026-06-01 12:00:00 UTC, ^C ends',
    '',
    'Product       Example Appliance (Appliance0 3.1, key *-22222)',
    'License       licensed, 7 days left, until 2026-06-08 12:00 UTC',
    `              ${'#'.repeat(29)}|${'#'.repeat(28)}  100 %`,
    'Host          hv01 (0000-1111-2222-3333)',
    'Next renewal  from 2026-06-05 00:00 UTC on, in 3 days 12 hours',
    'Agent         running, process 4711',
    '',
    'There are no events yet.',
  ]);
});

describe('the bar', () => {
  test.each([
    [7 * DAY, '####################|###################  100 %'],
    [6 * DAY, '####################|#############------  85 %'],
    [3.5 * DAY, '####################|-------------------  50 %'],
    [DAY, '######--------------|-------------------  14 %'],
    [10 * MINUTE, '--------------------|-------------------  1 %'],
    [9 * MINUTE + 4 * SECOND, '--------------------|-------------------  9 min 04 s'],
    [59 * SECOND, '--------------------|-------------------  59 s'],
  ])('with %d ms left', (left, text) => expect(bar(licensed(left))).toBe(text));

  test('is green, then yellow when a renewal is due, and red near the end', () => {
    const tones: Style = { paint: (tone, text) => `<${tone}>${text}`, symbol: () => '* ' };
    const toneAt = (left: number) =>
      /<dim> +.*?<(\w+)>━/.exec(screen(view({ products: [licensed(left)] }), undefined, tones)[4] ?? '')?.[1];
    expect([7 * DAY, 3 * DAY, 0.5 * DAY].map(toneAt)).toEqual(['good', 'warn', 'bad']);
  });

  test('is empty in notification, and not there for a product that no host activates', () => {
    const ended = {
      status: 5,
      statusText: 'notification',
      reason: '0xC004F009',
      remainingMinutes: 0,
    } as const;
    const license = { ...ended, endsAt: null, endedAt: isoInstant(NOW) };
    expect(bar(licensed(0, { license, lasts: null }))).toBe(`${'-'.repeat(40)}  0 %`);
    expect(bar(licensed(0, { license, lasts: null, channel: 'Volume:MAK' }))).toMatch(/^Host /);
  });
});

describe('the next renewal', () => {
  const renewal = (product: WatchedProduct, agent: number | null | undefined) =>
    screen(view({ products: [product], agent }))
      .find((line) => line.startsWith('Next renewal'))
      ?.slice(14);
  const grace = licensed(20 * DAY, {
    lease: null,
    license: {
      ...{ status: 2, statusText: 'initial grace', reason: null, remainingMinutes: 28_800 },
      ...{ endsAt: isoInstant(NOW + 20 * DAY), endedAt: null },
    },
  });

  test.each([
    ['to come', licensed(4 * DAY), 1, 'from 2026-06-02 00:00 UTC on, in 12 hours'],
    ['to come, and no agent', licensed(4 * DAY), null, /in 12 hours: no agent does it$/],
    ['due', licensed(3 * DAY), 1, 'due now'],
    ['due, and no agent', licensed(3 * DAY), null, 'due now: no agent does it'],
    ['of a product that is not licensed', grace, 1, 'as soon as a host answers'],
    ['of one that no host activates', licensed(DAY, { channel: 'Retail' }), 1, /^none: /],
  ])('%s', (_what, product, agent, text) => {
    if (typeof text === 'string') expect(renewal(product, agent)).toBe(text);
    else expect(renewal(product, agent)).toMatch(text);
  });
});

test('what somebody has to do is shown only where no agent does it', () => {
  const product = licensed(DAY, { nextSteps: ['Renew now: avma guest activate'] });
  expect(screen(view({ products: [product], agent: null }))).toContain(
    'Next          Renew now: avma guest activate',
  );
  expect(screen(view({ products: [product] })).join('\n')).not.toContain('Renew now');
});

describe('the last events', () => {
  const events = Array.from({ length: 50 }, (_, nth) => ({
    ...{ time: isoInstant(NOW + nth * SECOND), level: 'information', provider: 'avma', eventId: 1 },
    ...{ kind: 'agent-started', outcome: null, code: 'success', hresult: '0x0', message: `event ${nth}` },
    ...{ trigger: 'agent', state: null, vmId: null, activationId: null, exchangeId: null, hostName: null },
  }));

  test('fill the rows that are left', () => {
    const lines = screen(view({ events }), { columns: 80, rows: 14 });
    expect(lines).toHaveLength(14);
    expect(lines.slice(-3)).toEqual([
      '06-01 12:00:47  agent-started     event 47',
      '06-01 12:00:48  agent-started     event 48',
      '06-01 12:00:49  agent-started     event 49',
    ]);
    expect(screen(view({ events }), { columns: 80, rows: 9 }).join('\n')).not.toContain('event');
    expect(screen(view({ events }), { columns: 80, rows: 5 })).toHaveLength(5);
  });

  test('are not for a user who may not read them, nor is the agent', () => {
    const lines = screen(view({ events: undefined, agent: undefined }));
    expect(lines).toContain('This user cannot read the events.');
    expect(lines).toContain('Agent         this user cannot see whether it is running');
  });
});

test('a state that cannot be read is shown in its place, above what was known', () => {
  const lines = screen(view({ problem: 'the state file is empty [state-damaged]' }));
  expect(lines[2]).toBe('License       the state file is empty [state-damaged]');
  expect(lines[3]).toMatch(/^Product /);
});

test('without a key there is no product', () => {
  expect(screen(view({ products: [] }))[2]).toBe('Product  no product key is installed');
});

test('without a terminal a line is due when a state changes, not when time goes by', () => {
  expect(watchLines(view())).toEqual([
    '2026-06-01 12:00:00 UTC  Example Appliance: licensed, 7 days left, until 2026-06-08 12:00 UTC',
    '2026-06-01 12:00:00 UTC  agent: running, process 4711',
  ]);
  const signature = watchSignature(view());
  expect(watchSignature(view({ now: NOW + HOUR }))).toBe(signature);
  for (const change of [{ agent: null }, { agent: undefined }, { products: [] }, { problem: 'x' }]) {
    expect(watchSignature(view(change))).not.toBe(signature);
  }
});
