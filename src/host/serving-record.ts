import fs from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { parseJson } from '../protocol/envelope.ts';
import { anyText, instant, integer, oneOf } from '../schema/shapes.ts';
import { replaceFile } from '../storage/atomic-file.ts';
import { readPlainFileIfAny } from '../storage/read-file.ts';
import { errnoOf } from '../system/errno.ts';
import { isHostLocked } from './host-lock.ts';

/** What a running host says of itself, for `avma host status`. It counts only while the host's folder is locked. */
const ServingRecord = z.strictObject({
  schema: oneOf(['avma.serving/1']),
  pid: integer(1, Number.MAX_SAFE_INTEGER),
  startedAt: instant,
  /** The endpoints that were named when it started; those of libvirt's domains come and go. */
  endpoints: z.array(anyText),
});

const SERVING_FILE = 'serving.json';
const MAX_RECORD_BYTES = 1024 * 1024;

/** Whether a host serves from a folder, and since when. */
export type Serving =
  | { readonly state: 'running'; readonly record: Omit<z.infer<typeof ServingRecord>, 'schema'> | null }
  | { readonly state: 'not running' }
  /** This user may not look. */
  | { readonly state: 'unknown' };

/**
 * Writes the record into the host's folder. Only the process that holds the folder's lock may call it.
 *
 * @param startedAt - Milliseconds since 1970 UTC.
 * @throws {AvmaError} `disk-full`, `access-denied`, `io-error`.
 */
export function writeServingRecord(folder: string, startedAt: number, endpoints: readonly string[]): void {
  const record = { schema: 'avma.serving/1', pid: process.pid, startedAt, endpoints };
  replaceFile(path.join(folder, SERVING_FILE), `${JSON.stringify(record, null, 2)}\n`);
}

/**
 * Removes the record of a host that stops. One that stays behind, on a disk that has become read-only for example,
 * counts for nothing without the lock.
 */
export function removeServingRecord(folder: string): void {
  try {
    fs.rmSync(path.join(folder, SERVING_FILE), { force: true });
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
  }
}

/** @throws {AvmaError} `file-not-found` where there is no host. */
export async function readServing(folder: string): Promise<Serving> {
  try {
    if (!(await isHostLocked(folder))) return { state: 'not running' };
    const bytes = readPlainFileIfAny(path.join(folder, SERVING_FILE), MAX_RECORD_BYTES);
    const parsed = bytes && ServingRecord.safeParse(parseJson(bytes));
    return { state: 'running', record: parsed?.success === true ? parsed.data : null };
  } catch (thrown) {
    if (thrown instanceof AvmaError && thrown.code === 'access-denied') return { state: 'unknown' };
    throw thrown;
  }
}
