import path from 'node:path';
import { LARGEST_DOCUMENT_BYTES } from '../../protocol/documents.ts';
import type { Notify } from '../../system/notify.ts';
import { hostKeyStore, keySets } from '../host-keys.ts';
import type { HostIdentity } from '../host-store.ts';
import { ProblemReporter } from '../notify.ts';
import { decodeCertificate, decodeLicense, decodeRevocations, decodeTrustUpdate } from './decode-given.ts';
import { FileStore, type StoredKind } from './file-store.ts';
import { type HostHoldings, holdingsOf, type StoredDocuments } from './holdings.ts';
import type { HostSnapshot } from './intake.ts';

/** How often a running host looks at what it holds, in milliseconds. */
const LOOK_MS = 1000;

/** The longest file that is read, in bytes: as given, a document may have spaces that it does not travel with. */
const MAX_FILE_BYTES = 2 * LARGEST_DOCUMENT_BYTES;

/** Where a host of before kept its one certificate. */
export const LEGACY_CERTIFICATE_FILE = 'certificate.json';

/**
 * All that a host was given and answers by, read from its folder and read anew within a second when a file has changed.
 * A file that cannot be used is reported once and changes nothing.
 */
export class HoldingsReader {
  readonly #folder: string;
  readonly #host: HostIdentity;
  readonly #problems: ProblemReporter;
  readonly #keys: ReturnType<typeof hostKeyStore>;
  readonly #certificates: FileStore<ReturnType<typeof decodeCertificate>>;
  readonly #licenses: FileStore<ReturnType<typeof decodeLicense>>;
  readonly #revocations: FileStore<ReturnType<typeof decodeRevocations>>;
  readonly #trustUpdates: FileStore<ReturnType<typeof decodeTrustUpdate>>;
  #holdings: HostHoldings | undefined;
  #found: readonly string[] = [];
  #lookedAt = 0;

  constructor(folder: string, host: HostIdentity, notify: Notify = () => {}) {
    this.#folder = folder;
    this.#host = host;
    this.#problems = new ProblemReporter(notify);
    const store = <T>(kind: StoredKind, decode: (bytes: Uint8Array, file: string) => T, besides?: string) =>
      new FileStore({
        folder: path.join(folder, kind),
        maxBytes: MAX_FILE_BYTES,
        decode,
        ...(besides === undefined ? {} : { besides }),
      });
    this.#keys = hostKeyStore(folder);
    this.#certificates = store('certificates', decodeCertificate, path.join(folder, LEGACY_CERTIFICATE_FILE));
    this.#licenses = store('licenses', decodeLicense);
    this.#revocations = store('revocations', decodeRevocations);
    this.#trustUpdates = store('trust-updates', decodeTrustUpdate);
  }

  /** What the host holds, as it was within the last second. */
  get current(): HostHoldings {
    const now = performance.now();
    if (this.#holdings !== undefined && now - this.#lookedAt < LOOK_MS) return this.#holdings;
    this.#lookedAt = now;
    return this.#look();
  }

  /** Looks at all files now. */
  refresh(): void {
    this.#lookedAt = performance.now();
    this.#look();
  }

  /** As {@link current}, with the files that it comes from. */
  get snapshot(): HostSnapshot {
    return { folder: this.#folder, holdings: this.current, stored: this.#stored };
  }

  /** What is wrong with files, a sentence each without its full stop. */
  get problems(): readonly string[] {
    return this.#found;
  }

  get #stored(): StoredDocuments {
    return {
      certificates: this.#certificates.files,
      licenses: this.#licenses.files,
      revocations: this.#revocations.files,
      trustUpdates: this.#trustUpdates.files,
    };
  }

  #look(): HostHoldings {
    const stores = [this.#keys, this.#certificates, this.#licenses, this.#revocations, this.#trustUpdates];
    const changed = stores.map((store) => store.refresh()).includes(true);
    if (this.#holdings !== undefined && !changed) return this.#holdings;
    const keys = keySets(
      this.#host,
      this.#keys.files.map(({ content }) => content),
    );
    const { holdings, problems } = holdingsOf(this.#host, keys, this.#stored);
    this.#holdings = holdings;
    this.#found = [...stores.flatMap((store) => store.problems), ...problems];
    this.#problems.report(this.#found.map((problem) => `A file counts for nothing: ${problem}.`));
    return holdings;
  }
}
