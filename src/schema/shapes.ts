import * as z from 'zod/mini';
import { isPrintable } from './printable.ts';

/**
 * The small shapes that packets, certificates and files share. Each is one zod schema, made once: making schemas takes
 * most of a command's start, and zod's own strings and numbers are made of several each.
 */

/** Text that passes a test. */
export function text(test: (text: string) => boolean) {
  return z.custom<string>((value) => typeof value === 'string' && test(value));
}

/** Text of any kind. */
export const anyText = text(() => true);

function matching(pattern: RegExp) {
  return text((value) => pattern.test(value));
}

/** A whole number from `min` to `max`, both included. */
export function integer(min: number, max: number) {
  return z.custom<number>(
    (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
  );
}

/** A whole number of either sign that JavaScript holds exactly. */
export const anyInteger = integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);

/** One of the values that are listed. */
export function oneOf<const T extends string | boolean>(values: readonly T[]) {
  return z.custom<T>((value) => (values as readonly unknown[]).includes(value));
}

/** How {@link uuid} is written. */
export const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Lower case, with hyphens, without braces. */
export const uuid = matching(UUID_PATTERN);

/** The last moment that {@link instant} takes, in the year 2286. */
export const MAX_INSTANT = 9_999_999_999_999;

/** Milliseconds since 1970 UTC. */
export const instant = integer(0, MAX_INSTANT);

/** A moment as JSON has it, to the millisecond: `2026-11-24T11:08:55.000Z`. */
export const isoTime = text((value) => {
  const time = Date.parse(value);
  return !Number.isNaN(time) && new Date(time).toISOString() === value;
});

/** An HRESULT as an unsigned number of 32 bits. */
export const hresult = integer(0, 0xffff_ffff);

/**
 * An object with UUIDs as its keys. A key `__proto__` is refused like any other that is no UUID; zod's own record drops
 * it, and would take a file for whole that is not.
 */
export function recordByUuid<V extends z.core.SomeType>(value: V) {
  const record = z.record(uuid, value);
  const whole = z.custom<z.input<typeof record>>((thing) => !Object.hasOwn(Object(thing), '__proto__'));
  return z.pipe(whole, record);
}

/** How many: a whole number from 0. */
export const count = integer(0, Number.MAX_SAFE_INTEGER);

/** A word such as a refusal's code; any word, because a later host may have words of its own. */
export const codeWord = matching(/^[a-z][a-z-]{0,39}$/);

/** A day in UTC, `2026-11-29`. */
export const utcDay = text((value) => {
  const time = /^\d{4}-\d\d-\d\d$/.test(value) ? Date.parse(value) : Number.NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(value);
});

/** A SHA-256 digest in lower-case hex. */
export const sha256Hex = matching(/^[0-9a-f]{64}$/);

/** 8 bytes in lower-case hex: a key ID, a certificate's serial number. */
export const hex8 = matching(/^[0-9a-f]{16}$/);

/** 16 bytes in lower-case hex. */
export const exchangeId = matching(/^[0-9a-f]{32}$/);

/** How {@link featureName} is written. */
export const FEATURE_NAME_PATTERN = /^[a-z][a-z0-9.-]{0,31}$/;

/** The name of a feature of a customer license: `vpn`, `throughput`. */
export const featureName = matching(FEATURE_NAME_PATTERN);

/** A program's own number in a request and its answer: 16 to 32 bytes in lower-case hex. */
export const nonceHex = matching(/^([0-9a-f]{2}){16,32}$/);

/** A host's hardware ID: four groups of four upper-case hex digits. */
export const hardwareId = matching(/^[0-9A-F]{4}(-[0-9A-F]{4}){3}$/);

/** In how many seconds it is worth to ask a host again: a day at most. */
export const retryAfter = integer(0, 86_400);

/** Where a trust update or a revocation list stands in its row. */
export const sequenceNumber = integer(1, 999_999_999);

/** `10.0.20348`: two to four numbers. */
export const osVersion = matching(/^\d{1,5}(\.\d{1,6}){1,3}$/);

/** A product's version, in its vendor's own spelling: `3.2`, `2026.1-rc1`. */
export const productVersion = matching(/^[0-9A-Za-z][0-9A-Za-z.+_-]{0,31}$/);

/** slmgr's line that scripts search for: a name with these words in it would pass for a license. */
const STATUS_LINE = /license\s+status\s*:/i;

/** Bytes of a text in JSON, without its quotes: frames are limited by these. */
export function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}

function line(max: number, maxBytes = Number.POSITIVE_INFINITY) {
  return text(
    (value) =>
      value !== '' &&
      value.length <= max &&
      isPrintable(value) &&
      !STATUS_LINE.test(value) &&
      (maxBytes === Number.POSITIVE_INFINITY || jsonBytes(value) <= maxBytes),
  );
}

/**
 * Names, editions and titles: one line that can be shown on a screen and in a log as it is (see printable.ts), and that
 * is not mistaken for slmgr's `License Status:`.
 */
export const shortLabel = line(63);
export const longLabel = line(200);

/** A host's name. Its bytes in JSON are limited, as those of all that follow, because frames are. */
export const hostName = line(63, 96);

/** A customer's name, as a certificate and a license carry it. */
export const customerName = line(63, 96);

/** What a customer calls one of its sites. */
export const siteId = line(32, 48);

/** An edition of Windows in a certificate. */
export const windowsEdition = line(63, 63);

/** A host's Digital PID2. */
export const pid2 = line(32, 32);

function base64url(test: (bytes: Buffer, text: string) => boolean) {
  return text((value) => {
    const bytes = Buffer.from(value, 'base64url');
    return bytes.toString('base64url') === value && test(bytes, value);
  });
}

/** Base64url without padding, in its one canonical spelling: a public key, a signature, and anything. */
export const base64url32 = base64url((bytes) => bytes.length === 32);
export const base64url64 = base64url((bytes) => bytes.length === 64);
export const base64urlBlob = base64url((_bytes, value) => value.length <= 8192);

/** As {@link base64urlBlob}, for what is too large for a frame: 384 KiB of bytes. */
export const base64urlDocument = base64url((_bytes, value) => value.length <= 512 * 1024);

/** As {@link base64urlBlob}, for a usage report: nine megabytes of bytes. */
export const base64urlReport = base64url((_bytes, value) => value.length <= 12 * 1024 * 1024);
