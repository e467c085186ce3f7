import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import {
  base64url32,
  customerName,
  hardwareId,
  hex8,
  hostName,
  instant,
  oneOf,
  osVersion,
  siteId,
  windowsEdition,
} from '../schema/shapes.ts';
import type { KeyPair } from './curve-keys.ts';
import {
  type Envelope,
  keyId,
  PAYLOAD_TYPES,
  payloadJson,
  signEnvelope,
  verifyEnvelope,
} from './envelope.ts';
import { isHostRevoked } from './revocations.ts';
import type { TrustAnchor } from './trust-anchor.ts';
import { rootKey, rootsOf, type TrustedVendor, type VendorTrust } from './vendor-trust.ts';

/** How the host itself is licensed. */
export const HOST_LICENSING = ['MAK', 'OEM', 'KMS'] as const;
export type HostLicensing = (typeof HOST_LICENSING)[number];

/** The members that a host's request and its certificate share. */
export const hostIdentity = {
  hostName,
  /** Derived by the host when it was set up. */
  hardwareId,
  signingKey: base64url32,
  boxKey: base64url32,
};

/** Which Windows a host runs: only guests with Windows ask for that (policy/windows.ts). */
const WindowsHost = z.strictObject({ edition: windowsEdition, osVersion, licensing: oneOf(HOST_LICENSING) });
export type WindowsHost = z.infer<typeof WindowsHost>;

/** What the vendor signs for a host: who it is, whose, what it may do, and until when. */
export const HostCertificate = z
  .strictObject({
    serial: hex8,
    /** The root that signs. */
    vendorKey: base64url32,
    ...hostIdentity,
    /** Whose licenses count on the host; null: those of every customer. */
    customer: z.nullable(customerName),
    site: z.nullable(siteId),
    /** Null: the host activates no guest with Windows. */
    windows: z.nullable(WindowsHost),
    notBefore: instant,
    /** From here on the certificate is in its renewal grace. */
    notAfter: instant,
    /** From here on it counts no more. */
    graceUntil: instant,
  })
  .check(z.refine(({ notBefore, notAfter, graceUntil }) => notBefore < notAfter && notAfter <= graceUntil));
export type HostCertificate = z.infer<typeof HostCertificate>;

/** The certificate in its envelope, signed with the vendor's root key, which is the one that it names. */
export function signHostCertificate(certificate: HostCertificate, root: KeyPair): Envelope {
  return signEnvelope(PAYLOAD_TYPES.hostCertificate, HostCertificate.parse(certificate), root);
}

/** A certificate that a trusted vendor signed. */
export interface TrustedCertificate {
  readonly certificate: HostCertificate;
  /** The root that signed it. */
  readonly root: TrustAnchor;
  readonly vendor: TrustedVendor;
}

/**
 * Steps V4 and V5: the certificate, if a root of a trusted vendor signed it and no vendor with that root has revoked
 * it. Its dates are not checked here: step V13 compares them with the time at which the host signed, because the
 * reader's own clock may be wrong.
 *
 * @throws {AvmaError} `certificate-untrusted`, `host-revoked`.
 */
export function verifyHostCertificate(envelope: Envelope, trust: VendorTrust): TrustedCertificate {
  for (const vendor of trust) {
    if (!vendor.roots.some(({ keyId: id }) => id === envelope.signatures[0]?.keyid)) continue;
    const certificate = openHostCertificate(envelope);
    const root = vendor.roots.find((one) => rootKey(one) === certificate?.vendorKey);
    if (certificate === undefined || root === undefined) continue;
    refuseRevoked(certificate, root, trust);
    return { certificate, root, vendor };
  }
  throw untrusted(envelope, rootsOf(trust));
}

/** The certificate, if the key that it names as its vendor's has signed it; undefined otherwise. */
export function openHostCertificate(envelope: Envelope): HostCertificate | undefined {
  const certificate = decodeUnverifiedCertificate(envelope);
  if (certificate === undefined) return undefined;
  const key = Buffer.from(certificate.vendorKey, 'base64url');
  if (envelope.signatures[0]?.keyid !== keyId(key)) return undefined;
  return verifyEnvelope(envelope, PAYLOAD_TYPES.hostCertificate, key) === undefined ? undefined : certificate;
}

/** V5. A root may stand in the trust of several vendors, as while its rotation is under way. */
function refuseRevoked({ hostName, serial }: HostCertificate, root: TrustAnchor, trust: VendorTrust): void {
  for (const { name, roots, revocations } of trust) {
    if (revocations === null || !roots.some((one) => rootKey(one) === rootKey(root))) continue;
    const entry = isHostRevoked(revocations, serial);
    if (entry !== undefined) {
      throw new AvmaError(
        'host-revoked',
        `the vendor "${name}" has revoked certificate ${serial} of host ${hostName}: ${entry.reason}`,
      );
    }
  }
}

const NO_VENDOR_TRUSTED = 'no vendor is trusted here';

/** The error for a certificate that no trusted vendor signed. Names the key ID in it and the trusted ones. */
function untrusted(envelope: Envelope, anchors: readonly TrustAnchor[]): AvmaError {
  if (anchors.length === 0) {
    return new AvmaError(
      'certificate-untrusted',
      `${NO_VENDOR_TRUSTED}, so no host can activate this machine`,
      {
        hint: "Add the vendor's trust anchor: avma guest trust add FILE.",
      },
    );
  }
  const signer = envelope.signatures[0]?.keyid ?? 'none';
  const trusted = anchors.map(({ keyId, name }) => `${keyId} ("${name}")`).join(', ');
  return new AvmaError(
    'certificate-untrusted',
    anchors.some(({ keyId }) => keyId === signer)
      ? `the host's certificate names the trusted vendor ${signer}, but was not signed by that vendor or was changed since`
      : `the host's certificate is signed by the vendor ${signer}; trusted here: ${trusted}`,
  );
}

/**
 * Whether the trust anchor whose lack a message of `certificate-untrusted` tells of is there now. Where nobody was
 * trusted the message has no vendor, and any anchor counts. Pure.
 */
export function isTrustedMeanwhile(message: string, anchors: readonly TrustAnchor[]): boolean {
  if (message.startsWith(NO_VENDOR_TRUSTED)) return anchors.length > 0;
  const missing = /^the host's certificate is signed by the vendor (\S+); trusted here: /.exec(message)?.[1];
  return anchors.some(({ keyId }) => keyId === missing);
}

/** Which Windows a host runs, for people: `ServerDatacenter 10.0.26100, MAK`; null where it does not say. */
export function windowsText({ windows }: Pick<HostCertificate, 'windows'>): string | null {
  return windows && `${windows.edition} ${windows.osVersion}, ${windows.licensing}`;
}

/**
 * The certificate without a check of its signature: for the host's own file, and to show what an untrusted one claims.
 */
export function decodeUnverifiedCertificate(envelope: Envelope): HostCertificate | undefined {
  if (envelope.payloadType !== PAYLOAD_TYPES.hostCertificate) return undefined;
  return HostCertificate.safeParse(decodeUnverifiedPayload(envelope)).data;
}

/** What an envelope says, whoever signed it; undefined for what is no JSON. */
export function decodeUnverifiedPayload(envelope: Envelope): unknown {
  return payloadJson(envelope);
}
