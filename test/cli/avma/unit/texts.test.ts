/** What avma says, decided without a machine: durations, states, next steps, tables, commands. */
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import {
  nextSteps,
  type ProductStatus,
  type Situation,
} from '../../../../src/cli/avma/guest/product-status.ts';
import { isLicensed } from '../../../../src/cli/avma/guest/status.ts';
import { productFields } from '../../../../src/cli/avma/guest/status-text.ts';
import { PLAIN, type Style } from '../../../../src/cli/avma/style.ts';
import { formatFields, formatTable } from '../../../../src/cli/avma/table.ts';
import { asksForJson, commandOf } from '../../../../src/cli/avma/usage-error.ts';
import { hostValidityOf } from '../../../../src/host/status/host-validity.ts';
import { hostEntryDigest } from '../../../../src/protocol/revocations.ts';
import { formatDuration } from '../../../../src/schema/format-duration.ts';
import { formatMinute, isoInstant } from '../../../../src/schema/format-time.ts';
import { DAY, HOUR, MINUTE, NOW } from '../../../support/clock.ts';
import {
  certificateOf,
  type GivenDocument,
  hostHolding,
  TEST_HOST,
} from '../../../support/host-documents.ts';
import { signedLicense, signedRevocations, testRoot } from '../../../support/vendor-documents.ts';

describe('a duration is said in its two largest units', () => {
  test.each([
    [0, 'less than a minute'],
    [MINUTE - 1, 'less than a minute'],
    [MINUTE, '1 minute'],
    [59 * MINUTE, '59 minutes'],
    [HOUR, '1 hour'],
    [23 * HOUR + 10 * MINUTE, '23 hours 10 minutes'],
    [DAY, '1 day'],
    [DAY + 30 * MINUTE, '1 day'],
    [7 * DAY - 1, '6 days 23 hours'],
    [30 * DAY, '30 days'],
  ])('%d ms: %s', (milliseconds, text) => expect(formatDuration(milliseconds)).toBe(text));
});

test('an instant is said in UTC, for people to the minute and in JSON in full', () => {
  expect(formatMinute(NOW + 59_999)).toBe('2026-06-01 12:00 UTC');
  expect(isoInstant(NOW + 7)).toBe('2026-06-01T12:00:00.007Z');
});

/** A product that is licensed, and nothing is to be done. */
const LICENSED: ProductStatus = {
  name: 'Example Appliance',
  edition: 'Appliance0',
  version: '3.1',
  channel: 'VT:IA',
  activationId: 'aaaaaaaa-0000-4000-8000-000000000001',
  partialProductKey: '22222',
  license: {
    status: 1,
    statusText: 'licensed',
    reason: null,
    remainingMinutes: 10_020,
    endsAt: isoInstant(NOW + 7 * DAY - HOUR),
    endedAt: null,
  },
  problem: null,
  lease: {
    hostName: 'hv01',
    hardwareId: '0000-1111-2222-3333',
    hostEdition: 'ServerDatacenter',
    hostOsVersion: '10.0.26100',
    vendor: { name: 'Example vendor', keyId: '0123456789abcdef' },
    issuedAt: isoInstant(NOW - HOUR),
    renewAfter: isoInstant(NOW - HOUR + 3.5 * DAY),
    expiresAt: isoInstant(NOW + 7 * DAY - HOUR),
    clock: 'in step',
  },
  vendor: { name: 'Example vendor', keyId: '0123456789abcdef', publicKey: 'A'.repeat(43) },
  requiresLicense: false,
  conditions: [],
  certificateEndsAt: isoInstant(NOW + 90 * DAY),
  certificateGraceUntil: isoInstant(NOW + 104 * DAY),
  customerLicense: null,
  notes: [],
  lastAttempt: null,
  trustedTime: isoInstant(NOW),
  nextSteps: [],
};
const shown = (change: Partial<ProductStatus>) =>
  formatFields(productFields({ ...LICENSED, ...change }), PLAIN);
const license = (change: Partial<ProductStatus['license']>) => ({ ...LICENSED.license, ...change });

