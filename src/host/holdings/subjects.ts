import { isRetiredRoot, vendorOfRoot } from '../../protocol/vendor-trust.ts';
import { formatMinute } from '../../schema/format-time.ts';
import type { Validity } from '../../schema/validity.ts';
import { type Coverage, coverageOf, type Gap } from './coverage.ts';
import type { HostHoldings } from './holdings.ts';
import { licenseRevocationOf, revocationOf } from './revoked.ts';

/**
 * What a host needs from a vendor for as long as it serves, as one thing: the certificates of a vendor, the licenses of
 * a vendor for one product. One that follows another is as good as one that is longer.
 */
export interface Subject {
  /** Names it among all subjects of the host. */
  readonly key: string;
  readonly kind: 'certificate' | 'license';
  readonly vendorName: string;
  /** The product's name as the licenses have it; null for certificates. */
  readonly productName: string | null;
  /** Serials or license IDs, sorted; revoked ones too. */
  readonly ids: readonly string[];
  /** Those that the vendor has revoked. */
  readonly revoked: readonly string[];
  /** Those that a root has signed that the vendor has retired: guests that follow its updates do not believe them. */
  readonly retired: readonly string[];
  /**
   * Without those that are revoked or retired; of certificates, where all are retired, with them: guests that do not
   * follow the vendor's updates believe them still.
   */
  readonly coverage: Coverage;
}

interface Member {
  readonly key: string;
  readonly kind: Subject['kind'];
  readonly vendorName: string;
  readonly productName: string | null;
  readonly id: string;
  readonly revoked: boolean;
  readonly retired: boolean;
  readonly validity: Validity;
}

/** The subjects of a host, certificates first. @param now - The host's clock, milliseconds since 1970 UTC. Pure. */
export function subjectsOf(
  holdings: Pick<HostHoldings, 'certificates' | 'licenses' | 'vendors'>,
  now: number,
): readonly Subject[] {
  const groups = new Map<string, Member[]>();
  for (const member of membersOf(holdings)) {
    groups.set(member.key, [...(groups.get(member.key) ?? []), member]);
  }
  return [...groups].flatMap(([key, members]) => {
    const [first] = members;
    if (first === undefined) return [];
    const { kind, vendorName, productName } = first;
    const idsOf = (some: readonly Member[]) => some.map(({ id }) => id).sort();
    return {
      ...{ key, kind, vendorName, productName },
      ids: idsOf(members),
      revoked: idsOf(members.filter(({ revoked }) => revoked)),
      retired: idsOf(members.filter(({ retired }) => retired)),
      coverage: coverageOf(
        countingMembers(kind, members).map(({ validity }) => validity),
        now,
      ),
    };
  });
}

function countingMembers(kind: Subject['kind'], members: readonly Member[]): readonly Member[] {
  const standing = members.filter(({ revoked }) => !revoked);
  const present = standing.filter(({ retired }) => !retired);
  return kind === 'certificate' && present.length === 0 ? standing : present;
}

function membersOf({
  certificates,
  licenses,
  vendors,
}: Pick<HostHoldings, 'certificates' | 'licenses' | 'vendors'>): Member[] {
  return [
    ...certificates.map((held): Member => {
      const vendor = vendorOfRoot(vendors, held.certificate.vendorKey);
      return {
        key: `certificate ${vendor?.roots[0]?.keyId ?? held.rootKeyId}`,
        kind: 'certificate',
        vendorName: vendor?.name ?? held.rootKeyId,
        productName: null,
        id: held.certificate.serial,
        revoked: revocationOf(held, vendors) !== undefined,
        retired: isRetiredRoot(vendors, held.certificate.vendorKey),
        validity: held.certificate,
      };
    }),
    ...licenses.map(({ license }): Member => {
      const { publicKey } = license.vendor;
      const vendor = vendorOfRoot(vendors, publicKey);
      return {
        key: `license ${vendor?.roots[0]?.keyId ?? ''} ${license.product.activationId}`,
        kind: 'license',
        vendorName: vendor?.name ?? license.vendor.name,
        productName: license.product.name,
        id: license.licenseId,
        revoked: licenseRevocationOf(license, vendors) !== undefined,
        retired: isRetiredRoot(vendors, publicKey),
        validity: license,
      };
    }),
  ];
}

/** `host certificate of "Acme"`, `license for "Acme Gateway"`. */
export function subjectName({ kind, vendorName, productName }: Subject): string {
  return kind === 'certificate' ? `host certificate of "${vendorName}"` : `license for "${productName}"`;
}

/** How a host gets its first or its next certificate, as a list of steps. */
export const RENEW_CERTIFICATE =
  'avma host request > request.json, have the vendor certify it, avma host activate CERTIFICATE';

/** What becomes of guests without it, as the end of a sentence. */
export function consequence({ kind, vendorName }: Subject): string {
  return kind === 'certificate'
    ? `this host refuses all guests of products of "${vendorName}"`
    : 'no guest is approved by it';
}

/** What is said of those that a retired root has signed; undefined where others took their place. */
export function retiredSentence(subject: Subject): string | undefined {
  const { kind, ids, retired, revoked } = subject;
  const isReplaced = ids.some((id) => !retired.includes(id) && !revoked.includes(id));
  if (retired.length === 0 || isReplaced) return undefined;
  const what = `the ${subjectName(subject)} is signed by a root that the vendor has retired`;
  return kind === 'certificate'
    ? `${what}: guests that follow the vendor do not believe it`
    : `${what}: ${consequence(subject)}`;
}

/** What is said of a gap: when nothing is valid, and what becomes of guests meanwhile. */
export function gapSentence(subject: Subject, { from, until, graceUntil }: Gap, now: number): string {
  const when = `From ${from <= now ? 'now' : formatMinute(from)} to ${formatMinute(until)} no ${subjectName(subject)} is valid`;
  if (graceUntil >= until) return `${when}; the renewal grace of the one before covers that time.`;
  if (graceUntil <= from) return `${when}, and ${consequence(subject)}.`;
  return `${when}. Its renewal grace ends on ${formatMinute(graceUntil)}; from then on ${consequence(subject)}.`;
}
