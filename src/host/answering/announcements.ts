import { type Announcement, MAX_ANNOUNCEMENTS } from '../../protocol/documents.ts';
import { type TrustedVendor, vendorOfKeyId } from '../../protocol/vendor-trust.ts';
import type { HeldDocument, HeldLicense, HostHoldings } from '../holdings/holdings.ts';

/** What the announcements of an offer or a response are chosen by. */
export interface AnnouncementBasis {
  readonly holdings: Pick<HostHoldings, 'vendors' | 'revocations' | 'trustUpdates'>;
  /** Key ID of the root of the certificate that goes with them. */
  readonly rootKeyId: string;
  /** Key IDs of the roots that the guest trusts. */
  readonly anchors: readonly string[];
  /** The license that the answer names. */
  readonly license: HeldLicense | null;
}

/**
 * The documents that a guest should know of: the license of its answer, then for each vendor, that of the certificate
 * first, the last trust update and the revocation list. Where there are more than an answer can hold, the last are left
 * out: a guest that trusts several vendors hears of the others when it asks for their products. Pure.
 */
export function announcementsFor({
  holdings,
  rootKeyId,
  anchors,
  license,
}: AnnouncementBasis): readonly Announcement[] {
  const vendors = new Set(
    [rootKeyId, ...anchors]
      .map((id) => vendorOfKeyId(holdings.vendors, id))
      .filter((vendor) => vendor !== undefined),
  );
  const documents: readonly HeldDocument[] = [
    ...(license === null ? [] : [license]),
    ...[...vendors].flatMap((vendor) => documentsOf(vendor, holdings)),
  ];
  return documents.slice(0, MAX_ANNOUNCEMENTS).map(({ announcement }) => announcement);
}

function documentsOf(
  vendor: TrustedVendor,
  { revocations, trustUpdates }: AnnouncementBasis['holdings'],
): readonly HeldDocument[] {
  const update = trustUpdates.find(({ verified }) => verified.digest === vendor.lastUpdate);
  const list = revocations.find(({ list }) => list === vendor.revocations);
  return [update, list].filter((document) => document !== undefined);
}
