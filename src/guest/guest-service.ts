import fs from 'node:fs';
import path from 'node:path';
import { type Catalog, loadCatalog, readCatalogFile } from '../catalog/catalog.ts';
import { type Product, WINDOWS_APPLICATION_ID } from '../catalog/product.ts';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { CODES } from '../errors/codes.ts';
import { formatHresult, HRESULT } from '../errors/hresult.ts';
import type { EventSink } from '../events/event-sink.ts';
import type { GuestEvent } from '../events/guest-event.ts';
import { type ClockReading, withinBounds } from '../machine/clock.ts';
import { findVmId, type VmId } from '../machine/vm-id.ts';
import type { Pipe } from '../pipe/pipe.ts';
import type { Trigger } from '../protocol/messages.ts';
import { listFiles, makePrivateFolder, replaceFile } from '../storage/atomic-file.ts';
import type { ExchangeTrace } from './exchange.ts';
import { emptyState, type GuestState, type RearmScope, rearmCount } from './guest-state.ts';
import type { LicensingService } from './licensing-service.ts';
import { observe } from './observation.ts';
import { type DerivedReport, deriveReport, kmsClientReport, type ReportBasis } from './product-report.ts';
import * as changes from './state-changes.ts';
import { openStateStore } from './state-store.ts';
import { loadTrustAnchors, type StoredAnchor } from './trust-store.ts';

/** What Windows says of a key whose KMS host, or whose activation server, it cannot reach. */
const NO_KMS_HOST = HRESULT.SL_E_VL_BINDING_SERVICE_UNAVAILABLE;
const NO_ACTIVATION_SERVER = HRESULT.ERROR_INTERNET_NAME_NOT_RESOLVED;

/** What the guest's service touches: folders, clocks, the pipe and the event log. */
export interface GuestEnvironment {
  readonly stateFolder: string;
  readonly trustFolders: readonly string[];
  readonly catalogFolders: readonly string[];
  /** Where /ilc puts catalogues; one of {@link catalogFolders}. */
  readonly ownCatalogFolder: string;
  readonly configuredVmId: string | undefined;
  /** Folder that stands for `/` when the machine's identity is read. */
  readonly root: string;
  readonly machineName: string;
  /** `avma 0.1.0`, for the host's event log. */
  readonly client: string;
  readonly serviceVersion: string;
  /** For a whole activation, in milliseconds. */
  readonly deadline: number;
  readonly events: EventSink<GuestEvent>;
  readClock(): ClockReading;
  /** @throws {AvmaError} `pipe-not-found`, `pipe-uri-invalid`. */
  openPipe(): Promise<Pipe>;
}

/** The licensing service with what `avma guest status` shows besides. */
export interface GuestService extends LicensingService {
  readonly vmId: VmId;
  readonly catalog: Catalog;
  readonly anchors: readonly StoredAnchor[];
  readonly stateFile: string;
  state(): GuestState;
  /** As {@link LicensingService.activate}, and says what started it: the host's log shows that. */
  activate(activationId: string, trigger?: Trigger): Promise<void>;
  derive(activationId: string): DerivedReport | undefined;
}

/**
 * Opens the state, the catalogues and the trust anchors. What has become of the licence since it was last looked at
 * is noted, where this user may write.
 *
 * @throws {AvmaError} `state-damaged` and `state-newer` unless `recover` is set, `file-invalid` for a bad catalogue
 *   or anchor, `vm-id-unknown`.
 */
