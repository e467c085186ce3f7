import * as z from 'zod/mini';

/**
 * The small shapes that packets, certificates and files share: one instance each, since making a schema is the dearest
 * part of a command's start.
 */

export const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Lower case, with hyphens, without braces. */
export const uuid = z.string().check(z.regex(UUID_PATTERN));

/** In the year 2286, the last that {@link instant} takes. */
export const MAX_INSTANT = 9_999_999_999_999;

/** Milliseconds since 1970 UTC. */
export const instant = z.int().check(z.minimum(0), z.maximum(MAX_INSTANT));

export const hresult = z.int().check(z.minimum(0), z.maximum(0xffff_ffff));

export const sha256Hex = z.string().check(z.regex(/^[0-9a-f]{64}$/));

/** 16 bytes in lower-case hex. */
export const EXCHANGE_ID_PATTERN = /^[0-9a-f]{32}$/;

export const exchangeId = z.string().check(z.regex(EXCHANGE_ID_PATTERN));

/** `10.0.20348`: two to four numbers. */
export const osVersion = z.string().check(z.regex(/^\d{1,5}(\.\d{1,6}){1,3}$/));

/** Text for people, on one line: no control characters, so that it can go to a terminal or a log as it is. */
export const label = (max: number) =>
  z.string().check(z.minLength(1), z.maxLength(max), z.regex(/^[^\p{Cc}\u2028\u2029]+$/u));

/** Base64url without padding, in its one canonical spelling. */
export function base64url({ bytes, max }: { bytes?: number; max?: number }) {
  return z.string().check(
    z.maxLength(max ?? Math.ceil(((bytes ?? 0) * 4) / 3)),
    z.refine((text: string) => {
      const decoded = Buffer.from(text, 'base64url');
      return decoded.toString('base64url') === text && (bytes === undefined || decoded.length === bytes);
    }),
  );
}
