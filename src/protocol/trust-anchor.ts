import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { base64url32, instant, oneOf, sequenceNumber, shortLabel } from '../schema/shapes.ts';
import { isSmallOrder } from './curve-keys.ts';
import { keyId, parseJsonText } from './envelope.ts';

/** A vendor's public key on a guest: certificates that it signed are trusted. */
export interface TrustAnchor {
  readonly name: string;
  readonly keyId: string;
  readonly publicKey: Uint8Array;
}

/** `root.pub.json`: the vendor's public key as it is given to guests. */
export const TrustAnchorFile = z.strictObject({
  schema: oneOf(['avma.trust-anchor/1']),
  name: shortLabel,
  publicKey: base64url32,
  createdAt: instant,
  /** Version of the vendor's trust in which this root came in; absent in a vendor's first root, which is 1. */
  trustVersion: z.optional(sequenceNumber),
});
export type TrustAnchorFile = z.infer<typeof TrustAnchorFile>;

/**
 * The trust anchor in the text of its file.
 *
 * @param file - For messages.
 * @throws {AvmaError} `file-invalid` if `text` is no trust anchor, or its key is of small order.
 */
export function parseTrustAnchor(
  text: string,
  file: string,
): TrustAnchor & { readonly trustVersion: number } {
  const parsed = TrustAnchorFile.safeParse(parseJsonText(text));
  if (!parsed.success) {
    const privateKey = text.includes('PRIVATE KEY');
    throw new AvmaError(
      'file-invalid',
      privateKey ? `${file} is a private key, not a trust anchor` : `${file} is not a trust anchor`,
      {
        hint: privateKey
          ? 'Keep the private key where it was made, and give guests the file root.pub.json.'
          : 'Use the root.pub.json that avma vendor init wrote.',
      },
    );
  }
  const publicKey = new Uint8Array(Buffer.from(parsed.data.publicKey, 'base64url'));
  if (isSmallOrder(publicKey)) {
    throw new AvmaError('file-invalid', `${file} holds a key of small order: anybody can sign in its name`);
  }
  const { name, trustVersion = 1 } = parsed.data;
  return { name, keyId: keyId(publicKey), publicKey, trustVersion };
}
