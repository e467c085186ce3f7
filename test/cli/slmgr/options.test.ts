import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HANDLERS } from '../../../src/cli/slmgr/commands/handlers.ts';
import { OPTIONS } from '../../../src/cli/slmgr/options.ts';
import { runSlmgr } from '../../../src/cli/slmgr/run.ts';
import { AvmaError } from '../../../src/errors/avma-error.ts';
import { LicenseStatus } from '../../../src/guest/license-report.ts';
import {
  DATACENTER,
  type Failures,
  FakeService,
  KMS_CLIENT,
  KMS_UNSET,
  MAK_ADDON,
  machine,
  NEVER_ACTIVATED,
  OTHER_APPLICATION,
  STANDARD_WITHOUT_KEY,
  slmgr,
} from './fake-service.ts';

beforeEach(() => vi.stubEnv('TZ', 'UTC'));
afterEach(() => vi.unstubAllEnvs());

const KEY = 'Y4TGP-NPTV9-HTC2H-7MGQ3-DV4TW';
const ID = DATACENTER.activationId;
const STANDARD = STANDARD_WITHOUT_KEY.activationId;
const UNKNOWN_ID = '00000000-0000-0000-0000-00000000ABCD';
const ACTIVATING = `Activating ${DATACENTER.name} (${ID}) ...`;

interface Case {
  readonly run: string;
  /** Everything before the one empty line that ends slmgr's output. */
  readonly prints: readonly string[];
  /** Exit status; 0 when not given. */
  readonly exit?: number;
  /** What the licensing service was told. */
  readonly calls?: readonly string[];
  readonly service?: FakeService;
  readonly when?: string;
}

const guest = (failures: Failures = {}) => new FakeService([DATACENTER, STANDARD_WITHOUT_KEY], failures);
const withoutKey = () => new FakeService([STANDARD_WITHOUT_KEY]);
const outcome = (status: LicenseStatus, reason = 0) =>
  guest().change({ license: { status, reason, remainingMinutes: 60 } }, ID);
const withKms = (settings: Partial<typeof KMS_UNSET>) => {
  const service = guest();
  // What setKmsClient does at once, without the call being remembered.
  const kmsClient = { ...KMS_UNSET, ...settings };
  service.change({ kmsClient });
  vi.spyOn(service, 'service').mockReturnValue({ version: '', remainingWindowsRearmCount: 0, kmsClient });
  return service;
};

function run(cases: readonly Case[]): void {
  test.each(
    cases.map((one) => [one.when === undefined ? one.run : `${one.run} (${one.when})`, one] as const),
  )('%s', async (_title, { run, prints, exit = 0, calls, service = guest() }) => {
    const result = await slmgr(run, service);
    expect(result.lines).toEqual([...prints, '']);
    expect(result.exitStatus).toBe(exit);
    if (calls !== undefined) expect(service.calls).toEqual(calls);
  });
}

test('each of the 37 options has somebody who answers it', () => {
  expect(OPTIONS.map((option) => option.word).sort()).toEqual(Object.keys(HANDLERS).sort());
});

describe('product keys', () => {
  run([
    {
      run: `/ipk ${KEY}`,
      prints: [`Installed product key ${KEY} successfully.`],
      calls: [`installProductKey ${KEY}`],
    },
    {
      run: `/ipk ${KEY.toLowerCase()}`,
      when: 'printed as it was typed',
      prints: [`Installed product key ${KEY.toLowerCase()} successfully.`],
    },
    {
      run: '/ipk 12345',
      service: guest({ installProductKey: new AvmaError('key-invalid', 'no such key') }),
      prints: ['Error: 0xC004F050 The Software Licensing Service reported that the product key is invalid'],
      exit: 65,
    },
    {
      run: `/ipk ${KEY}`,
      when: 'as somebody who may not',
      service: guest({ installProductKey: new AvmaError('access-denied', 'cannot write') }),
      prints: ['Error: 0x80070005 Access denied: the requested action requires elevated privileges'],
      exit: 77,
    },
    { run: '/upk', prints: ['Uninstalled product key successfully.'], calls: [`uninstallProductKey ${ID}`] },
    {
      run: `/upk ${ID.toUpperCase()}`,
      prints: ['Uninstalled product key successfully.'],
      calls: [`uninstallProductKey ${ID}`],
    },
    { run: `/upk ${STANDARD}`, when: 'no key on it', prints: ['Error: product key not found.'], calls: [] },
    { run: '/upk', when: 'no key at all', service: withoutKey(), prints: ['Error: product key not found.'] },
    {
      run: '/upk',
      when: 'add-ons and other applications stay',
      service: new FakeService([DATACENTER, MAK_ADDON, { ...KMS_CLIENT, applicationId: OTHER_APPLICATION }]),
      prints: ['Uninstalled product key successfully.'],
      calls: [`uninstallProductKey ${ID}`],
    },
    { run: '/cpky', prints: ['Product key from registry cleared successfully.'], calls: ['clearProductKey'] },
  ]);
});

