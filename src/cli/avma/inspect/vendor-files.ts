import { parseCatalog } from '../../../catalog/catalog-file.ts';
import { openCustomerLicense } from '../../../protocol/customer-license.ts';
import { customerLicenseJson } from '../../../protocol/document-json.ts';
import { documentDigest } from '../../../protocol/documents.ts';
import type { CosignedEnvelope, DocumentEnvelope } from '../../../protocol/envelope.ts';
import { isLicenseRevoked, openRevocations } from '../../../protocol/revocations.ts';
import { openTrustUpdate, type TrustUpdate } from '../../../protocol/trust-update.ts';
import { followTrustUpdate, keyIdOf, vendorOfKeyId, vendorOfRoot } from '../../../protocol/vendor-trust.ts';
import { counted } from '../../../schema/counted.ts';
import { formatMinute, isoInstant } from '../../../schema/format-time.ts';
import { catalogJson, countProducts } from '../catalog-text.ts';
import { licenseFields } from '../customer-license-text.ts';
import type { Field } from '../table.ts';
import { type Inspection, type InspectionContext, inspection, problemOf, signerOf } from './inspection.ts';

/** What the rows of a license say that those of its signature and its dates say too. */
const SAID_BY_OTHERS: ReadonlySet<string> = new Set(['From', 'Until', 'Renewal grace', 'Signed by']);

/** What a vendor signed for a customer. */
export function inspectLicense(envelope: DocumentEnvelope, context: InspectionContext): Inspection {
  const license = openCustomerLicense(envelope);
  const { vendor, licenseId, issuedAt } = license;
  const [revoked] = context.trust.flatMap(({ revocations }) =>
    revocations === null ? [] : (isLicenseRevoked(revocations, licenseId) ?? []),
  );
  return inspection('license', {
    signature: { holds: true, signers: [signerOf(vendor.publicKey, vendor.name, context)] },
    validity: license,
    content: { ...customerLicenseJson(license), digest: documentDigest(envelope) },
    fields: [
      ...licenseFields(license).filter(([name]) => !SAID_BY_OTHERS.has(name)),
      ['Issued', formatMinute(issuedAt)],
    ],
    notes:
      revoked === undefined ? [] : [`A revocation list that is known here revokes it: ${revoked.reason}.`],
  });
}

/** What a vendor has withdrawn. */
export function inspectRevocations(envelope: DocumentEnvelope, context: InspectionContext): Inspection {
  const { vendor, sequence, issuedAt, hosts, licenses } = openRevocations(envelope);
  const known = vendorOfRoot(context.trust, vendor.publicKey)?.revocations ?? null;
  const entries = [...hosts, ...licenses];
  const reasons = [...new Set(entries.map(({ reason }) => reason))].join(', ');
  return inspection('revocations', {
    signature: { holds: true, signers: [signerOf(vendor.publicKey, vendor.name, context)] },
    content: { sequence, digest: documentDigest(envelope), issuedAt: isoInstant(issuedAt), hosts, licenses },
    fields: [
      ['List', `number ${sequence}`],
      ['Issued', formatMinute(issuedAt)],
      [
        'Revokes',
        `${counted(hosts.length, 'host')} and ${counted(licenses.length, 'license')}${reasons === '' ? '' : `: ${reasons}`}`,
      ],
      ...(known === null ? [] : [['Known here', knownListText(sequence, known.sequence)] as Field]),
    ],
  });
}

function knownListText(sequence: number, known: number): string {
  if (known === sequence) return 'this list';
  return `list ${known}, which is ${known > sequence ? 'newer' : 'older'}`;
}

/** A vendor's new set of roots. */
export function inspectTrustUpdate(envelope: CosignedEnvelope, context: InspectionContext): Inspection {
  const verified = openTrustUpdate(envelope);
  const { update, digest, signers } = verified;
  const { vendorName, version, previous, roots, formerRoots, issuedAt } = update;
  return inspection('trust-update', {
    signature: { holds: true, signers: signers.map((key) => signerOf(key, vendorName, context)) },
    content: {
      vendorName,
      version,
      digest,
      previous,
      formerRoots: formerRoots.map(keyIdOf),
      roots: roots.map(keyIdOf),
      issuedAt: isoInstant(issuedAt),
    },
    fields: [
      ['Vendor', vendorName],
      ['Version', String(version)],
      ['Issued', formatMinute(issuedAt)],
      ...rootFields(update),
      ...followField(verified, context),
    ],
  });
}

function rootFields({ roots, formerRoots }: TrustUpdate): Field[] {
  const named = (keys: readonly string[]) => keys.map(keyIdOf).join(', ') || 'none';
  return [
    ['Adds', named(roots.filter((key) => !formerRoots.includes(key)))],
    ['Keeps', named(roots.filter((key) => formerRoots.includes(key)))],
    ['Retires', named(formerRoots.filter((key) => !roots.includes(key)))],
  ];
}

/** Whether the update follows what is known here. */
function followField(verified: ReturnType<typeof openTrustUpdate>, { trust }: InspectionContext): Field[] {
  const keys = [...verified.update.formerRoots, ...verified.update.roots].map(keyIdOf);
  const vendor = trust.find(({ roots }) => roots.some((root) => keys.includes(root.keyId)));
  if (vendor === undefined) return [];
  try {
    followTrustUpdate(vendor, verified);
    return [['Known here', { tone: 'good', text: `version ${vendor.trustVersion}, which it follows` }]];
  } catch (thrown) {
    const { code, message } = problemOf(thrown);
    const tone = code === 'trust-update-old' ? 'plain' : 'warn';
    return [
      ['Known here', { tone, text: `version ${vendor.trustVersion}: ${message}`, bare: tone === 'plain' }],
    ];
  }
}

/** Products, signed or not. */
export function inspectCatalog(bytes: Uint8Array, context: InspectionContext): Inspection {
  const catalog = parseCatalog(bytes, context.file);
  const { vendor, issuedAt, products } = catalog;
  const signer = vendor === null ? null : signerOfCatalog(vendor, context);
  return inspection('catalog', {
    signature: signer === null ? null : { holds: true, signers: [signer] },
    content: catalogJson(catalog),
    fields: [
      ...(issuedAt === null ? [] : [['Issued', formatMinute(issuedAt)] as Field]),
      ['Products', countProducts(catalog)],
      ...products.map(
        ({ name, version, edition, requiresLicense }): Field => [
          '',
          `${name} ${version} (${edition})${requiresLicense ? ', requires a customer license' : ''}`,
        ],
      ),
    ],
    notes:
      vendor === null
        ? [
            'It is unsigned: hosts of every trusted vendor may license its products. Sign it: avma vendor catalog sign',
          ]
        : [],
  });
}

function signerOfCatalog(
  vendor: { readonly name: string; readonly keyId: string },
  { trust }: InspectionContext,
) {
  const isRoot = trust.some(({ roots }) => roots.some(({ keyId }) => keyId === vendor.keyId));
  const name = vendorOfKeyId(trust, vendor.keyId)?.name ?? vendor.name;
  return { name, keyId: vendor.keyId, trusted: trust.length === 0 ? null : isRoot };
}
