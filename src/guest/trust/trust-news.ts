import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import type { Announcement } from '../../protocol/documents.ts';
import type { Envelope } from '../../protocol/envelope.ts';
import { openRevocations } from '../../protocol/revocations.ts';
import { openTrustUpdate } from '../../protocol/trust-update.ts';
import { isRootOf, type TrustedVendor, vendorOfKeyId } from '../../protocol/vendor-trust.ts';
import { type DocumentSource, fetchDocument, type WantedDocument } from '../document-fetch.ts';
import { documentsOf, type GuestTrust, takeTrustDocument } from './guest-trust.ts';
import type { TrustDocument } from './trust-documents.ts';

/** How many updates may be missing here. A vendor makes two in a rotation, and rotates in years. */
const MAX_CHAIN = 32;

/** What an exchange has changed in whom the guest trusts. */
export interface TrustNewsReport {
  /** The trust afterwards. */
  readonly trust: GuestTrust;
  /** What is to be kept, in the order in which it was taken. */
  readonly taken: readonly TrustDocument[];
  /** Why a document that a host announced was not taken. None of them fails an activation. */
  readonly problems: readonly AvmaError[];
}

/** Trust updates and revocation lists that hosts announce during one exchange. */
export class TrustNews implements TrustNewsReport {
  #trust: GuestTrust;
  readonly #follow: boolean;
  readonly #tried: Set<string>;
  readonly taken: TrustDocument[] = [];
  readonly problems: AvmaError[] = [];

  /** @param options - `follow`: whether trust updates are followed. */
  constructor(trust: GuestTrust, { follow }: { readonly follow: boolean }) {
    this.#trust = trust;
    this.#follow = follow;
    this.#tried = new Set(documentsOf(trust));
  }

  get trust(): GuestTrust {
    return this.#trust;
  }

  /**
   * Fetches and takes what is news of what was announced with a certificate: trust updates first, since a list may be
   * signed by a root that one of them brings. Each document is fetched once.
   *
   * @returns Whether the trust has changed.
   */
  async take(
    announcements: readonly Announcement[],
    certificate: Envelope,
    source: DocumentSource,
  ): Promise<boolean> {
    const before = this.#trust;
    const signer = certificate.signatures[0]?.keyid ?? '';
    for (const kind of ['trust-update', 'revocations'] as const) {
      for (const announcement of announcements) {
        if (announcement.kind !== kind || !this.#isNews(announcement, vendorOfKeyId(this.#trust, signer)))
          continue;
        this.#tried.add(announcement.digest);
        try {
          await (kind === 'trust-update'
            ? this.#followTo(announcement, source)
            : this.#takeList(announcement, source));
        } catch (thrown) {
          const error = toAvmaError(thrown, 'cannot take a document');
          if (error.code === 'internal') throw error;
          this.problems.push(error);
        }
      }
    }
    return this.#trust !== before;
  }

  /** @param vendor - Whose root signed the certificate; undefined for one that is not trusted here (yet). */
  #isNews({ kind, digest, version }: Announcement, vendor: TrustedVendor | undefined): boolean {
    if (this.#tried.has(digest)) return false;
    if (kind === 'trust-update') return this.#follow && version > (vendor?.trustVersion ?? 1);
    if (vendor === undefined) return false;
    const known = vendor.revocations;
    // The list of a root that was retired counts until there is any other, whatever its sequence.
    return known === null || !isRootOf(vendor, known.vendor.publicKey) || version > known.sequence;
  }

  /** Follows an update, and those before it that are not known: each names the one before. */
  async #followTo(announcement: Announcement, source: DocumentSource): Promise<void> {
    const chain: TrustDocument[] = [];
    let wanted: WantedDocument | null = announcement;
    let next: number | null = null;
    while (wanted !== null) {
      const envelope = await fetchDocument(source, wanted);
      const verified = openTrustUpdate(envelope);
      const { version, previous } = verified.update;
      if (next !== null && version !== next) {
        throw new AvmaError(
          'trust-update-invalid',
          `the trust update ${next + 1} follows one that says it has version ${version}`,
        );
      }
      chain.unshift({ kind: 'trust-update', envelope, verified });
      const isKnown = previous === null || this.#trust.some(({ lastUpdate }) => lastUpdate === previous);
      const isFirst = this.#trust.some(
        (vendor) =>
          version === vendor.trustVersion + 1 &&
          verified.update.formerRoots.some((key) => isRootOf(vendor, key)),
      );
      if (chain.length === MAX_CHAIN && !isKnown && !isFirst) {
        throw new AvmaError('trust-update-gap', `more than ${MAX_CHAIN} trust updates are missing here`);
      }
      wanted = isKnown || isFirst ? null : { kind: 'trust-update', digest: previous, size: null };
      next = version - 1;
    }
    for (const document of chain) {
      try {
        this.#keep(document);
      } catch (thrown) {
        // A host may have nothing newer.
        if (!(thrown instanceof AvmaError) || thrown.code !== 'trust-update-old') throw thrown;
      }
    }
  }

  async #takeList(announcement: Announcement, source: DocumentSource): Promise<void> {
    const envelope = await fetchDocument(source, announcement);
    const list = openRevocations(envelope);
    try {
      this.#keep({ kind: 'revocations', envelope, list });
    } catch (thrown) {
      if (!(thrown instanceof AvmaError)) throw thrown;
      const isTrue = list.sequence === announcement.version;
      // An announcement does not say whose list it is: this one is of another vendor than the certificate.
      if (isTrue && thrown.code === 'revocations-old') return;
      // A host may have nothing yet that a present root has signed.
      const { publicKey } = list.vendor;
      const isRetired = this.#trust.some(({ retiredRoots }) => retiredRoots.includes(publicKey));
      if (isRetired && thrown.code === 'revocations-foreign') return;
      throw thrown;
    }
  }

  #keep(document: TrustDocument): void {
    const { trust, changed } = takeTrustDocument(this.#trust, document);
    if (changed === null) return;
    this.#trust = trust;
    this.taken.push(document);
  }
}
