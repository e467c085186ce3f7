import { runSlmgr, type SlmgrEnvironment, type SlmgrResult } from '../../../src/cli/slmgr/run.ts';
import type { AvmaError } from '../../../src/errors/avma-error.ts';
import {
  type KmsClientReport,
  LicenseStatus,
  type ProductReport,
  type ServiceReport,
} from '../../../src/guest/license-report.ts';
import type {
  KeyInstallation,
  KmsClientSettings,
  LicensingService,
} from '../../../src/guest/licensing-service.ts';

const WINDOWS = '55c92734-d682-4d71-983e-d6ec3f16059f';
export const OTHER_APPLICATION = '0ff1ce15-a989-479d-af46-f275c6370663';

/** Saturday 5 July 2025, 09:13:33 UTC. */
const NOW = Date.UTC(2025, 6, 5, 9, 13, 33);

export const KMS_UNSET: KmsClientReport = {
  activationTypeEnabled: 0,
  machineName: null,
  machinePort: 0,
  lookupDomain: null,
  hostCaching: true,
  clientMachineId: 'f9d4e20a-cb8f-4050-9c0c-56420455ada1',
};

/** A guest's product with a key, an activation of seven days, and one minute of it gone. */
export const DATACENTER: ProductReport = {
  name: 'Windows(R), ServerDatacenter edition',
  description: 'Windows(R) Operating System, VIRTUAL_MACHINE_ACTIVATION channel',
  activationId: 'b2c3d4e5-0001-4a5b-8c6d-7e8f90a1b2c3',
  applicationId: WINDOWS,
  isAddon: false,
  productKeyChannel: 'VT:IA',
  extendedPid: '03612-04297-000-000000-03-1033-20348.0000-1862025',
  installationId: '189844539606059265855451803261640443485915018321605276862695924',
  partialProductKey: 'D4WYM',
  license: { status: LicenseStatus.licensed, reason: 0, remainingMinutes: 10_079 },
  evaluationEndDate: null,
  remainingSkuRearmCount: 1001,
  remainingAppRearmCount: 1001,
  trustedTime: NOW,
  virtualMachineActivation: {
    iaid: '8f2c6d1e-5b7a-4c3d-9e0f-1a2b3c4d5e6f',
    hostMachineName: 'hv01.example.net',
    activationTime: NOW - 60_000,
    hostDigitalPid2: 'XXXXX-03612-04297-00000-AA123',
  },
  kmsClient: KMS_UNSET,
};

/** The same product before any host has answered. */
export const NEVER_ACTIVATED: ProductReport = {
  ...DATACENTER,
  license: { status: LicenseStatus.initialGrace, reason: 0, remainingMinutes: 43_200 },
  virtualMachineActivation: {
    ...DATACENTER.virtualMachineActivation,
    hostMachineName: null,
    activationTime: null,
    hostDigitalPid2: null,
  },
};

export const STANDARD_WITHOUT_KEY: ProductReport = {
  ...NEVER_ACTIVATED,
  name: 'Windows(R), ServerStandard edition',
  activationId: 'b2c3d4e5-0002-4a5b-8c6d-7e8f90a1b2c3',
  productKeyChannel: '',
  extendedPid: '',
  installationId: '',
  partialProductKey: null,
  license: { status: LicenseStatus.unlicensed, reason: 0, remainingMinutes: 0 },
  trustedTime: null,
  virtualMachineActivation: {
    iaid: null,
    hostMachineName: null,
    activationTime: null,
    hostDigitalPid2: null,
  },
};

export const KMS_CLIENT: ProductReport = {
  ...NEVER_ACTIVATED,
  name: 'Windows(R), ServerStandard edition',
  description: 'Windows(R) Operating System, VOLUME_KMSCLIENT channel',
  activationId: 'de32eafd-aaee-4662-9444-c1befb41bde2',
  productKeyChannel: 'Volume:GVLK',
  partialProductKey: 'J464C',
  license: { status: LicenseStatus.notification, reason: 0xc004f00f, remainingMinutes: 0 },
};