describe('activation', () => {
  run([
    { run: '/ato', prints: [ACTIVATING, 'Product activated successfully.'], calls: [`activate ${ID}`] },
    {
      run: `/ato ${ID.toUpperCase()}`,
      prints: [ACTIVATING, 'Product activated successfully.'],
      calls: [`activate ${ID}`],
    },
    { run: '/ato', when: 'no key', service: withoutKey(), prints: ['Error: product not found.'] },
    { run: `/ato ${STANDARD}`, when: 'no key on it', prints: ['Error: product not found.'], calls: [] },
    { run: `/ato {${ID}}`, when: 'an ID has no braces', prints: ['Error: product not found.'] },
    {
      run: '/ato',
      when: 'the host refuses',
      service: guest({ activate: new AvmaError('vm-refused', 'not this VM') }),
      prints: [
        ACTIVATING,
        "Error: 0xC004FD04 On a computer running Microsoft Windows non-core edition, run 'slui.exe 0x2a 0xC004FD04' to display the error text.",
      ],
      exit: 84,
    },
    {
      run: '/ato',
      when: 'no host',
      service: guest({ activate: new AvmaError('host-absent', 'nobody answers') }),
      prints: [
        ACTIVATING,
        "Error: 0xC004FD01 On a computer running Microsoft Windows non-core edition, run 'slui.exe 0x2a 0xC004FD01' to display the error text.",
      ],
      exit: 69,
    },
    {
      run: '/ato',
      when: 'too many requests; the low byte of this code is 0, the exit status is not',
      service: guest({ activate: new AvmaError('throttled', 'wait') }),
      prints: [
        ACTIVATING,
        "Error: 0xC004FD00 On a computer running Microsoft Windows non-core edition, run 'slui.exe 0x2a 0xC004FD00' to display the error text.",
      ],
      exit: 75,
    },
    {
      run: '/ato',
      when: 'what the host sent is not to be believed',
      service: guest({ activate: new AvmaError('signature-invalid', 'no') }),
      prints: [ACTIVATING, 'Error: 0x8007000D The data is invalid.'],
      exit: 65,
    },
    {
      run: '/ato',
      when: 'a refusal with a number that is no HRESULT',
      service: guest({ activate: new AvmaError('refused', 'no', { hresult: 1460 }) }),
      prints: [
        ACTIVATING,
        "Error: 1460 On a computer running Microsoft Windows non-core edition, run 'slui.exe 0x2a 0x5B4' to display the error text.",
      ],
      exit: 70,
    },
    {
      run: '/ato',
      when: 'a KMS client',
      service: new FakeService([KMS_CLIENT], { activate: new AvmaError('channel-unsupported', 'no') }),
      prints: [
        'Activating Windows(R), ServerStandard edition (de32eafd-aaee-4662-9444-c1befb41bde2) ...',
        'Error: 0xC004F074 The Software Licensing Service reported that the computer could not be activated. No Key Management Service (KMS) could be contacted. Please see the Application Event Log for additional information.',
      ],
      exit: 69,
    },
    {
      run: `/ato ${MAK_ADDON.activationId}`,
      when: 'a MAK product that is licensed is left alone',
      service: new FakeService([MAK_ADDON]),
      prints: [
        `Activating ${MAK_ADDON.name} (${MAK_ADDON.activationId}) ...`,
        'Product activated successfully.',
      ],
      calls: [],
    },
    ...['DATAMAKER Appliance', 'MAK Appliance'].map(
      (vendor): Case => ({
        run: `/ato ${DATACENTER.activationId}`,
        when: `a licensed product of "${vendor}", activated by the host, is renewed`,
        service: new FakeService([
          { ...DATACENTER, description: `${vendor}, VIRTUAL_MACHINE_ACTIVATION channel` },
        ]),
        prints: [ACTIVATING, 'Product activated successfully.'],
        calls: [`activate ${DATACENTER.activationId}`],
      }),
    ),
    {
      run: `/ato ${MAK_ADDON.activationId}`,
      when: 'MAK in brackets is the marker too',
      service: new FakeService([{ ...MAK_ADDON, description: 'Office 16, RETAIL(MAK) channel' }]),
      prints: [
        `Activating ${MAK_ADDON.name} (${MAK_ADDON.activationId}) ...`,
        'Product activated successfully.',
      ],
      calls: [],
    },
    {
      run: '/ato',
      when: 'extended grace afterwards',
      service: outcome(LicenseStatus.extendedGrace),
      prints: [ACTIVATING, 'Product activated successfully.', 'License Status: Extended grace period'],
    },
    {
      run: '/ato',
      when: 'non-genuine grace afterwards',
      service: outcome(LicenseStatus.nonGenuineGrace),
      prints: [
        ACTIVATING,
        "Error: The machine is running within the non-genuine grace period. Run 'slui.exe' to go online and make the machine genuine.",
      ],
    },
    {
      run: '/ato',
      when: 'non-genuine notification afterwards',
      service: outcome(LicenseStatus.notification, 0xc004f200),
      prints: [
        ACTIVATING,
        "Error: Windows is running within the non-genuine notification period. Run 'slui.exe' to go online and validate Windows.",
      ],
    },
    {
      run: '/ato',
      when: 'another notification afterwards',
      service: outcome(LicenseStatus.notification, 0xc004f009),
      prints: [ACTIVATING, 'Error: Product activation failed.'],
    },
    {
      run: '/ato',
      when: 'still in grace afterwards',
      service: outcome(LicenseStatus.initialGrace),
      prints: [ACTIVATING, 'Error: Product activation failed.'],
    },
    {
      run: '/ato',
      when: '/act-type 3 was run before',
      service: withKms({ activationTypeEnabled: 3 }),
      prints: [
        'This system is configured for Token-based activation only. Use slmgr.vbs /fta to initiate Token-based activation, or slmgr.vbs /act-type to change the activation type setting.',
      ],
      calls: [],
    },
    { run: '/dti', prints: [`Installation ID: ${DATACENTER.installationId}`] },
    { run: `/dti ${ID}`, prints: [`Installation ID: ${DATACENTER.installationId}`] },
    { run: `/dti ${UNKNOWN_ID}`, prints: ['Error: product not found.'] },
    {
      run: '/atp 123456',
      when: 'if it were taken',
      prints: [`Confirmation ID for product ${ID} deposited successfully.`],
      calls: [`depositConfirmationId ${ID} 123456`],
    },
    {
      run: '/atp 123456',
      when: 'taken, extended grace afterwards',
      service: outcome(LicenseStatus.extendedGrace),
      prints: ['Product activated successfully.', 'License Status: Extended grace period'],
    },
    {
      run: `/atp 123456 ${ID}`,
      service: guest({ depositConfirmationId: new AvmaError('confirmation-id-invalid', 'no') }),
      prints: [
        'Error: 0xC004F02C The software Licensing Service reported that the format for the offline activation data is incorrect',
      ],
      exit: 65,
    },
    { run: `/atp 123456 ${UNKNOWN_ID}`, prints: ['Error: product not found.'], calls: [] },
  ]);
});

