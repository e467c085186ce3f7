import * as z from 'zod/mini';
import { base64url32, shortLabel } from '../schema/shapes.ts';
import type { KeyPair } from './curve-keys.ts';
import { type DocumentEnvelope, holdsSignature, type PayloadType, payloadJson } from './envelope.ts';

/**
 * Whose document it is. Each document carries the key that it is signed with, so that a reader without any state can
 * check the signature for itself. Whether that key is trusted is another question (vendor-trust.ts).
 */
export const VendorIdentity = z.strictObject({ name: shortLabel, publicKey: base64url32 });
export type VendorIdentity = z.infer<typeof VendorIdentity>;

/** The identity of the vendor whose root `root` is. @param name - As root.pub.json says it. */
export function vendorIdentity(name: string, root: KeyPair): VendorIdentity {
  return { name, publicKey: Buffer.from(root.publicKey).toString('base64url') };
}

/**
 * What a document says, if it has the form of `schema` and the key that it names has signed it; undefined otherwise.
 * Pure; throws nothing.
 */
export function openVendorSigned<T extends { readonly vendor: VendorIdentity }>(
  envelope: DocumentEnvelope,
  payloadType: PayloadType,
  schema: { safeParse(value: unknown): { readonly data?: T | undefined } },
): T | undefined {
  const claim = schema.safeParse(payloadJson(envelope)).data;
  if (claim === undefined) return undefined;
  const key = Buffer.from(claim.vendor.publicKey, 'base64url');
  const [signature] = envelope.signatures;
  return signature && holdsSignature(envelope, signature.sig, payloadType, key) ? claim : undefined;
}
