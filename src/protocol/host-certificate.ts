import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { base64url32, hardwareId, hex8, instant, oneOf, osVersion, shortLabel } from '../schema/shapes.ts';
import type { KeyPair } from './curve-keys.ts';
import { type Envelope, PAYLOAD_TYPES, parseJsonText, signEnvelope, verifyEnvelope } from './envelope.ts';

/** How the host itself is licensed. */
export const HOST_LICENSING = ['MAK', 'OEM', 'KMS'] as const;
export type HostLicensing = (typeof HOST_LICENSING)[number];

/** The members that a host's request and its certificate share. */
export const hostIdentity = {
  hostName: shortLabel,
  /** Derived by the host when it was set up. */
  hardwareId,
  signingKey: base64url32,
  boxKey: base64url32,
};

/** What the vendor signs for a host: who it is, what it may do, and until when. */
export const HostCertificate = z.strictObject({
  ...hostIdentity,
  serial: hex8,
  edition: shortLabel,
  osVersion,
  licensing: oneOf(HOST_LICENSING),
  notBefore: instant,
  notAfter: instant,
});
export type HostCertificate = z.infer<typeof HostCertificate>;

/** A vendor's public key on a guest: certificates that it signed are trusted. */
export interface TrustAnchor {
  readonly name: string;
  readonly keyId: string;
  readonly publicKey: Uint8Array;
}

/** The certificate in its envelope, signed with the vendor's root key. */
export function signHostCertificate(certificate: HostCertificate, root: KeyPair): Envelope {
  return signEnvelope(PAYLOAD_TYPES.hostCertificate, HostCertificate.parse(certificate), root);
}

/**
 * Step V4: the certificate, if one of the anchors signed it. Its dates are not checked here: step V12 compares them
 * with the time at which the host signed, because the reader's own clock may be wrong.
 *
 * @throws {AvmaError} `certificate-untrusted`.
 */
export function verifyHostCertificate(envelope: Envelope, anchors: readonly TrustAnchor[]): HostCertificate {
  for (const anchor of anchors) {
    if (envelope.signatures[0]?.keyid !== anchor.keyId) continue;
    const statement = verifyEnvelope(envelope, PAYLOAD_TYPES.hostCertificate, anchor.publicKey);
    const certificate = HostCertificate.safeParse(statement);
    if (certificate.success && certificate.data.notBefore < certificate.data.notAfter)
      return certificate.data;
  }
  throw untrusted(envelope, anchors);
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

/**
 * The certificate without a check of its signature: for the host's own file, and to show what an untrusted one claims.
 */
export function decodeUnverifiedCertificate(envelope: Envelope): HostCertificate | undefined {
  if (envelope.payloadType !== PAYLOAD_TYPES.hostCertificate) return undefined;
  return HostCertificate.safeParse(decodeUnverifiedPayload(envelope)).data;
}

/** What an envelope says, whoever signed it; undefined for what is no JSON. */
export function decodeUnverifiedPayload(envelope: Envelope): unknown {
  return parseJsonText(Buffer.from(envelope.payload, 'base64url').toString('utf8'));
}