export const MAK_ADDON: ProductReport = {
  ...NEVER_ACTIVATED,
  name: 'Windows(R), Client-ESU-Year1 add-on for Enterprise',
  description: 'Windows(R) Operating System, VOLUME_MAK channel',
  activationId: 'f520e45e-7413-4a34-a497-d2765967d094',
  isAddon: true,
  productKeyChannel: 'Volume:MAK',
  partialProductKey: '4C6R8',
  license: { status: LicenseStatus.licensed, reason: 0, remainingMinutes: 0 },
};

/** What a test wants the service to do instead of succeeding: a method's name and what it throws. */
export type Failures = Partial<Record<keyof LicensingService, AvmaError>>;

/** A licensing service over a list of products; it does what it is told, and remembers it in `calls`. */
export class FakeService implements LicensingService {
  readonly calls: string[] = [];
  #products: ProductReport[];
  #machine: KmsClientReport = KMS_UNSET;
  readonly #failures: Failures;

  constructor(products: readonly ProductReport[], failures: Failures = {}) {
    this.#products = [...products];
    this.#failures = failures;
  }

  service(): ServiceReport {
    return { version: '0.1.0', remainingWindowsRearmCount: 1000, kmsClient: this.#machine };
  }

  async products(): Promise<ProductReport[]> {
    return [...this.#products];
  }

  /** Changes every product with this ID, or all of them. */
  change(change: Partial<ProductReport>, activationId?: string): this {
    this.#products = this.#products.map((product) =>
      activationId === undefined || product.activationId === activationId
        ? { ...product, ...change }
        : product,
    );
    return this;
  }

  async installProductKey(key: string): Promise<KeyInstallation> {
    this.#call('installProductKey', key);
    return { activationId: this.#products[0]?.activationId ?? '', activationError: null };
  }

  async uninstallProductKey(activationId: string): Promise<void> {
    this.#call('uninstallProductKey', activationId);
    this.change({ partialProductKey: null }, activationId);
  }

  async activate(activationId: string): Promise<void> {
    this.#call('activate', activationId);
  }

  async clearProductKey(): Promise<void> {
    this.#call('clearProductKey');
  }

  async installLicense(file: string): Promise<void> {
    this.#call('installLicense', file);
  }

  licenseFiles(): string[] {
    return ['/opt/avma/keys/windows-server.json', '/etc/avma/keys/appliance.json'];
  }

  async rearmWindows(): Promise<void> {
    this.#call('rearmWindows');
  }

  async rearmApplication(applicationId: string): Promise<void> {
    this.#call('rearmApplication', applicationId);
  }

  async rearmProduct(activationId: string): Promise<void> {
    this.#call('rearmProduct', activationId);
  }

  async depositConfirmationId(activationId: string, confirmationId: string): Promise<void> {
    this.#call('depositConfirmationId', activationId, confirmationId);
  }

  async setKmsClient(activationId: string | null, change: Partial<KmsClientSettings>): Promise<void> {
    this.#call('setKmsClient', String(activationId), JSON.stringify(change));
    if (activationId === null) this.#machine = { ...this.#machine, ...change };
    this.#products = this.#products.map((product) =>
      activationId === null || product.activationId === activationId
        ? { ...product, kmsClient: { ...product.kmsClient, ...change } }
        : product,
    );
  }

  #call(method: keyof LicensingService, ...args: string[]): void {
    const failure = this.#failures[method];
    if (failure !== undefined) throw failure;
    this.calls.push([method, ...args].join(' '));
  }
}

/** A Linux machine whose clock stands at {@link NOW}. */
export function machine(service: LicensingService, over: Partial<SlmgrEnvironment> = {}): SlmgrEnvironment {
  return { openService: async () => service, now: () => NOW, platform: 'linux', ...over };
}

/** Runs a command line that is written as one string; `""` stands for an empty argument. */
export function slmgr(
  commandLine: string,
  service: LicensingService,
  over: Partial<SlmgrEnvironment> = {},
): Promise<SlmgrResult> {
  const argv = commandLine.split(' ').filter((word) => word !== '');
  return runSlmgr(
    argv.map((word) => (word === '""' ? '' : word)),
    machine(service, over),
  );
}
