import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { joinLines } from '../../../src/cli/slmgr/run.ts';
import { LicenseStatus, type ProductReport } from '../../../src/guest/license-report.ts';
import {
  DATACENTER,
  FakeService,
  KMS_CLIENT,
  KMS_UNSET,
  MAK_ADDON,
  NEVER_ACTIVATED,
  OTHER_APPLICATION,
  STANDARD_WITHOUT_KEY,
  slmgr,
} from './fake-service.ts';

beforeEach(() => vi.stubEnv('TZ', 'UTC'));
afterEach(() => vi.unstubAllEnvs());

const notified = (reason: number): ProductReport => ({
  ...DATACENTER,
  license: { status: LicenseStatus.notification, reason, remainingMinutes: 0 },
});

const REPORTS = ['/dlv', '/dli', '/xpr'];

/** One transcript a situation: what it is, the products, and the command lines that are run. */
const SITUATIONS: readonly [
  file: string,
  products: readonly ProductReport[],
  commandLines: readonly string[],
][] = [
  ['licensed', [DATACENTER, STANDARD_WITHOUT_KEY], REPORTS],
  [
    'licensed-by-activation-id',
    [DATACENTER],
    REPORTS.map((option) => `${option} ${DATACENTER.activationId}`),
  ],
  ['initial-grace', [NEVER_ACTIVATED], REPORTS],
  ['notification-by-expiry', [notified(0xc004f009)], REPORTS],
  ['notification-in-a-clone', [notified(0xc004fd04)], REPORTS],
  ['notification-by-bad-lease', [notified(0x8007000d)], REPORTS],
  [
    'additional-grace',
    [
      {
        ...DATACENTER,
        license: { status: LicenseStatus.additionalGrace, reason: 0, remainingMinutes: 1441 },
      },
    ],
    REPORTS,
  ],
  [
    'host-forgotten-in-part',
    [
      {
        ...DATACENTER,
        virtualMachineActivation: {
          ...DATACENTER.virtualMachineActivation,
          iaid: null,
          hostMachineName: null,
          hostDigitalPid2: null,
        },
      },
    ],
    ['/dlv'],
  ],
  [
    'unlicensed',
    [STANDARD_WITHOUT_KEY],
    ['/dlv All', '/dli All', `/dlv ${STANDARD_WITHOUT_KEY.activationId}`],
  ],
  ['no-key', [STANDARD_WITHOUT_KEY], REPORTS],
  [
    'several-products',
    [
      DATACENTER,
      STANDARD_WITHOUT_KEY,
      MAK_ADDON,
      {
        ...MAK_ADDON,
        name: 'Appliance add-on',
        applicationId: OTHER_APPLICATION,
        partialProductKey: 'QQQQQ',
      },
      { ...NEVER_ACTIVATED, name: 'Appliance', applicationId: OTHER_APPLICATION, remainingAppRearmCount: 5 },
    ],
    [...REPORTS, '/dlv All'],
  ],
  ['kms-client', [KMS_CLIENT], REPORTS],
  [
    'kms-client-licensed',
    [
      {
        ...KMS_CLIENT,
        license: { status: LicenseStatus.licensed, reason: 0, remainingMinutes: 253_564 },
        kmsClient: {
          ...KMS_UNSET,
          activationTypeEnabled: 2,
          machineName: 'kms01.example.net',
          lookupDomain: 'example.net',
        },
      },
    ],
    REPORTS,
  ],
  ['mak', [{ ...MAK_ADDON, isAddon: false, name: 'Windows(R), ServerStandard edition' }], REPORTS],
  [
    'evaluation',
    [
      {
        ...NEVER_ACTIVATED,
        name: 'Windows(R), ServerStandardEval edition',
        description: 'Windows(R) Operating System, TIMEBASED_EVAL channel',
        productKeyChannel: 'Retail:TB:Eval',
        license: { status: LicenseStatus.licensed, reason: 0, remainingMinutes: 259_200 },
        evaluationEndDate: Date.UTC(2026, 0, 1, 9, 13, 33),
      },
    ],
    REPORTS,
  ],
];

test.each(SITUATIONS)('%s', async (file, products, commandLines) => {
  let transcript = '';
  for (const commandLine of commandLines) {
    const { lines, exitStatus } = await slmgr(commandLine, new FakeService(products));
    expect(exitStatus).toBe(0);
    transcript += `$ slmgr ${commandLine}\n${joinLines(lines, '\n')}`;
  }
  await expect(transcript).toMatchFileSnapshot(`golden/${file}.txt`);
});
