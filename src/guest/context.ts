import { type Catalog, loadCatalog } from '../catalog/catalog.ts';
import { catalogVersion } from '../catalog/catalog-version.ts';
import { toAvmaError } from '../errors/avma-error.ts';
import { type ClockReading, withinBounds } from '../machine/clock.ts';
import { findVmId, type VmId } from '../machine/vm-id.ts';
import { areOfOneVendor } from '../protocol/vendor-trust.ts';
import { debug } from '../system/debug.ts';
import type { GuestEnvironment } from './environment.ts';
import { writeGuestEvent } from './guest-events.ts';
import type { GuestState } from './guest-state.ts';
import { type LicensePublication, licensePublication } from './license-publication.ts';
import type { ReportBasis } from './product-report.ts';
import { openStateStore, readOnlyStore, type StateStore } from './state-store.ts';
import type { GuestTrust } from './trust/guest-trust.ts';
import { trustReader } from './trust/trust-reader.ts';

/**
 * What the functions of the licensing service share. The files of state, catalogs and trust anchors are looked at at
 * each call, so that a service that stays open sees what `slmgr` did; an unchanged file is not decoded again.
 */
export interface GuestContext {
  readonly environment: GuestEnvironment;
  readonly store: StateStore;
  readonly vmId: VmId;
  /** The writer of license.json, which follows the state. */
  readonly publication: LicensePublication;
  /** As {@link readCatalog}. */
  catalog(): Catalog;
  /** Whom this guest trusts. @throws {AvmaError} as `loadTrust`. */
  trust(): GuestTrust;
}

/** @throws {AvmaError} `vm-id-unknown`, `config-invalid`. */
export function createContext(environment: GuestEnvironment): GuestContext {
  const vmId = findVmId(environment.configuredVmId, environment.root, environment.vmIdSource);
  const trust = trustReader(environment);
  const catalog = catalogReader(environment.catalogFolders, trust);
  const publication = licensePublication({
    vmId,
    runFolder: environment.runFolder,
    clock: () => withinBounds(environment.readClock()),
    catalog,
    trust,
  });
  const store = openStateStore(environment.stateFolder, publication.publish);
  return {
    environment,
    store: environment.readOnly === true ? readOnlyStore(store) : store,
    vmId,
    publication,
    catalog,
    trust,
  };
}

/** The machine's clocks now. */
export function readClock({ environment }: GuestContext): ClockReading {
  const clock = withinBounds(environment.readClock());
  debug('clock', () => {
    const boot =
      clock.bootId === null ? 'boot unknown' : `boot ${clock.bootId}, ${clock.sinceBoot} ms since boot`;
    return `wall clock ${new Date(clock.wall).toISOString()}, ${boot}`;
  });
  return clock;
}

/**
 * The state, from its file.
 *
 * @throws {AvmaError} `state-damaged`, `state-newer`, `file-invalid`, `access-denied`; an event says so too.
 */
export function readState(context: GuestContext): GuestState {
  try {
    return context.store.read();
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot read the state');
    writeGuestEvent(context, error, { kind: 'state-unreadable', trigger: 'state read' });
    throw error;
  }
}

/** The products that this guest knows. @throws {AvmaError} `file-invalid` for a file that is no catalog. */
export function readCatalog(context: GuestContext): Catalog {
  return context.catalog();
}

/**
 * Looks at the files at each call, and reads them only when they have changed: an activation asks three times. Catalogs
 * that were signed with different roots of one vendor count as one vendor's.
 */
function catalogReader(folders: readonly string[], trust: () => GuestTrust): () => Catalog {
  let last: { readonly version: string; readonly catalog: Catalog } | undefined;
  return () => {
    const version = catalogVersion(folders);
    if (last?.version !== version) {
      const sameVendor = (a: string, b: string) => areOfOneVendor(trust(), a, b);
      last = { version, catalog: loadCatalog(folders, { sameVendor }) };
    }
    return last.catalog;
  };
}

/** What reports are derived from, with the files that the trust is from. */
export interface GuestBasis extends ReportBasis {
  readonly trust: GuestTrust;
}

/** What reports are derived from, all of it read now. @throws {AvmaError} as the functions above do. */
export function readBasis(context: GuestContext): GuestBasis {
  return {
    state: readState(context),
    clock: readClock(context),
    vmId: context.vmId.value,
    trust: context.trust(),
  };
}
