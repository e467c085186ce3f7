import fs from 'node:fs';
import path from 'node:path';
import { AvmaError } from '../../src/errors/avma-error.ts';
import type { GuestEvent } from '../../src/events/guest-event.ts';
import type { GuestEnvironment } from '../../src/guest/environment.ts';
import { type GuestService, openGuestService } from '../../src/guest/guest-service.ts';
import type { ProductReport } from '../../src/guest/license-report.ts';
import type { DerivedReport } from '../../src/guest/product-report.ts';
import type { Pipe } from '../../src/pipe/pipe.ts';
import { TestClock } from './clock.ts';
import { HANG_MS } from './hang.ts';
import { MemoryEvents } from './memory-events.ts';
import { tempFolder } from './temp-folder.ts';
import type { TestHost } from './test-host.ts';
import type { TestVendor } from './test-vendor.ts';

export const VM = '11111111-2222-4333-8444-555555555555';
export const OTHER_VM = '99999999-8888-4777-8666-555555555555';

/** Published keys and this project's activation IDs of some editions. */
export const STANDARD_2012R2 = {
  key: 'DBGBW-NPF86-BJVTX-K3WKJ-MTB6V',
  activationId: '0eeb0b7a-43be-5bd7-92c9-4372d99ad9bf',
};
export const DATACENTER_2025 = {
  key: 'YQB4H-NKHHJ-Q6K4R-4VMY6-VCH67',
  activationId: 'e6e6e7f3-c60b-55e6-8485-f08b594bb09d',
};

export interface TestGuestOptions {
  readonly vendors?: readonly TestVendor[];
  readonly clock?: TestClock;
  readonly vmId?: string;
  readonly folder?: string;
  readonly catalogFolders?: readonly string[];
  readonly machineName?: string;
}

/** What one opening of the service has instead of the guest's own environment. */
type OpenChange = Partial<GuestEnvironment> & { readonly recover?: boolean };

/** A guest with its own folders and clock. It keeps nothing between two {@link TestGuest.open}s but its files. */
export interface TestGuest {
  readonly clock: TestClock;
  readonly events: MemoryEvents<GuestEvent>;
  readonly folder: string;
  readonly stateFile: string;
  readonly trustFolder: string;
  /** Makes the pipes that the next activations go over. */
  connect(openPipe: () => Pipe | Promise<Pipe>): void;
  /** Opens the licensing service, as each command does. */
  open(change?: OpenChange): Promise<GuestService>;
  /** Installs a product key as `slmgr /ipk` does, with a service of its own. @throws {AvmaError} the service's codes */
  installKey(key: string, change?: OpenChange): ReturnType<GuestService['installProductKey']>;
  /** Activates a product as `slmgr /ato` does, with a service of its own. @throws {AvmaError} the service's codes */
  activate(activationId: string, change?: OpenChange): Promise<void>;
  /** Opens the service and looks at one product: the report, and what it was derived from. */
  derive(activationId: string, change?: Partial<GuestEnvironment>): Promise<DerivedReport>;
  /** As {@link derive}, the report alone. */
  look(activationId: string, change?: Partial<GuestEnvironment>): Promise<ProductReport>;
}

/** Opens no pipe, as where no host listens. */
export function noHost(): Promise<Pipe> {
  return Promise.reject(new AvmaError('host-absent', 'no host listens on the pipe of the test'));
}

/** A guest that trusts the host's vendor and reaches the host; without a host, a guest that reaches none. */
export function createTestGuest(host: TestHost | null, options: TestGuestOptions = {}): TestGuest {
  const clock = options.clock ?? new TestClock();
  const events = new MemoryEvents<GuestEvent>();
  const folder = options.folder ?? tempFolder();
  const stateFolder = path.join(folder, 'state');
  const trustFolder = path.join(folder, 'trust.d');
  const ownCatalogFolder = path.join(folder, 'catalog.d');
  const root = path.join(folder, 'root');
  fs.mkdirSync(root, { recursive: true });
  for (const vendor of options.vendors ?? (host === null ? [] : [host.vendor])) {
    vendor.installAnchor(trustFolder);
  }
  let openPipe: () => Pipe | Promise<Pipe> = host === null ? noHost : () => host.pipe();
  const environment: GuestEnvironment = {
    stateFolder,
    runFolder: path.join(folder, 'run'),
    trustFolders: [trustFolder],
    catalogFolders: [...(options.catalogFolders ?? ['keys']), ownCatalogFolder],
    ownCatalogFolder,
    configuredVmId: options.vmId ?? VM,
    root,
    machineName: options.machineName ?? 'guest01',
    client: 'avma test',
    serviceVersion: '0.0.0.0',
    deadline: HANG_MS,
    followTrustUpdates: true,
    events,
    readClock: clock.read,
    openPipe: async () => openPipe(),
  };
  const open: TestGuest['open'] = ({ recover, ...change } = {}) =>
    openGuestService({ ...environment, ...change }, recover === undefined ? {} : { recover });
  const derive: TestGuest['derive'] = async (activationId, change) => {
    const { products } = await (await open(change)).look();
    const derived = products.find(({ product }) => product.activationId === activationId);
    if (derived === undefined) throw new TypeError(`no catalog lists ${activationId}`);
    return derived;
  };
  return {
    clock,
    events,
    folder,
    stateFile: path.join(stateFolder, 'guest.state'),
    trustFolder,
    connect: (to) => {
      openPipe = to;
    },
    open,
    installKey: async (key, change) => (await open(change)).installProductKey(key),
    activate: async (activationId, change) => (await open(change)).activate(activationId),
    derive,
    look: async (activationId, change) => (await derive(activationId, change)).report,
  };
}
