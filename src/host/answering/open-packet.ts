import type { KeyPair } from '../../protocol/curve-keys.ts';
import { parseJson } from '../../protocol/envelope.ts';
import type { HostHoldings } from '../holdings/holdings.ts';
import type { HostKeys } from '../host-store.ts';

/**
 * What a packet says that was opened. Pure.
 *
 * @param exchangeId - The frame's: content that names another exchange is malformed.
 * @returns undefined for what is malformed.
 */
export function readContent<T extends { readonly exchangeId: string }>(
  plaintext: Uint8Array,
  exchangeId: string,
  schema: { safeParse(value: unknown): { readonly data?: T | undefined } },
): T | undefined {
  const content = schema.safeParse(parseJson(plaintext)).data;
  return content?.exchangeId === exchangeId ? content : undefined;
}

/**
 * The box keys that guests may seal to: those that a certificate names until its renewal grace ends. Where all have
 * ended, all: the host then refuses under a signature, rather than leave the guest without an answer. Pure.
 */
export function openingBoxes(
  { certificates, keys }: Pick<HostHoldings, 'certificates' | 'keys'>,
  now: number,
): readonly KeyPair[] {
  const counts = (set: HostKeys) =>
    certificates.some((held) => held.keys === set && now < held.certificate.graceUntil);
  const counting = keys.filter(counts);
  return (counting.length > 0 ? counting : keys).map(({ box }) => box);
}
