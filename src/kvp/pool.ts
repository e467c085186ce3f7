import { AvmaError } from '../errors/avma-error.ts';

/**
 * The format of Hyper-V's Data Exchange pools, `/var/lib/hyperv/.kvp_pool_N`, as the kernel's hv_kvp_daemon reads and
 * writes them: records of 2560 bytes one after the other, no header; 512 bytes of key and 2048 of value, UTF-8.
 */
export interface PoolRecord {
  readonly key: string;
  readonly value: string;
}

const KEY_LENGTH = 512;
const VALUE_LENGTH = 2048;
/** The length of a record in bytes. */
export const RECORD_LENGTH = KEY_LENGTH + VALUE_LENGTH;

/** The longest key and value that the kernel passes to the host, in UTF-16 units; it cuts longer ones silently. */
const KEY_UNITS = 254;
const VALUE_UNITS = 1022;

/** All records in the file's order, without empty ones and without a cut record at the end. */
export function readPool(bytes: Uint8Array): PoolRecord[] {
  return [...slices(bytes)].map(decodeRecord).filter(({ key }) => key !== '');
}

/** The 2560 bytes of a record. @throws {AvmaError} `argument-invalid` for a key or value that would be cut. */
export function encodeRecord({ key, value }: PoolRecord): Uint8Array {
  const record = Buffer.alloc(RECORD_LENGTH);
  // Key and value end in a NUL: the daemon copies them with strcpy.
  if (key.length > KEY_UNITS || record.write(key, 0, KEY_LENGTH - 1) < Buffer.byteLength(key)) {
    throw new AvmaError('argument-invalid', `a key of ${key.length} characters does not fit a KVP record`);
  }
  if (
    value.length > VALUE_UNITS ||
    record.write(value, KEY_LENGTH, VALUE_LENGTH - 1) < Buffer.byteLength(value)
  ) {
    throw new AvmaError(
      'argument-invalid',
      `a value of ${value.length} characters does not fit a KVP record`,
    );
  }
  return record;
}

/**
 * Which bytes to write, and where, to remove the records with unwanted keys: everything before the first of them stays
 * untouched, and the records after it move up unchanged. Null if there is no such record.
 */
export function withoutRecords(
  bytes: Uint8Array,
  unwanted: (key: string) => boolean,
): { offset: number; tail: Uint8Array } | null {
  const records = [...slices(bytes)];
  const isUnwanted = (record: Uint8Array) => unwanted(decodeRecord(record).key);
  const first = records.findIndex(isUnwanted);
  if (first === -1) return null;
  const kept = records.slice(first).filter((record) => !isUnwanted(record));
  return { offset: first * RECORD_LENGTH, tail: Buffer.concat(kept) };
}

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start + RECORD_LENGTH <= bytes.length; start += RECORD_LENGTH) {
    yield bytes.subarray(start, start + RECORD_LENGTH);
  }
}

function decodeRecord(record: Uint8Array): PoolRecord {
  return {
    key: textUpToNul(record.subarray(0, KEY_LENGTH)),
    value: textUpToNul(record.subarray(KEY_LENGTH)),
  };
}

// The daemon copies only as many bytes as a value has: the end of an older, longer value stays behind the NUL.
function textUpToNul(field: Uint8Array): string {
  const end = field.indexOf(0);
  return Buffer.from(end === -1 ? field : field.subarray(0, end)).toString('utf8');
}
