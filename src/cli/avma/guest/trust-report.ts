import type { GuestVendor } from '../../../guest/trust/guest-trust.ts';
import { revocationsJson } from '../../../protocol/document-json.ts';
import { openTrustUpdate } from '../../../protocol/trust-update.ts';
import { keyIdOf, type TrustedVendor, type VendorTrust } from '../../../protocol/vendor-trust.ts';
import type { Cell } from '../table.ts';

/** A trusted vendor as JSON shows it. The files are those of a vendor whose trust anchors this user can see. */
export function vendorJson(vendor: TrustedVendor | GuestVendor): object {
  const { name, roots, retiredRoots, trustVersion, revocations } = vendor;
  const fileOf = (id: string) => anchorOf(vendor, id)?.file ?? null;
  return {
    name,
    trustVersion,
    roots: roots.map(({ keyId }) => ({ keyId, file: fileOf(keyId) })),
    retiredRoots: retiredRoots.map(keyIdOf).map((keyId) => ({ keyId, file: fileOf(keyId) })),
    revocations: revocations === null ? null : revocationsJson(revocations),
  };
}

/** `Acme (0123456789abcdef, version 3)`: the vendor, its roots, and how far its trust updates were followed. */
export function vendorText({ name, roots, trustVersion }: TrustedVendor): string {
  const keys = roots.map(({ keyId }) => keyId).join(', ');
  return `${name} (${keys}${trustVersion === 1 ? '' : `, version ${trustVersion}`})`;
}

/** The headings of {@link trustRows}. */
export const TRUST_HEADINGS = ['KEY ID', 'VENDOR', 'COUNTS', 'FROM', 'REVOCATIONS'];

/** A row for each root that counts, and for each file of one that its vendor has retired. */
export function trustRows(trust: VendorTrust): Cell[][] {
  return trust.flatMap((vendor) => {
    const { name, roots, revocations } = vendor;
    const anchors = 'anchors' in vendor ? (vendor as GuestVendor).anchors : [];
    const list = revocations === null ? 'none' : `list ${revocations.sequence}`;
    const retired = anchors.filter(({ keyId }) => roots.every((root) => root.keyId !== keyId));
    return [
      ...roots.map(({ keyId }): Cell[] => [keyId, name, 'yes', originOf(vendor, keyId), list]),
      ...retired.map(({ keyId, file }): Cell[] => [keyId, name, { tone: 'warn', text: 'retired' }, file, '']),
    ];
  });
}

/** The file of the root, or the trust update that brought it. */
function originOf(vendor: TrustedVendor | GuestVendor, id: string): string {
  const anchor = anchorOf(vendor, id);
  if (anchor !== undefined) return anchor.file;
  if (!('trustUpdates' in vendor)) return "root's files";
  const updates = vendor.trustUpdates.map((envelope) => openTrustUpdate(envelope).update);
  const brought = updates.find(({ roots }) => roots.some((key) => keyIdOf(key) === id));
  return brought === undefined ? 'a trust update' : `trust update ${brought.version}`;
}

function anchorOf(vendor: TrustedVendor | GuestVendor, id: string) {
  return 'anchors' in vendor ? vendor.anchors.find(({ keyId }) => keyId === id) : undefined;
}
