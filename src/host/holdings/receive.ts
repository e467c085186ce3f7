import { MAX_CATALOG_BYTES } from '../../catalog/catalog-file.ts';
import { type CatalogPlaces, installCatalog } from '../../catalog/catalog-installation.ts';
import { AvmaError } from '../../errors/avma-error.ts';
import type { AvmaErrorCode } from '../../errors/codes.ts';
import { areOfOneVendor, vendorOfRoot } from '../../protocol/vendor-trust.ts';
import { counted } from '../../schema/counted.ts';
import { formatMinute } from '../../schema/format-time.ts';
import { listFiles } from '../../storage/atomic-file.ts';
import { readInstalledFile } from '../../storage/read-file.ts';
import { tidyHost, writeGiven } from './install.ts';
import { type Given, type HostSnapshot, takeIn } from './intake.ts';
import { filesOf, openReceivedFiles, type ReceivedFile, type ReceivedKind } from './received-files.ts';

/**
 * - `taken`: it is in the host's folder now.
 * - `present`: it, or a newer one, was there.
 * - `not ours`: another host's, another vendor's, or nothing that hosts take.
 * - `failed`: it is for this host, and cannot be used.
 */
type Outcome = 'taken' | 'present' | 'not ours' | 'failed';

/** What became of a file. */
export interface Received {
  readonly file: string;
  readonly outcome: Outcome;
  /** Null for nothing that hosts take. */
  readonly kind: ReceivedKind | null;
  /** Why it was not taken; null where there is no error. */
  readonly code: AvmaErrorCode | null;
  /** What it is, or what is wrong with it, without a full stop. */
  readonly message: string;
}

/** What is received, and by whom. */
export interface ReceiveOptions {
  /** Files, and folders whose `*.json` are received. */
  readonly paths: readonly string[];
  readonly snapshot: HostSnapshot;
  readonly catalogs: Pick<CatalogPlaces, 'folders' | 'ownFolder'>;
  /** Milliseconds since 1970 UTC. */
  readonly now: number;
  /** Only find out what would be taken. */
  readonly dryRun: boolean;
}

/** Errors that say that a document is another host's, another customer's or another vendor's. */
const NOT_OURS: readonly AvmaErrorCode[] = [
  'license-untrusted',
  'license-customer-mismatch',
  'license-host-mismatch',
  'license-site-mismatch',
  'revocations-foreign',
  'trust-update-foreign',
  'catalog-foreign',
];
/** Errors that say that the host has a newer one. */
const OLD: readonly AvmaErrorCode[] = ['revocations-old', 'trust-update-old'];

/**
 * Takes what is this host's of what lies in the folders and files, each file whole or not at all. The order of the
 * files does not matter: what depends on another is tried again when that one was taken. The caller holds the folder's
 * lock.
 *
 * @returns What became of each file, in the order in which they were found, and what the host has then.
 * @throws {AvmaError} `nothing-received` if there is nothing for this host, new or known; `file-not-found`,
 *   `access-denied`, `disk-full`, `io-error`: what was taken until then stays, and the rest is taken the next time.
 */
export function receive(options: ReceiveOptions): { received: readonly Received[]; after: HostSnapshot } {
  const files = openReceivedFiles(options.paths.flatMap(filesOf));
  const results = new Map<ReceivedFile, Received>();
  let after = options.snapshot;
  let waiting = files;
  for (let progress = true; progress; ) {
    progress = false;
    for (const file of waiting) {
      const taken = takeFile(file, after, options);
      results.set(file, taken.result);
      progress ||= taken.result.outcome === 'taken';
      after = taken.after;
    }
    // What another file may have made possible: a license whose certificate came after it.
    waiting = waiting.filter(
      (file) => file.is !== 'broken' && file.is !== 'other' && hasFailed(results.get(file)),
    );
  }
  const received = files.flatMap((file) => results.get(file) ?? []);
  if (received.every(({ outcome }) => outcome === 'not ours')) throw nothingReceived(received, options);
  if (!options.dryRun) tidyHost(after, options.now);
  return { received, after };
}

function hasFailed(result: Received | undefined): boolean {
  return result?.code !== undefined && result.code !== null && result.outcome !== 'present';
}

function nothingReceived(
  received: readonly Received[],
  { snapshot, catalogs }: Pick<ReceiveOptions, 'snapshot' | 'catalogs'>,
): AvmaError {
  const unsigned = received.find(({ code }) => code === 'catalog-unsigned');
  if (unsigned !== undefined) {
    return new AvmaError('catalog-unsigned', `${unsigned.file} is ${unsigned.message}`, {
      hint: `Get the signed catalog from the vendor, or put this one into ${catalogs.ownFolder} yourself.`,
    });
  }
  const { name, hardwareId } = snapshot.holdings.host;
  const files = received.length === 1 ? 'the file is not' : `none of ${received.length} files is`;
  return new AvmaError('nothing-received', `${files} for host ${name} (${hardwareId})`);
}