describe('license files and rearm', () => {
  run([
    {
      run: '/ilc ./Appliance.json',
      prints: ['License file ./Appliance.json installed successfully.', ''],
      calls: ['installLicense ./Appliance.json'],
    },
    {
      run: '/ilc nowhere.json',
      service: guest({ installLicense: new AvmaError('file-not-found', 'nowhere') }),
      prints: ['Error: 0x80070002 The system cannot find the file specified.'],
      exit: 66,
    },
    {
      run: '/rilc',
      prints: [
        'Re-installing license files ...',
        'License file /opt/avma/keys/windows-server.json installed successfully.',
        '',
        'License file /etc/avma/keys/appliance.json installed successfully.',
        '',
        'License files re-installed successfully.',
      ],
    },
    {
      run: '/rilc',
      when: 'the first file that fails ends it',
      service: guest({ installLicense: new AvmaError('file-invalid', 'torn') }),
      prints: ['Re-installing license files ...', 'Error: 0x8007000D The data is invalid.'],
      exit: 65,
    },
    {
      run: '/rearm',
      prints: [
        'Command completed successfully.',
        'Please restart the system for the changes to take effect.',
      ],
      calls: ['rearmWindows'],
    },
    {
      run: '/rearm',
      when: 'once too often',
      service: guest({ rearmWindows: new AvmaError('rearm-exhausted', 'no more') }),
      prints: [
        'Error: 0xC004D307 The maximum allowed number of re-arms has been exceeded. You must re-install the OS before trying to re-arm again',
      ],
      exit: 70,
    },
    {
      run: `/rearm-app ${DATACENTER.applicationId.toUpperCase()}`,
      prints: ['Command completed successfully.'],
      calls: [`rearmApplication ${DATACENTER.applicationId}`],
    },
    {
      run: '/rearm-app x',
      when: 'an application that no product belongs to',
      prints: ['Error: 0x80070057 The parameter is incorrect'],
      exit: 64,
      calls: [],
    },
    {
      run: `/rearm-sku ${ID.toUpperCase()}`,
      prints: ['Command completed successfully.'],
      calls: [`rearmProduct ${ID}`],
    },
    { run: `/rearm-sku ${UNKNOWN_ID}`, prints: ['Error: product not found.'], calls: [] },
  ]);
});

