import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { base64url32, instant, oneOf, shortLabel } from '../schema/shapes.ts';
import { isSmallOrder } from './curve-keys.ts';
import { keyId } from './envelope.ts';
import type { TrustAnchor } from './host-certificate.ts';

/** `root.pub.json`: the vendor's public key as it is given to guests. */
export const TrustAnchorFile = z.strictObject({
  schema: oneOf(['avma.trust-anchor/1']),
  name: shortLabel,
  publicKey: base64url32,
  createdAt: instant,
});
export type TrustAnchorFile = z.infer<typeof TrustAnchorFile>;

/** @throws {AvmaError} `file-invalid` if `text` is no trust anchor, or its key is one that proves nothing. */
export function parseTrustAnchor(text: string, file: string): TrustAnchor {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const parsed = TrustAnchorFile.safeParse(json);
  if (!parsed.success) {
    const privateKey = text.includes('PRIVATE KEY');
    throw new AvmaError(
      'file-invalid',
      privateKey ? `${file} is a private key, not a trust anchor` : `${file} is not a trust anchor`,
      {
        hint: privateKey
          ? 'Keep it where it was made. The file for guests is root.pub.json.'
          : 'Use the root.pub.json that avma vendor init wrote.',
      },
    );
  }
  const publicKey = new Uint8Array(Buffer.from(parsed.data.publicKey, 'base64url'));
  if (isSmallOrder(publicKey)) {
    throw new AvmaError('file-invalid', `${file} holds a key of small order, which proves nothing`);
  }
  return { name: parsed.data.name, keyId: keyId(publicKey), publicKey };
}