describe('the customer', () => {
  const customerLicense: ProductStatus['customerLicense'] = {
    licenseId: '00112233445566aa',
    customer: 'Bank Ltd',
    features: { vpn: true, throughput: 10 },
    guests: 50,
    overage: 'refuse-new',
    endsAt: isoInstant(NOW - DAY),
    graceUntil: isoInstant(NOW + 13 * DAY),
  };

  test('has a license with features, a limit, and what is to be watched for', () => {
    const notes = ['license 00112233445566aa ended', 'the host licenses more'];
    expect(shown({ customerLicense, notes }).split('\n')).toEqual(
      expect.arrayContaining([
        'Note      license 00112233445566aa ended',
        '          the host licenses more',
        'Customer  Bank Ltd (license 00112233445566aa, until 2026-05-31 12:00 UTC)',
        'Features  vpn, throughput=10',
        'Limit     50 guests a host; no new ones beyond',
      ]),
    );
  });

  test('has one without features and without a limit', () => {
    const rows = shown({ customerLicense: { ...customerLicense, features: {}, guests: null } });
    expect(rows).toMatch(/^Features +none$/m);
    expect(rows).toMatch(/^Limit +none$/m);
  });
});

test('an unsigned catalog is said', () => {
  expect(shown({ vendor: null })).toMatch(/^Catalog +catalog unsigned: a host of any trusted vendor/m);
  expect(shown({ vendor: null, channel: 'Volume:MAK' })).toMatch(/^Catalog +catalog unsigned$/m);
});

describe('the license row', () => {
  test('has the time left and the end, who vouched, and how it is renewed', () => {
    expect(shown({}).split('\n')).toEqual([
      'Product  Example Appliance (Appliance0 3.1, key *-22222)',
      'License  licensed, 6 days 23 hours left, until 2026-06-08 11:00 UTC',
      'Catalog  signed by Example vendor (0123456789abcdef)',
      'Host     hv01 (0000-1111-2222-3333, ServerDatacenter 10.0.26100)',
      'Vendor   Example vendor (0123456789abcdef)',
      'Lease    2026-06-01 11:00 UTC to 2026-06-08 11:00 UTC',
      'Renewal  possible at any time, due from 2026-06-04 23:00 UTC: by the agent, or avma guest activate',
    ]);
  });

  test('says that a renewal is due, once half of the lease has gone by', () => {
    expect(shown({ nextSteps: ['Renew now: avma guest activate'] })).toMatch(
      /\nRenewal +due now\nNext +Renew now: /,
    );
  });

  test('of a lease that has ended has the date and how long ago that was', () => {
    const lease = { ...LICENSED.lease, expiresAt: isoInstant(NOW - 3 * DAY) } as ProductStatus['lease'];
    const text = shown({
      license: license({ status: 5, reason: '0xC004F009', endsAt: null, endedAt: isoInstant(NOW - 3 * DAY) }),
      lease,
      nextSteps: ['Activate: avma guest activate'],
    });
    expect(text).toContain(
      'License  not licensed (notification, 0xC004F009): the lease ended on 2026-05-29 12:00 UTC, 3 days ago\n',
    );
    expect(text).not.toContain('Renewal');
    expect(text).toMatch(/\nNext +Activate: avma guest activate$/);
  });

  test('of an initial grace has the time left', () => {
    const text = shown({ license: license({ status: 2, endsAt: isoInstant(NOW + 2 * DAY) }), lease: null });
    expect(text).toContain(
      'License  initial grace, not activated yet, 2 days left, until 2026-06-03 12:00 UTC',
    );
  });

  test('of a grace after a lease has the end of both', () => {
    const lease = { ...LICENSED.lease, expiresAt: isoInstant(NOW - DAY) } as ProductStatus['lease'];
    const text = shown({ license: license({ status: 3, endsAt: isoInstant(NOW + DAY) }), lease });
    expect(text).toContain(
      'License  additional grace, the lease ended on 2026-05-31 12:00 UTC, 1 day left, until 2026-06-02 12:00 UTC',
    );
  });

  test('of a lease that does not count is followed by the reason', () => {
    const text = shown({
      license: license({ status: 5, reason: '0xC004FD04', endsAt: null }),
      problem: { code: 'vm-mismatch', message: 'the answer is for VM a, this is b' },
      lease: null,
    });
    expect(text).toContain(
      'License  not licensed (notification, 0xC004FD04)\nWhy      the answer is for VM a, this is b [vm-mismatch]',
    );
  });
});

