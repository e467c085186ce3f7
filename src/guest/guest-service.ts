import type { CatalogInstallation, CatalogPlaces } from '../catalog/catalog-installation.ts';
import type { LoadedProduct } from '../catalog/product.ts';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import type { VmId } from '../machine/vm-id.ts';
import { WINDOWS_APPLICATION_ID } from '../policy/windows.ts';
import type { LicenseEvidence } from '../protocol/evidence.ts';
import type { Trigger } from '../protocol/messages.ts';
import { areOfOneVendor } from '../protocol/vendor-trust.ts';
import { listFiles } from '../storage/atomic-file.ts';
import { activateNow, activateProduct, inTurn } from './activation.ts';
import type { AttestationRequest } from './attestation.ts';
import { createContext, type GuestContext, readCatalog, readClock, readState } from './context.ts';
import type { GuestEnvironment } from './environment.ts';
import { type GuestState, type RearmScope, rearmCount, type SetupRecord } from './guest-state.ts';
import type { KeyInstallation, LicensingService } from './licensing-service.ts';
import { type GuestLook, type LookOptions, lookAtProducts } from './looking.ts';
import { type DerivedReport, kmsClientReport } from './product-report.ts';
import * as changes from './state-changes.ts';
import { folderWarnings } from './state-folder-warnings.ts';

/**
 * The licensing service with what `avma guest status` shows besides. State, catalogs and trust anchors are read at
 * each call, so a service may stay open while other commands change them.
 */
export interface GuestService extends LicensingService {
  readonly vmId: VmId;
  readonly stateFile: string;
  /** What is unsafe about the guest's folders, and why license.json could not be written, in sentences. */
  readonly warnings: readonly string[];
  state(): GuestState;
  /** The product that a typed key belongs to. @throws {AvmaError} `key-invalid`. */
  productOfKey(typed: string): LoadedProduct;
  /** Everything about every product of the catalogs, each derived once. */
  look(options?: LookOptions): Promise<GuestLook>;
  /**
   * Installs a key without activating, and remembers the setup that gave it in the same change.
   *
   * @param record - What is remembered of it; absent for a key that no setup gave.
   * @throws {AvmaError} `key-invalid` for a key that no catalog lists; nothing has changed then.
   */
  installGivenKey(key: string, record?: SetupRecord): Promise<void>;
  /** As {@link LicensingService.installLicense}, and says what became of the file. */
  installLicense(file: string): Promise<CatalogInstallation>;
  /** As {@link LicensingService.activate}, and says what started it: the host's log shows that. */
  activate(activationId: string, trigger?: Trigger): Promise<void>;
  /**
   * As {@link GuestService.activate}, unless the product is settled already once no other process activates: by a
   * command that was faster, for example.
   *
   * @returns Whether it was activated.
   */
  activateUnless(
    activationId: string,
    trigger: Trigger,
    isSettled: (derived: DerivedReport) => boolean,
  ): Promise<boolean>;
  /**
   * Fresh evidence with a program's own number in it. No lease is stored.
   *
   * @throws {AvmaError} as {@link LicensingService.activate}, and `argument-invalid` where several products are meant.
   */
  attest(request: AttestationRequest): Promise<LicenseEvidence>;
}

/**
 * Opens the guest's licensing service. A damaged state is an error at once, for every command but the one that
 * replaces it.
 *
 * @param options - `recover` opens over a damaged state, which {@link LicensingService.installProductKey} replaces.
 * @throws {AvmaError} `state-damaged` unless `recover` is set, `state-newer`, `file-invalid`, `access-denied`,
 *   `vm-id-unknown`.
 */
export async function openGuestService(
  environment: GuestEnvironment,
  options: { readonly recover?: boolean } = {},
): Promise<GuestService> {
  const context = createContext(environment);
  try {
    readState(context);
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot read the state');
    if (options.recover !== true || error.code !== 'state-damaged') throw error;
  }
  return createService(context);
}

function catalogPlaces({ environment, trust }: GuestContext): CatalogPlaces {
  return {
    folders: environment.catalogFolders,
    ownFolder: environment.ownCatalogFolder,
    sameVendor: (a, b) => areOfOneVendor(trust(), a, b),
  };
}

