import path from 'node:path';
import * as z from 'zod/mini';
import { AvmaError } from '../../errors/avma-error.ts';
import { parseJson } from '../../protocol/envelope.ts';
import { anyText, instant, oneOf } from '../../schema/shapes.ts';
import { replaceFile } from '../../storage/atomic-file.ts';
import { readPlainFileIfAny } from '../../storage/read-file.ts';
import { debug } from '../../system/debug.ts';
import type { ThrottleState } from './host-throttle.ts';
import type { Bucket } from './throttle.ts';

const tokens = z.number().check(z.refine((value) => Number.isFinite(value)));
const StoredBucket = z.strictObject({ tokens, at: instant });

/** The buckets of channels that were asked too much, with the wall clock's times. */
const ThrottleFile = z.strictObject({
  schema: oneOf(['avma.throttle/1']),
  host: z.nullable(StoredBucket),
  channels: z.record(anyText, StoredBucket),
  recorded: z.record(anyText, z.strictObject({ tokens, at: instant, own: z.boolean() })),
});
type ThrottleFile = z.infer<typeof ThrottleFile>;

const THROTTLE_FILE = 'throttle.json';
const MAX_BYTES = 4 * 1024 * 1024;

/** Both clocks of a host at one moment, in milliseconds: the wall clock, and the one that the throttle uses. */
export interface TwoClocks {
  readonly wall: number;
  readonly elapsed: number;
}

/**
 * The throttle's state as a file's text: the same text as long as no bucket is used. Null where every bucket is nearly
 * full.
 */
export function throttleText(
  { host, channels, recorded }: ThrottleState,
  { wall, elapsed }: TwoClocks,
): string | null {
  if (host === null && channels.size === 0 && recorded.size === 0) return null;
  const stored = <B extends Bucket>(bucket: B): B => ({
    ...bucket,
    tokens: Math.round(bucket.tokens * 1000) / 1000,
    at: Math.max(0, Math.round(bucket.at - elapsed + wall)),
  });
  const all = <B extends Bucket>(buckets: ReadonlyMap<string, B>) =>
    Object.fromEntries([...buckets].map(([name, bucket]) => [name, stored(bucket)]));
  const file: ThrottleFile = {
    schema: 'avma.throttle/1',
    host: host === null ? null : stored(host),
    channels: all(channels),
    recorded: all(recorded),
  };
  return `${JSON.stringify(file)}\n`;
}

/**
 * What a host that was stopped has left in its folder. A bucket whose time lies ahead was written while a clock was
 * wrong: it counts as full. So does everything in a file that is damaged: nobody must be locked out for ever.
 *
 * @throws {AvmaError} What reading throws, `file-not-found` aside.
 */
export function readThrottle(folder: string, { wall, elapsed }: TwoClocks): ThrottleState {
  const bytes = readPlainFileIfAny(path.join(folder, THROTTLE_FILE), MAX_BYTES);
  const parsed = bytes && ThrottleFile.safeParse(parseJson(bytes)).data;
  if (bytes !== undefined && parsed === undefined) debug('host', () => `${THROTTLE_FILE} is damaged`);
  const { host = null, channels = {}, recorded = {} } = parsed ?? {};
  const here = <B extends Bucket>(bucket: B): B => ({ ...bucket, at: bucket.at - wall + elapsed });
  const all = <B extends Bucket>(buckets: Record<string, B>) =>
    new Map(
      Object.entries(buckets)
        .filter(([, { at }]) => at <= wall)
        .map(([name, bucket]) => [name, here(bucket)]),
    );
  return {
    host: host === null || host.at > wall ? null : here(host),
    channels: all(channels),
    recorded: all(recorded),
  };
}

/** @throws {AvmaError} `disk-full`, `access-denied`, `io-error`. */
export function writeThrottle(folder: string, text: string): void {
  if (Buffer.byteLength(text) > MAX_BYTES)
    throw new AvmaError('io-error', `${THROTTLE_FILE} would be too long`);
  replaceFile(path.join(folder, THROTTLE_FILE), text);
}
