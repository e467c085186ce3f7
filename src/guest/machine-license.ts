import { type Catalog, loadCatalog } from '../catalog/catalog.ts';
import { AvmaError } from '../errors/avma-error.ts';
import { type ClockReading, withinBounds } from '../machine/clock.ts';
import { findVmId, type VmId } from '../machine/vm-id.ts';
import { isOfVendor } from '../protocol/vendor-trust.ts';
import { listFiles } from '../storage/atomic-file.ts';
import { readVouchedFileIfAny } from '../storage/vouched-file.ts';
import type { GuestEnvironment } from './environment.ts';
import type { GuestService } from './guest-service.ts';
import { rearmCount } from './guest-state.ts';
import { type LicenseBasis, licenseBasis } from './license-basis.ts';
import { decodeLicenseFile, licenseFileIn, MAX_LICENSE_BYTES, rootsLicense } from './license-file.ts';
import type { GuestLook } from './looking.ts';
import { deriveReport, kmsClientReport } from './product-report.ts';

/** Where a reader of license.json looks for it and for the machine's ID. */
export type LicensePlace = Pick<GuestEnvironment, 'runFolder' | 'configuredVmId' | 'vmIdSource' | 'root'>;

/**
 * What license.json says, checked: nobody but root or this user can have written it. The licenses themselves are
 * verified by whoever derives reports from it.
 *
 * @param clock - Of now.
 * @returns undefined where there is no such file.
 * @throws {AvmaError} `file-invalid` for a file that is damaged or unsafe; `access-denied`.
 */
export function readMachineLicense(place: LicensePlace, clock: ClockReading): LicenseBasis | undefined {
  const file = licenseFileIn(place.runFolder);
  const bytes = readVouchedFileIfAny(file, MAX_LICENSE_BYTES);
  if (bytes === undefined) return undefined;
  return licenseBasis(decodeLicenseFile(bytes, file), ownVmId(place), withinBounds(clock));
}

/** The VM ID that this user can see; null where there is none. */
function ownVmId({ configuredVmId, vmIdSource, root }: LicensePlace): VmId | null {
  try {
    return findVmId(configuredVmId, root, vmIdSource);
  } catch (thrown) {
    if (!(thrown instanceof AvmaError) || thrown.code === 'internal') throw thrown;
    return null;
  }
}

/**
 * The licensing service of a user who may see the machine's license and not change it: from license.json and the
 * catalogs that this user can read.
 *
 * @throws {AvmaError} `file-not-found` where there is no license.json; as {@link readMachineLicense}.
 */
export async function openMachineLicense(environment: GuestEnvironment): Promise<GuestService> {
  const file = licenseFileIn(environment.runFolder);
  const read = () => {
    const found = readMachineLicense(environment, environment.readClock());
    if (found !== undefined) return found;
    throw new AvmaError('file-not-found', `there is no license file ${file} any more`, {
      hint: 'As root: avma guest status, which writes it anew.',
    });
  };
  const vmId: VmId = { ...read().vmId, from: file };
  const refuse = async (): Promise<never> => {
    throw rootsLicense();
  };
  return {
    vmId,
    stateFile: file,
    warnings: [],
    state: () => read().basis.state,
    productOfKey: (typed) => catalogOf(environment, read()).productOfKey(typed),
    look: async () => look(environment, read()),
    service() {
      const { state } = read().basis;
      return {
        version: environment.serviceVersion,
        remainingWindowsRearmCount: rearmCount(state, { kind: 'windows' }),
        kmsClient: kmsClientReport(state, null, vmId.value),
      };
    },
    products: async () => look(environment, read()).products.map(({ report }) => report),
    licenseFiles: () => environment.catalogFolders.flatMap((folder) => listFiles(folder, '.json')),
    installProductKey: refuse,
    installGivenKey: refuse,
    uninstallProductKey: refuse,
    activate: refuse,
    activateUnless: refuse,
    attest: refuse,
    clearProductKey: refuse,
    installLicense: refuse,
    rearmWindows: refuse,
    rearmApplication: refuse,
    rearmProduct: refuse,
    depositConfirmationId: refuse,
    setKmsClient: refuse,
  };
}

/** The catalogs, for somebody who trusts whom the machine trusts. */
function catalogOf({ catalogFolders }: GuestEnvironment, { basis }: LicenseBasis): Catalog {
  return loadCatalog(catalogFolders, { sameVendor: (a, b) => isOfVendor(basis.trust, a, b) });
}

/** The products of the catalogs, in their order, and those that only root's own catalogs list. */
function look(environment: GuestEnvironment, license: LicenseBasis): GuestLook {
  const { products, basis } = license;
  const known = new Map(products.map((product) => [product.activationId, product]));
  const listed = catalogOf(environment, license).products.map((product) => {
    const written = known.get(product.activationId);
    known.delete(product.activationId);
    return written ?? product;
  });
  return {
    products: [...listed, ...known.values()].map((product) => deriveReport(product, basis)),
    trust: basis.trust,
  };
}
