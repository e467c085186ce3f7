import fs from 'node:fs';

const KEY_LENGTH = 512;
const RECORD_LENGTH = KEY_LENGTH + 2048;

/**
 * A value that the Hyper-V host has put into one of the guest's pool files, an array of records of a key (512 bytes)
 * and a value (2048 bytes). Each ends at its first NUL; what stands behind it is left over from older ones.
 */
export function readKvpValue(file: string, key: string): string | undefined {
  let pool: Buffer;
  try {
    pool = fs.readFileSync(file);
  } catch {
    return undefined;
  }
  for (let at = 0; at + RECORD_LENGTH <= pool.length; at += RECORD_LENGTH) {
    if (textAt(pool, at, KEY_LENGTH) === key) return textAt(pool, at + KEY_LENGTH, 2048);
  }
  return undefined;
}

function textAt(pool: Buffer, start: number, length: number): string {
  const field = pool.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.subarray(0, end === -1 ? length : end).toString('utf8');
}