describe('KMS client settings', () => {
  const set = (id: string, change: object) => [`setKmsClient ${id} ${JSON.stringify(change)}`];
  run([
    {
      run: '/skms KMS01.example.net',
      prints: ['Key Management Service machine name set to KMS01.example.net successfully.'],
      calls: set('null', { machineName: 'KMS01.example.net', machinePort: 0 }),
    },
    {
      run: '/skms kms01:1689',
      prints: ['Key Management Service machine name set to kms01:1689 successfully.'],
      calls: set('null', { machineName: 'kms01', machinePort: 1689 }),
    },
    {
      run: '/skms :1689',
      prints: ['Key Management Service machine name set to :1689 successfully.'],
      calls: set('null', { machinePort: 1689 }),
    },
    {
      run: '/skms [2001:db8::1]:1689',
      prints: ['Key Management Service machine name set to [2001:db8::1]:1689 successfully.'],
      calls: set('null', { machineName: '[2001:db8::1]', machinePort: 1689 }),
    },
    {
      run: '/skms [2001:db8::1]',
      prints: ['Key Management Service machine name set to [2001:db8::1] successfully.'],
      calls: set('null', { machineName: '[2001:db8::1]', machinePort: 0 }),
    },
    ...['kms01:0', 'kms01:65536', 'kms01:http', 'kms01:', '2001:db8::1', '[kms01', ':', '""'].map((bad) => ({
      run: `/skms ${bad}`,
      prints: ['Error: 0x80070057 The parameter is incorrect'],
      exit: 64,
      calls: [],
    })),
    {
      run: `/skms kms01 ${ID.toUpperCase()}`,
      prints: ['Key Management Service machine name set to kms01 successfully.'],
      calls: set(ID, { machineName: 'kms01', machinePort: 0 }),
    },
    {
      run: `/skms kms01 ${UNKNOWN_ID}`,
      prints: ['Error: Activation ID (00000000-0000-0000-0000-00000000abcd) not found.'],
      calls: [],
    },
    {
      run: '/skms kms01:1689',
      when: 'a lookup domain is set',
      service: withKms({ lookupDomain: 'example.net' }),
      prints: [
        'Key Management Service machine name set to kms01:1689 successfully.',
        'Warning: /skms setting overrides the /skms-domain setting. kms01:1689 will be used for activation.',
      ],
    },
    {
      run: '/ckms',
      prints: ['Key Management Service machine name cleared successfully.'],
      calls: set('null', { machineName: null, machinePort: 0 }),
    },
    {
      run: `/ckms ${UNKNOWN_ID}`,
      prints: ['Error: Activation ID (00000000-0000-0000-0000-00000000abcd) not found.'],
    },
    {
      run: '/ckms',
      when: 'a lookup domain is set',
      service: withKms({ lookupDomain: 'example.net' }),
      prints: [
        'Key Management Service machine name cleared successfully.',
        'Warning: /skms-domain setting is in effect. example.net will be used for DNS SRV record lookup.',
      ],
    },
    {
      run: '/skms-domain example.net',
      prints: ['Key Management Service lookup domain set to example.net successfully.'],
      calls: set('null', { lookupDomain: 'example.net' }),
    },
    {
      run: `/skms-domain example.net ${UNKNOWN_ID}`,
      prints: ['Error: Activation ID (00000000-0000-0000-0000-00000000abcd) not found.'],
    },
    {
      run: `/skms-domain example.net ${ID}`,
      when: 'a machine name is set',
      service: withKms({ machineName: 'kms01' }),
      prints: [
        'Key Management Service lookup domain set to example.net successfully.',
        'Warning: /skms setting overrides the /skms-domain setting. kms01:1688 will be used for activation.',
      ],
    },
    {
      run: '/ckms-domain',
      prints: ['Key Management Service lookup domain cleared successfully.'],
      calls: set('null', { lookupDomain: null }),
    },
    {
      run: `/ckms-domain ${UNKNOWN_ID}`,
      prints: ['Error: Activation ID (00000000-0000-0000-0000-00000000abcd) not found.'],
    },
    {
      run: '/ckms-domain',
      when: 'a machine name is set',
      service: withKms({ machineName: 'kms01', machinePort: 1689 }),
      prints: [
        'Key Management Service lookup domain cleared successfully.',
        'Warning: /skms setting is in effect. kms01:1689 will be used for activation.',
      ],
    },
    {
      run: '/skhc',
      prints: ['KMS host caching is enabled'],
      calls: set('null', { hostCaching: true }),
    },
    {
      run: '/ckhc',
      prints: ['KMS host caching is disabled'],
      calls: set('null', { hostCaching: false }),
    },
    ...['0', '1', '2', '3'].map((type) => ({
      run: `/act-type ${type}`,
      prints: ['Volume activation type set successfully.'],
      calls: set('null', { activationTypeEnabled: Number(type) }),
    })),
    {
      run: '/act-type',
      when: 'no value clears it',
      prints: ['Volume activation type set successfully.'],
      calls: set('null', { activationTypeEnabled: 0 }),
    },
    {
      run: `/act-type 2 ${ID}`,
      prints: ['Volume activation type set successfully.'],
      calls: set(ID, { activationTypeEnabled: 2 }),
    },
    { run: '/act-type 4', prints: ['Error: The data is invalid'], calls: [] },
    { run: '/act-type -1', prints: ['Error: The data is invalid'], calls: [] },
    { run: '/act-type kms', prints: ['Error: The data is invalid'], calls: [] },
    {
      run: `/act-type 2 ${UNKNOWN_ID}`,
      prints: ['Error: Activation ID (00000000-0000-0000-0000-00000000abcd) not found.'],
    },
  ]);
});

