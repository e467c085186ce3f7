/** The last key, and of what: each request asks several times. */
let last = { vmId: '', key: '' };

/**
 * One key for both spellings of a VM ID. Old SMBIOS tables leave the byte order of its first three fields open, so a
 * guest may spell it otherwise than its channel does. Pure.
 */
export function vmKey(vmId: string): string {
  if (vmId === last.vmId) return last.key;
  const byte = (at: number) => vmId.slice(at, at + 2);
  // As swapUuidByteOrder, which takes five times as long.
  const first = byte(6) + byte(4) + byte(2) + byte(0);
  const swapped = `${first}-${byte(11)}${byte(9)}-${byte(16)}${byte(14)}${vmId.slice(18)}`;
  last = { vmId, key: swapped < vmId ? swapped : vmId };
  return last.key;
}