function createService(context: GuestContext): GuestService {
  const { environment, store, vmId } = context;
  return {
    vmId,
    stateFile: store.file,
    get warnings() {
      const { problem } = context.publication;
      return [...folderWarnings(environment), ...(problem === null ? [] : [problem])];
    },
    state: () => readState(context),
    productOfKey: (typed) => readCatalog(context).productOfKey(typed),
    look: (options) => lookAtProducts(context, options),
    service() {
      const state = readState(context);
      return {
        version: environment.serviceVersion,
        remainingWindowsRearmCount: rearmCount(state, { kind: 'windows' }),
        kmsClient: kmsClientReport(state, null, vmId.value),
      };
    },
    products: async () => (await lookAtProducts(context)).products.map(({ report }) => report),
    // The turn is taken before the key is there: an agent that sees the key waits, and finds the product activated.
    installProductKey: (typed) => inTurn(context, () => installProductKey(context, typed)),
    async installGivenKey(key, record) {
      await putKey(context, key, record === undefined ? [] : [record]);
    },
    async uninstallProductKey(activationId) {
      await store.update((latest) => changes.uninstallKey(latest, activationId));
    },
    activate: (activationId, trigger = 'command') => activateProduct(context, { activationId, trigger }),
    activateUnless: (activationId, trigger, isSettled) =>
      inTurn(context, async () => {
        const { products } = await lookAtProducts(context);
        const derived = products.find(({ product }) => product.activationId === activationId);
        if (derived === undefined || isSettled(derived)) return false;
        await activateNow(context, { activationId, trigger });
        return true;
      }),
    async attest(request) {
      // Loaded by those who talk to a host, as in an activation.
      const { attest } = await import('./attestation.ts');
      return attest(context, request);
    },
    async clearProductKey() {
      await store.update(changes.clearKeys);
    },
    async installLicense(file) {
      const { installCatalog } = await import('../catalog/catalog-installation.ts');
      return installCatalog(catalogPlaces(context), file);
    },
    licenseFiles: () => environment.catalogFolders.flatMap((folder) => listFiles(folder, '.json')),
    rearmWindows: () => rearm(context, { kind: 'windows' }, isOfApplication(WINDOWS_APPLICATION_ID)),
    rearmApplication: (id) =>
      rearm(
        context,
        id === WINDOWS_APPLICATION_ID ? { kind: 'windows' } : { kind: 'application', id },
        isOfApplication(id),
      ),
    rearmProduct: (id) => rearm(context, { kind: 'product', id }, ({ activationId }) => activationId === id),
    depositConfirmationId: async (_activationId, confirmationId) => refuseConfirmationId(confirmationId),
    async setKmsClient(activationId, change) {
      await store.update((latest) => changes.changeKmsClient(latest, activationId, change));
    },
  };
}

async function installProductKey(context: GuestContext, typed: string): Promise<KeyInstallation> {
  const product = await putKey(context, typed, []);
  const { activationId } = product;
  if (product.channel !== 'VT:IA') return { activationId, activationError: null };
  try {
    await activateNow(context, { activationId, trigger: 'key installed' });
    return { activationId, activationError: null };
  } catch (thrown) {
    const activationError = toAvmaError(thrown, 'cannot activate');
    // A mistake of this program is no failed activation.
    if (activationError.code === 'internal') throw activationError;
    return { activationId, activationError };
  }
}

/** Installs a key, and remembers where it came from in the same change. @throws {AvmaError} `key-invalid`. */
async function putKey(
  context: GuestContext,
  typed: string,
  records: readonly SetupRecord[],
): Promise<LoadedProduct> {
  const catalog = readCatalog(context);
  const product = catalog.productOfKey(typed);
  const isReplaced = (installedId: string) => {
    const other = catalog.productOfActivationId(installedId);
    return !product.isAddon && other?.isAddon !== true && other?.applicationId === product.applicationId;
  };
  const clock = readClock(context);
  await context.store.updateOrRecover(
    (latest) =>
      changes.rememberSetup(
        changes.installKey(latest, product, isReplaced, context.vmId.value, clock),
        records,
      ),
    clock.wall,
  );
  return product;
}

async function rearm(
  context: GuestContext,
  scope: RearmScope,
  isInScope: (product: LoadedProduct) => boolean,
): Promise<void> {
  const inScope = readCatalog(context).products.filter(isInScope);
  await context.store.update((latest) => changes.rearm(latest, scope, inScope, readClock(context)));
}

function isOfApplication(id: string): (product: LoadedProduct) => boolean {
  return ({ applicationId }) => applicationId === id;
}

/** @throws {AvmaError} always: no product here is activated by a Confirmation ID. */
function refuseConfirmationId(confirmationId: string): never {
  if (!/^\d{48}$/.test(confirmationId.replace(/[- ]/g, ''))) {
    throw new AvmaError(
      'confirmation-id-invalid',
      'a Confirmation ID has 48 digits, and the given text has not',
    );
  }
  throw new AvmaError('confirmation-id-unusable', 'no product here can be activated by a Confirmation ID');
}
