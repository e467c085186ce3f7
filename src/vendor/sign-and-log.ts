import {
  type CosignedEnvelope,
  type Envelope,
  type PayloadType,
  signEnvelope,
} from '../protocol/envelope.ts';
import { sha256Hex } from '../system/sha256.ts';
import { refuseUnreadable } from './refuse-unreadable.ts';
import type { VendorRoot } from './trust-root.ts';
import { appendToVendorLog, type VendorLogEntry } from './vendor-log.ts';

/** What a vendor signs: a statement, and the type that it is signed as. */
export interface Signing {
  readonly type: PayloadType;
  readonly statement: object;
}

/**
 * Signs one statement with the vendor's root. It is read as the other side will, and is in the vendor log before
 * anybody gets it.
 *
 * @param now - Wall clock, milliseconds since 1970 UTC.
 * @throws {AvmaError} as `refuseUnreadable` and `appendToVendorLog`; then nothing was signed.
 */
export async function signAndLog(
  root: VendorRoot,
  type: PayloadType,
  statement: object,
  now: number,
): Promise<Envelope> {
  const [envelope] = await signAllAndLog(root, [{ type, statement }], now);
  return envelope as Envelope;
}

/** As {@link signAndLog}, for many statements that reach the disk together. */
export async function signAllAndLog(
  root: VendorRoot,
  signings: readonly Signing[],
  now: number,
): Promise<Envelope[]> {
  const envelopes = signings.map(({ type, statement }) => signEnvelope(type, statement, root.keyPair));
  for (const envelope of envelopes) refuseUnreadable(envelope);
  await logSigned(root, envelopes, now);
  return envelopes;
}

/** Keeps in the vendor log what was signed together with another root: a trust update. */
export async function logSigned(
  root: VendorRoot,
  envelopes: readonly CosignedEnvelope[],
  now: number,
): Promise<void> {
  await appendToVendorLog(
    root.logFile,
    envelopes.map(({ payloadType, payload, signatures }): VendorLogEntry => {
      const bytes = Buffer.from(payload, 'base64url');
      const statement = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
      const payloadDigest = sha256Hex(bytes);
      return { at: now, keyId: root.keyId, payloadType, payloadDigest, statement, signatures };
    }),
  );
}