describe('KMS host settings, on a machine that is none', () => {
  const interval = (name: string) => [
    `Warning: Volume ${name} interval can only be set on a KMS machine that is also activated.`,
  ];
  const dns = ['Warning: DNS Publishing can only be set on a KMS machine that is also activated.'];
  const priority = ['Warning: Priority can only be set on a KMS machine that is also activated.'];
  run([
    { run: '/sai 120', prints: interval('activation') },
    { run: '/sri 10080', prints: interval('renewal') },
    { run: '/sai -1', prints: ['Error: The data is invalid'] },
    { run: '/sri -1', prints: ['Error: The data is invalid'] },
    { run: '/sai often', prints: ['Error: The data is invalid'] },
    {
      run: '/sprt 1688',
      prints: ['Warning: KMS port can only be set on a KMS machine that is also activated.'],
    },
    { run: '/sdns', prints: dns },
    { run: '/cdns', prints: dns },
    { run: '/spri', prints: priority },
    { run: '/cpri', prints: priority },
  ]);
});

describe('tokens and Active Directory, where there are none', () => {
  const noSchema = [
    'Active Directory-Based Activation is not supported in the current Active Directory schema.',
  ];
  const noDomain = [
    'Error: 0x8007054B The specified domain either does not exist or could not be contacted.',
  ];
  run([
    { run: '/lil', prints: ['No licenses found.'] },
    { run: '/ril 1 2', prints: ['No licenses found.'] },
    { run: '/ltc', prints: [] },
    {
      run: '/fta 0123456789ABCDEF',
      prints: [ACTIVATING, 'Error: 0x80092004 Cannot find object or property.'],
      exit: 66,
    },
    {
      run: '/fta 0123456789ABCDEF',
      service: withoutKey(),
      when: 'no key',
      prints: ['Error: product not found.'],
    },
    { run: `/ad-activation-online ${KEY}`, prints: noDomain, exit: 68 },
    { run: `/ad-activation-get-iid ${KEY}`, prints: noDomain, exit: 68 },
    { run: `/ad-activation-apply-cid ${KEY} 123456`, prints: noDomain, exit: 68 },
    { run: '/ao-list', prints: noSchema },
    { run: '/del-ao CN=x', prints: noSchema },
  ]);
});

