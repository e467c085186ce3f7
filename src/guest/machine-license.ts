import { type Catalog, loadCatalog } from '../catalog/catalog.ts';
import { AvmaError } from '../errors/avma-error.ts';
import type { VmId } from '../machine/vm-id.ts';
import { areOfOneVendor } from '../protocol/vendor-trust.ts';
import { listFiles } from '../storage/atomic-file.ts';
import type { GuestEnvironment } from './environment.ts';
import type { GuestService } from './guest-service.ts';
import { rearmCount } from './guest-state.ts';
import type { LicenseBasis } from './license-basis.ts';
import { licenseFileIn, rootsLicense } from './license-file.ts';
import { readMachineLicense } from './license-reading.ts';
import type { GuestLook } from './looking.ts';
import { deriveReport, kmsClientReport } from './product-report.ts';

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
  return loadCatalog(catalogFolders, { sameVendor: (a, b) => areOfOneVendor(basis.trust, a, b) });
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