describe('the last attempt', () => {
  const attempt = {
    at: isoInstant(NOW - MINUTE),
    trigger: 'command',
    pipe: 'unix:/run/avma/host.sock',
    code: 'host-absent',
    hresult: '0xC004FD01',
    message: 'no host at unix:/run/avma/host.sock',
    hostName: null,
    hint: 'Start the host.',
  };

  test('that failed has its time, its error with the pipe, and its code', () => {
    expect(shown({ lastAttempt: attempt })).toMatch(
      /\nLast attempt +2026-06-01 11:59 UTC: no host at unix:\/run\/avma\/host\.sock \[host-absent\]/,
    );
  });

  test('that failed for another reason has its pipe besides', () => {
    expect(shown({ lastAttempt: { ...attempt, code: 'vm-refused', message: 'host hv01 refused' } })).toMatch(
      /\nLast attempt +2026-06-01 11:59 UTC over unix:\/run\/avma\/host\.sock: host hv01 refused \[vm-refused\]/,
    );
  });

  test('that succeeded has its host', () => {
    const success = { ...attempt, code: 'success', hresult: '0x0', hostName: 'hv01', hint: null };
    expect(shown({ lastAttempt: success })).toMatch(
      /\nLast attempt +2026-06-01 11:59 UTC over unix:\/run\/avma\/host\.sock: activated by hv01$/m,
    );
  });
});

describe('the next steps', () => {
  const SITUATION: Situation = {
    activatable: true,
    status: 2,
    trustsNobody: false,
    renewalDue: false,
    problemHint: null,
    lastHint: null,
  };
  test.each<[string, Partial<Situation>, string[]]>([
    ['licensed, not due', { status: 1 }, []],
    ['licensed, renewal due', { status: 1, renewalDue: true }, ['Renew now: avma guest activate']],
    [
      'licensed, renewal due and failed',
      { status: 1, renewalDue: true, lastHint: 'Start the host.' },
      ['Start the host.', 'Renew now: avma guest activate'],
    ],
    ['never tried', {}, ['Activate: avma guest activate']],
    [
      'trusting nobody: the vendor comes first, whatever the last attempt says',
      { trustsNobody: true, lastHint: 'Start the host.' },
      ['Trust the vendor: avma guest trust add FILE', 'Activate: avma guest activate'],
    ],
    [
      'tried and failed',
      { lastHint: 'Start the host.' },
      ['Start the host.', 'Activate: avma guest activate'],
    ],
    [
      'a lease that does not count',
      { status: 5, problemHint: 'Activate this machine itself.' },
      ['Activate this machine itself.', 'Activate: avma guest activate'],
    ],
    ['a product that no host activates', { activatable: false }, []],
  ])('%s', (_what, change, steps) => expect(nextSteps({ ...SITUATION, ...change })).toEqual(steps));
});

describe('licensed, for --check, is a machine', () => {
  const inState = (status: ProductStatus['license']['status'], channel = 'VT:IA') => ({
    ...LICENSED,
    channel,
    license: license({ status }),
  });
  test.each<[string, ProductStatus[], boolean]>([
    ['without a key', [], false],
    ['whose only product is licensed', [inState(1)], true],
    ['in initial grace', [inState(2)], false],
    ['in notification', [inState(5)], false],
    ['of whose two products one is not licensed', [inState(1), inState(5)], false],
    ['whose other product no host could activate', [inState(1), inState(2, 'Volume:MAK')], true],
    ['with nothing but a product that no host could activate', [inState(2, 'Volume:MAK')], false],
  ])('%s: %#', (_what, products, licensed) => expect(isLicensed(products)).toBe(licensed));
});