export async function openGuestService(
  environment: GuestEnvironment,
  options: { recover?: boolean } = {},
): Promise<GuestService> {
  const readClock = () => withinBounds(environment.readClock());
  const store = openStateStore(environment.stateFolder);
  const vmId = findVmId(environment.configuredVmId, environment.root);
  const catalog = loadCatalog(environment.catalogFolders);
  const anchors = loadTrustAnchors(environment.trustFolders);
  let state: GuestState;
  try {
    state = store.read();
    state = await noteObservation(state);
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot read the state');
    report(error, { trigger: 'state read' });
    if (options.recover !== true || error.code !== 'state-damaged') throw error;
    state = emptyState();
  }

  function basisOf(current: GuestState, clock = readClock()): ReportBasis {
    return { state: current, clock, vmId: vmId.value, anchors };
  }

  async function noteObservation(current: GuestState): Promise<GuestState> {
    if (observe(basisOf(current), catalog).state === current) return current;
    try {
      return await store.update((latest) => {
        const seen = observe(basisOf(latest), catalog);
        for (const change of seen.changes) {
          report(new AvmaError(change.code, change.message), {
            trigger: 'license state changed',
            activationId: change.activationId,
          });
        }
        return seen.state;
      });
    } catch {
      // Looking must work for those who may only look, and on a full disk.
      return current;
    }
  }

  function report(
    outcome: AvmaError | 'success',
    about: { trigger: string; activationId?: string; trace?: ExchangeTrace },
  ): void {
    const failed = outcome !== 'success';
    environment.events.write(
      {
        eventId: 12309,
        outcome: failed ? CODES[outcome.code].outcome : 'AVMA Success',
        code: failed ? outcome.code : 'success',
        hresult: formatHresult(failed ? outcome.hresult : 0),
        message: failed ? outcome.message : 'activated by the host for the time of its lease',
        trigger: about.trigger,
        vmId: vmId.value,
        activationId: about.activationId ?? null,
        exchangeId: about.trace?.exchangeId ?? null,
        hostName: about.trace?.hostName ?? null,
      },
      readClock().wall,
    );
  }

  async function activate(activationId: string, trigger: Trigger): Promise<void> {
    const trace: ExchangeTrace = { exchangeId: null, hostName: null };
    try {
      const product = productToActivate(activationId);
      // Found out now, not when the host has granted a lease that cannot be kept.
      await store.update((latest) => latest);
      const clock = readClock();
      const { report: now } = deriveReport(product, basisOf(state, clock));
      // The wire's own modules: loaded by the commands that talk to a host, not by those that show.
      const { exchangeActivation } = await import('./exchange.ts');
      const result = await withDeadline(environment.deadline, async (signal) => {
        const pipe = await environment.openPipe();
        return exchangeActivation(
          pipe,
          {
            vmId: vmId.value,
            activationId,
            edition: product.edition,
            osVersion: product.osVersion,
            license: now.license,
            guestClock: clock.wall,
            log: {
              machineName: environment.machineName,
              iaid: now.virtualMachineActivation.iaid,
              client: environment.client,
              trigger,
            },
          },
          state.host,
          anchors,
          signal,
          trace,
        ).finally(() => pipe.close());
      });
      const arrived = readClock();
      state = await store.update((latest) =>
        changes.storeActivation(latest, product, result, vmId.value, arrived),
      );
      report('success', { trigger, activationId, trace });
    } catch (thrown) {
      const error = toAvmaError(thrown, 'cannot activate');
      report(error, { trigger, activationId, trace });
      throw error;
    }
  }

  function productToActivate(activationId: string): Product {
    const product = catalog.productOfActivationId(activationId);
    if (product === undefined || (state.products[activationId]?.partialProductKey ?? null) === null) {
      throw new AvmaError('key-not-installed', `no key is installed for product ${activationId}`);
    }
    if (product.channel !== 'VT:IA') {
      throw new AvmaError(
        'channel-unsupported',
        `"${product.name}" is licensed through ${product.channel}, which cannot be activated here`,
        { hresult: product.channel === 'Volume:GVLK' ? NO_KMS_HOST : NO_ACTIVATION_SERVER },
      );
    }
    return product;
  }

  async function rearm(scope: RearmScope, isInScope: (product: Product) => boolean): Promise<void> {
    const inScope = catalog.products.filter(isInScope);
    state = await store.update((latest) => changes.rearm(latest, scope, inScope, readClock()));
  }

  return {
    vmId,
    catalog,
    anchors,
    stateFile: store.file,
    state: () => state,
    derive(activationId) {
      const product = catalog.productOfActivationId(activationId);
      return product && deriveReport(product, basisOf(state));
    },
    service: () => ({
      version: environment.serviceVersion,
      remainingWindowsRearmCount: rearmCount(state, { kind: 'windows' }),
      kmsClient: kmsClientReport(state, null, vmId.value),
    }),
    async products() {
      const basis = basisOf(state);
      return catalog.products.map((product) => deriveReport(product, basis).report);
    },
    async installProductKey(typed) {
      const product = catalog.productOfKey(typed);
      const isReplaced = (activationId: string) => {
        const other = catalog.productOfActivationId(activationId);
        return !product.isAddon && other?.isAddon !== true && other?.applicationId === product.applicationId;
      };
      const clock = readClock();
      state = await store.updateOrRecover(
        (latest) => changes.installKey(latest, product, isReplaced, vmId.value, clock),
        clock.wall,
      );
      const { activationId } = product;
      if (product.channel !== 'VT:IA') return { activationId, activationError: null };
      try {
        await activate(activationId, 'key installed');
        return { activationId, activationError: null };
      } catch (thrown) {
        const activationError = toAvmaError(thrown, 'cannot activate');
        // A mistake of ours is not an activation that failed.
        if (activationError.code === 'internal') throw activationError;
        return { activationId, activationError };
      }
    },
    async uninstallProductKey(activationId) {
      state = await store.update((latest) => changes.uninstallKey(latest, activationId));
    },
    activate: (activationId, trigger = 'command') => activate(activationId, trigger),
    async clearProductKey() {
      state = await store.update(changes.clearKeys);
    },
    async installLicense(file) {
      readCatalogFile(file);
      const installed = environment.catalogFolders.some(
        (folder) => path.dirname(path.resolve(file)) === folder,
      );
      if (installed) return;
      // Together with all others it must still make a catalogue, or every later command would fail.
      // A hidden file would be there and never read.
      const name = path.basename(file, '.json').replace(/^\.+/, '') || 'catalog';
      const target = path.join(environment.ownCatalogFolder, `${name}.json`);
      loadCatalog(environment.catalogFolders, { instead: target, read: file });
      makePrivateFolder(environment.ownCatalogFolder);
      replaceFile(target, fs.readFileSync(file));
    },
    licenseFiles: () => environment.catalogFolders.flatMap((folder) => listFiles(folder, '.json')),
    rearmWindows: () =>
      rearm({ kind: 'windows' }, (product) => product.applicationId === WINDOWS_APPLICATION_ID),
    rearmApplication: (id) =>
      id === WINDOWS_APPLICATION_ID
        ? rearm({ kind: 'windows' }, (product) => product.applicationId === id)
        : rearm({ kind: 'application', id }, (product) => product.applicationId === id),
    rearmProduct: (id) => rearm({ kind: 'product', id }, (product) => product.activationId === id),
    async depositConfirmationId(_activationId, confirmationId) {
      if (!/^\d{48}$/.test(confirmationId.replace(/[- ]/g, ''))) {
        throw new AvmaError('confirmation-id-invalid', 'that is not a Confirmation ID of 48 digits');
      }
      throw new AvmaError('confirmation-id-unusable', 'nothing here can be activated by a Confirmation ID');
    },
    async setKmsClient(activationId, change) {
      state = await store.update((latest) => changes.changeKmsClient(latest, activationId, change));
    },
  };
}

/** How long a pipe may take to say why there was no answer, after its deadline; in milliseconds. */
const ABORT_GRACE_MS = 250;

/**
 * Runs an exchange under one deadline, also where the pipe does not heed it. The timer goes when the exchange does.
 *
 * @throws {AvmaError} `host-silent` when the pipe has not come back by then.
 */
async function withDeadline<T>(milliseconds: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const unheeded = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      controller.abort();
      const silent = new AvmaError('host-silent', 'the pipe did not come back at the deadline');
      timer = setTimeout(() => reject(silent), ABORT_GRACE_MS);
    }, milliseconds);
  });
  try {
    return await Promise.race([work(controller.signal), unheeded]);
  } finally {
    clearTimeout(timer);
  }
}
