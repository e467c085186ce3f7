import type { KeyPair } from '../../protocol/curve-keys.ts';
import { parseJson } from '../../protocol/envelope.ts';
import { type BoxKey, boxKey, splitRequestPacket, unseal } from '../../protocol/sealed-packet.ts';
import type { HostHoldings } from '../holdings/holdings.ts';
import type { HostKeys } from '../host-store.ts';

/** What the host could open. */
export interface OpenedPacket<T> {
  readonly content: T;
  /** The key that the answer is sealed with. */
  readonly key: BoxKey;
}

/**
 * Opens what a guest has sealed to one of the host's box keys: a request, a fetch. Pure.
 *
 * @param exchangeId - The frame's: content that names another exchange is malformed.
 * @param boxes - While keys are renewed, the old and the new one: guests seal to the one that they were offered.
 * @returns The content, or the code of the fault to send.
 */
export function openPacket<T extends { readonly exchangeId: string }>(
  packet: Uint8Array,
  exchangeId: string,
  boxes: readonly KeyPair[],
  schema: { safeParse(value: unknown): { readonly data?: T | undefined } },
): OpenedPacket<T> | 'request-unopened' | 'request-malformed' {
  const parts = splitRequestPacket(packet);
  if (parts === null) return 'request-unopened';
  for (const box of boxes) {
    const key = boxKey(box, parts.publicKey);
    const plaintext = key && unseal(key, parts.sealed);
    if (!plaintext) continue;
    const content = schema.safeParse(parseJson(plaintext)).data;
    return content?.exchangeId === exchangeId ? { content, key } : 'request-malformed';
  }
  return 'request-unopened';
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