describe('a host', () => {
  const acme = testRoot('Acme');
  const list = ['revocations', signedRevocations(acme)] as const;
  const certificate = (begin: number, end: number, serial = '1') => {
    const dates = { notBefore: begin, notAfter: end, graceUntil: end + DAY };
    const change = { ...dates, serial: serial.repeat(16) };
    return ['certificate', certificateOf(acme, TEST_HOST, change)] as const;
  };
  const good = certificate(NOW, NOW + 90 * DAY);
  const license = (end: number) =>
    ['license', signedLicense(acme, { notAfter: end, graceUntil: end + DAY })] as const;

  test.each<[string, readonly GivenDocument[], string, readonly RegExp[], number]>([
    ['without a certificate', [], 'not activated', [], 1],
    [
      'whose certificate is not valid yet',
      [certificate(NOW + 1, NOW + DAY)],
      'not yet valid',
      [/^From now to/],
      1,
    ],
    ['with months left', [good], 'activated', [], 0],
    ['with a little more than 30 days', [certificate(NOW, NOW + 30 * DAY + 1)], 'activated', [], 0],
    [
      'with 30 days',
      [certificate(NOW, NOW + 30 * DAY)],
      'activated',
      [/"Acme" ends in 30 days; its renewal grace/],
      1,
    ],
    ['with hours', [certificate(NOW, NOW + 5 * HOUR)], 'activated', [/ends in 5 hours; /], 1],
    [
      'with hours, and the next one there',
      [certificate(NOW, NOW + 5 * HOUR), certificate(NOW + HOUR, NOW + 90 * DAY, '2')],
      'activated',
      [],
      0,
    ],
    [
      'with a gap before the next one',
      [good, certificate(NOW + 99 * DAY, NOW + 190 * DAY, '2')],
      'activated',
      [/^From 2026-08-30 .* no host certificate of "Acme" is valid/],
      0,
    ],
    [
      'in its renewal grace',
      [certificate(NOW - DAY, NOW)],
      'in grace',
      [/has ended; its renewal grace ends on 2026-06-02/],
      1,
    ],
    [
      'whose certificate has expired',
      [certificate(NOW - 3 * DAY, NOW - 2 * DAY)],
      'expired',
      [/has ended: this host refuses all guests/],
      1,
    ],
    [
      'with a license that ends in hours',
      [good, license(NOW + HOUR)],
      'activated',
      [/^the license for "Acme Gateway" ends in 1 hour; /],
      1,
    ],
  ])('%s', (_what, documents, state, warnings, steps) => {
    const [first, ...rest] = documents;
    const { holdings } = hostHolding(...(first === undefined ? [] : [first, list, ...rest]));
    const validity = hostValidityOf(holdings, NOW);
    expect(validity.state).toBe(state);
    expect(validity.warnings).toEqual(warnings.map((warning) => expect.stringMatching(warning)));
    expect(validity.nextSteps).toHaveLength(steps);
  });

  test('whose certificate the vendor has revoked first asks the vendor why', () => {
    const digest = hostEntryDigest('1'.repeat(16));
    const revoked = [
      'revocations',
      signedRevocations(acme, { hosts: [{ digest, reason: 'stolen' }] }),
    ] as const;
    const { state, nextSteps } = hostValidityOf(hostHolding(good, revoked).holdings, NOW);
    expect(state).toBe('revoked');
    expect(nextSteps).toEqual([
      expect.stringMatching(/^Ask the vendor why it was revoked\. .* avma host request /),
    ]);
  });
});

describe('a table', () => {
  const marking: Style = {
    paint: (tone, text) => `<${tone}>${text}</>`,
    symbol: (tone) => (tone === 'bad' ? 'x ' : ''),
  };

  test('has its values below one another', () => {
    expect(
      formatFields(
        [
          ['A', 'one'],
          ['Long', { tone: 'bad', text: 'two' }],
          ['', ''],
        ],
        PLAIN,
      ),
    ).toBe('A     one\nLong  two\n');
  });

  test('pads by what is seen, not by the codes of colors', () => {
    const rows = [[{ tone: 'bad', text: 'no' }, 'a'] as const, ['fine', 'b'] as const];
    expect(formatTable(['STATE', 'X'], rows, marking)).toBe(
      '<dim>STATE</>  <dim>X</>\n<bad>x no</>   <plain>a</>\n<plain>fine</>   <plain>b</>',
    );
  });

  test('shows control characters, and those that hide or turn text, as what they are', () => {
    const evil = 'a\nb\u001b[2Jc\u202ed\u200be';
    expect(formatFields([['Name', evil]], PLAIN)).toBe('Name  a\\u{a}b\\u{1b}[2Jc\\u{202e}d\\u{200b}e');
    expect(formatTable(['N'], [[evil]], PLAIN).split('\n')).toHaveLength(2);
  });
});

describe('the arguments', () => {
  const program = new Command('avma');
  const host = program.command('host');
  host.command('serve');
  program.command('guest');

  test.each([
    [[], 'avma'],
    [['host'], 'host'],
    [['host', 'serve', '--listen', 'guest'], 'serve'],
    [['--debug', 'host', 'sevre'], 'host'],
    [['nothing', 'host'], 'avma'],
  ])('%j lead to %s', (argv, name) => expect(commandOf(program, argv).name()).toBe(name));

  test('ask for JSON before --, and not after it', () => {
    expect(asksForJson(['guest', 'status', '--json'])).toBe(true);
    expect(asksForJson(['guest', 'install-key', '--', '--json'])).toBe(false);
  });
});