interface TakenFile {
  readonly result: Received;
  readonly after: HostSnapshot;
}

function takeFile(received: ReceivedFile, snapshot: HostSnapshot, options: ReceiveOptions): TakenFile {
  const { file } = received;
  if (received.is === 'other') {
    const { message, code } = received;
    return { result: { file, outcome: 'not ours', kind: null, code, message }, after: snapshot };
  }
  const kind = kindOf(received);
  try {
    if (received.is === 'broken') throw received.error;
    if (received.is === 'catalog') return takeCatalog(received, snapshot, options);
    const { given } = received;
    const taken = takeIn(snapshot, given, options.now);
    if (taken.outcome === 'taken' && !options.dryRun) writeGiven(taken.file, given);
    const { outcome, after } = taken;
    return { result: { file, outcome, kind, code: null, message: describeGiven(given) }, after };
  } catch (thrown) {
    if (!(thrown instanceof AvmaError) || isOfStorage(thrown.code)) throw thrown;
    const { code, message } = thrown;
    return {
      result: { file, outcome: outcomeOf(received, snapshot, code), kind, code, message },
      after: snapshot,
    };
  }
}

/** What has to do with this machine's disk, and not with the file that was given. */
function isOfStorage(code: AvmaErrorCode): boolean {
  return ['access-denied', 'disk-full', 'io-error', 'internal'].includes(code);
}

function outcomeOf(received: ReceivedFile, snapshot: HostSnapshot, code: AvmaErrorCode): Outcome {
  if (OLD.includes(code)) return 'present';
  if (NOT_OURS.includes(code)) return 'not ours';
  return isOthersCertificate(received, snapshot) ? 'not ours' : 'failed';
}

/** A certificate for another host; one for keys that this host does not have any more is its own, and no use. */
function isOthersCertificate(received: ReceivedFile, { holdings: { host } }: HostSnapshot): boolean {
  if (received.is !== 'document' || received.given.kind !== 'certificate') return false;
  const { hostName, hardwareId } = received.given.content.certificate;
  return hostName !== host.name || hardwareId !== host.hardwareId;
}

function takeCatalog(
  { file, bytes, catalog }: ReceivedFile & { is: 'catalog' },
  snapshot: HostSnapshot,
  { catalogs, dryRun }: ReceiveOptions,
): TakenFile {
  const { vendors } = snapshot.holdings;
  const { name, publicKey } = catalog.vendor;
  if (vendorOfRoot(vendors, publicKey) === undefined) {
    throw new AvmaError('catalog-foreign', `the catalog is of "${name}", who has not certified this host`);
  }
  const sameVendor = (a: string, b: string) => areOfOneVendor(vendors, a, b);
  const isThere = isInstalled(bytes, catalogs.folders);
  const places = { ...catalogs, sameVendor };
  const outcome = isThere ? 'present' : installCatalog(places, file, { dryRun, bytes }).outcome;
  const result: Received = {
    file,
    outcome: outcome === 'installed' || outcome === 'replaced' ? 'taken' : 'present',
    kind: 'catalog',
    code: null,
    message: `catalog of "${name}", ${counted(catalog.products.length, 'product')}`,
  };
  return { result, after: snapshot };
}

/** Whether a catalog is installed, under whichever name. */
function isInstalled(bytes: Buffer, folders: readonly string[]): boolean {
  return folders
    .flatMap((folder) => listFiles(folder, '.json'))
    .some((installed) => readInstalledFile(installed, MAX_CATALOG_BYTES).equals(bytes));
}

function kindOf(received: ReceivedFile): ReceivedKind | null {
  if (received.is === 'other') return null;
  if (received.is === 'broken') return received.kind;
  return received.is === 'catalog' ? 'catalog' : received.given.kind;
}

/** What a document is, for people: `license 0011223344556677 for "Acme Gateway", ...`. */
export function describeGiven(given: Given): string {
  switch (given.kind) {
    case 'certificate': {
      const { serial, notBefore, notAfter } = given.content.certificate;
      return `certificate ${serial}, ${formatMinute(notBefore)} to ${formatMinute(notAfter)}`;
    }
    case 'license': {
      const { licenseId, customer, product, notBefore, notAfter } = given.content.license;
      return `license ${licenseId} of "${customer}" for "${product.name}", ${formatMinute(notBefore)} to ${formatMinute(notAfter)}`;
    }
    case 'revocations': {
      const { sequence, vendor, hosts, licenses } = given.content.list;
      return `revocation list ${sequence} of "${vendor.name}" (${counted(hosts.length, 'host')}, ${counted(licenses.length, 'license')})`;
    }
    case 'trust-update': {
      const { version, vendorName, roots } = given.content.verified.update;
      return `trust update ${version} of "${vendorName}" (${counted(roots.length, 'root')})`;
    }
  }
}