describe('reports that find nothing', () => {
  run([
    { run: '/dli', service: withoutKey(), prints: ['Error: product key not found.'] },
    {
      run: '/dlv',
      service: withoutKey(),
      prints: ['Software licensing service version: 0.1.0', 'Error: product key not found.'],
    },
    { run: `/dli ${UNKNOWN_ID}`, prints: ['Error: product key not found.'] },
    { run: '/dli all', service: new FakeService([]), prints: ['Error: product key not found.'] },
    { run: '/xpr', service: withoutKey(), prints: ['Error: product key not found.'] },
    { run: `/xpr ${STANDARD}`, when: 'no key on it', prints: ['Error: product key not found.'] },
  ]);
});

describe('/xpr', () => {
  const at = (status: number, remainingMinutes = 60, description = DATACENTER.description) =>
    guest().change(
      { license: { status: status as LicenseStatus, reason: 0, remainingMinutes }, description },
      ID,
    );
  const says = (text: string) => [`${DATACENTER.name}:`, `    ${text}`];
  run([
    { run: '/xpr', service: at(0), prints: says('Unlicensed') },
    { run: '/xpr', service: at(1), prints: says('Automatic VM activation will expire 7/5/2025 10:13:33 AM') },
    { run: '/xpr', service: at(1, 0), prints: says('The machine is permanently activated.') },
    {
      run: '/xpr',
      service: at(1, 60, 'Windows(R) Operating System, TIMEBASED_EVAL channel'),
      prints: says('Timebased activation will expire 7/5/2025 10:13:33 AM'),
    },
    {
      run: '/xpr',
      service: at(1, 60, KMS_CLIENT.description),
      prints: says('Volume activation will expire 7/5/2025 10:13:33 AM'),
    },
    { run: '/xpr', service: at(2), prints: says('Initial grace period ends 7/5/2025 10:13:33 AM') },
    { run: '/xpr', service: at(3), prints: says('Additional grace period ends 7/5/2025 10:13:33 AM') },
    { run: '/xpr', service: at(4), prints: says('Non-genuine grace period ends 7/5/2025 10:13:33 AM') },
    { run: '/xpr', service: at(5), prints: says('Windows is in Notification mode') },
    { run: '/xpr', service: at(6), prints: says('Extended grace period ends 7/5/2025 10:13:33 AM') },
    { run: '/xpr', service: at(7), prints: [] },
    {
      run: '/xpr',
      when: 'add-ons of Windows are listed too, other applications are not',
      service: new FakeService([
        NEVER_ACTIVATED,
        MAK_ADDON,
        { ...MAK_ADDON, applicationId: OTHER_APPLICATION },
      ]),
      prints: [
        ...says('Initial grace period ends 8/4/2025 9:13:33 AM'),
        `${MAK_ADDON.name}:`,
        '    The machine is permanently activated.',
      ],
    },
  ]);
});

describe('exit status', () => {
  test('on Windows it is the HRESULT, signed', async () => {
    const service = guest({ activate: new AvmaError('channel-unsupported', 'no') });
    expect((await slmgr('/ato', service, { platform: 'win32' })).exitStatus).toBe(-1073418124);
  });

  test('a service that does not open is an error line, and the reason is kept', async () => {
    const error = new AvmaError('state-damaged', 'the state is torn');
    const result = await runSlmgr(['/dlv'], {
      ...machine(guest()),
      openService: () => Promise.reject(error),
    });
    expect(result).toEqual({
      lines: ['Error: 0x8007000D The data is invalid.', ''],
      exitStatus: 65,
      advice: [{ reason: 'the state is torn', nextStep: error.hint, error }],
      unlicensed: [],
    });
  });

  test('what nobody foresaw is an error line too', async () => {
    const result = await runSlmgr(['/dlv'], {
      ...machine(guest()),
      openService: () => Promise.reject(new TypeError('x is not a function')),
    });
    expect(result.lines).toEqual([
      'Error: 0x8007045D The request could not be performed because of an I/O device error.',
      '',
    ]);
    expect(result.exitStatus).toBe(74);
  });

  test('only /ipk may start over a damaged state file', async () => {
    const opened: unknown[] = [];
    for (const option of ['/ipk 1', '/upk', '/ato', '/dlv', '/xpr', '/cpky', '/rearm', '/ckms']) {
      await runSlmgr(option.split(' '), {
        ...machine(guest()),
        openService: async (options) => {
          if (options?.recover) opened.push(option);
          return guest();
        },
      });
    }
    expect(opened).toEqual(['/ipk 1']);
  });
});
