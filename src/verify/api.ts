/*
 * The types of avma/verify. The build copies this file into the package's declarations (dist/verify.d.ts), so it
 * imports nothing and holds nothing but types.
 */

/** What the program itself knows, and what it asks for. A member that is not listed here is an error. */
export interface VerifyOptions {
  /**
   * Your roots, in your program: each a public key in base64url, or root.pub.json as an object or its text. All of them
   * are taken for roots of one vendor, you.
   */
  readonly roots: readonly (string | object)[];
  /** The UUID that the hypervisor gives this machine. */
  readonly vmId: string;
  /** The product's activation ID. */
  readonly product: string;
  /** Milliseconds since 1970 UTC, or a Date. */
  readonly now: number | Date;
  /** All that the program needs: `vpn`, `throughput>=10`. */
  readonly features?: readonly string[];
  /** Trust updates, as license.json's vendors have them: what does not follow on from your roots counts for nothing. */
  readonly trustUpdates?: readonly unknown[];
  /** Revocation lists, as license.json's vendors have them: what your roots have not signed counts for nothing. */
  readonly revocations?: readonly unknown[];
  /** What the program gave to `avma guest attest`: 32 to 64 lower-case hex digits. */
  readonly nonce?: string;
  /** False where the product is activated without a customer license too. Default: true. */
  readonly requireLicense?: boolean;
}

/** A feature of a license: a name, with a whole number or without (null). */
export interface ClaimedFeature {
  readonly name: string;
  readonly value: number | null;
}

/** What the vendor signed for the customer. Times are milliseconds since 1970 UTC. */
export interface ClaimedLicense {
  readonly licenseId: string;
  readonly customer: string;
  readonly productName: string;
  readonly features: readonly ClaimedFeature[];
  /** How many guests may use it; null: any number. */
  readonly guests: number | null;
  readonly overage: 'report' | 'refuse-new';
  readonly notBefore: number;
  readonly notAfter: number;
  /** Until when hosts still approve after notAfter. */
  readonly graceUntil: number;
}

/** The host that answered, as the vendor certified it. Times are milliseconds since 1970 UTC. */
export interface ClaimedHost {
  readonly name: string;
  readonly hardwareId: string;
  /** Of its certificate. */
  readonly serial: string;
  readonly customer: string | null;
  readonly site: string | null;
  readonly notAfter: number;
  readonly graceUntil: number;
}

/** What the signatures say, whether or not it is enough. Times are milliseconds since 1970 UTC. */
export interface Claims {
  readonly vmId: string;
  /** The product's activation ID. */
  readonly product: string;
  readonly nonce: string | null;
  /** The host's clock. */
  readonly issuedAt: number;
  /** The guest's clock at the same moment. */
  readonly guestClock: number;
  readonly expiresAt: number;
  readonly conditions: readonly ('certificate-in-grace' | 'license-in-grace' | 'over-limit')[];
  readonly host: ClaimedHost;
  /** Null: the approval stands on no license, or the license is not in the evidence. */
  readonly license: ClaimedLicense | null;
  /** The key ID of the root that signed the host's certificate. */
  readonly root: string;
  /** The version of your trust that was reached by trust updates. */
  readonly trustVersion: number;
  /** The sequence number of the revocation list that was used; null: of none. */
  readonly revocations: number | null;
}

/** The answer. Claims are there once all signatures hold, also when the license has ended. */
export type VerifyResult =
  | { readonly valid: true; readonly reason: null; readonly claims: Claims }
  | { readonly valid: false; readonly reason: Reason; readonly claims: Claims | null };

/** Why a machine is not licensed. `docs/verifiers.md` says of each what to do. */
export type Reason =
  /** The program asks wrongly: an option is missing, of a wrong form, or not known. */
  | 'options-invalid'
  /** The evidence is no evidence, or what the host signed is no answer. */
  | 'response-malformed'
  | 'certificate-untrusted'
  | 'host-revoked'
  | 'signature-invalid'
  | 'nonce-mismatch'
  | 'host-mismatch'
  | 'vm-mismatch'
  | 'edition-mismatch'
  | 'certificate-not-yet-valid'
  | 'certificate-expired'
  | 'lease-invalid'
  | 'license-missing'
  | 'license-invalid'
  | 'license-untrusted'
  | 'license-revoked'
  | 'license-product-mismatch'
  | 'license-customer-mismatch'
  | 'license-host-mismatch'
  | 'license-site-mismatch'
  | 'license-not-yet-valid'
  | 'license-expired'
  /** The answer was issued more than five minutes after `now`. */
  | 'clock-behind'
  | 'lease-expired'
  | 'feature-missing'
  /** The evidence is of a refusal; these are the host's reasons. */
  | 'refused'
  | 'vm-refused'
  | 'throttled'
  | 'product-unknown'
  | 'product-mismatch'
  | 'product-not-served'
  | 'vendor-mismatch'
  | 'host-not-datacenter'
  | 'version-too-old'
  | 'version-too-new'
  | 'license-limit-reached'
  | 'vm-cloned'
  | 'exchange-reused'
  /** A fault in the verifier: please report it. */
  | 'internal';

/**
 * Whether the evidence shows that this machine is licensed for the product. Reads no file, opens no socket, asks no
 * clock, and throws nothing, whatever it is given.
 *
 * @param evidence - The member `evidence` of a product in license.json, or what `avma guest attest` prints: an object,
 *   its JSON text, or the bytes of that.
 */
export type VerifyLicense = (evidence: unknown, options: VerifyOptions) => VerifyResult;
