import { UUID_PATTERN } from './shapes.ts';

/** Lower case, without braces; undefined if it is no UUID. */
export function normalizeUuid(text: string): string | undefined {
  const value = text
    .trim()
    .toLowerCase()
    .replace(/^\{(.*)\}$/, '$1');
  return UUID_PATTERN.test(value) ? value : undefined;
}

/**
 * The same UUID with its first three fields in the other byte order. SMBIOS before 2.6 did not say which one it
 * means, so the same machine is known by both.
 */
export function swapUuidByteOrder(uuid: string): string {
  const swap = (field: string) => (field.match(/../g) ?? []).reverse().join('');
  const [a = '', b = '', c = '', ...rest] = uuid.split('-');
  return [swap(a), swap(b), swap(c), ...rest].join('-');
}

/** The first 16 bytes as a version 4 UUID. */
export function formatUuid(bytes: Uint8Array): string {
  const id = Buffer.from(bytes.subarray(0, 16));
  id[6] = ((id[6] ?? 0) & 0x0f) | 0x40;
  id[8] = ((id[8] ?? 0) & 0x3f) | 0x80;
  return id.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
