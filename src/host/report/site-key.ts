import { createHmac, randomBytes } from 'node:crypto';
import path from 'node:path';
import * as z from 'zod/mini';
import { AvmaError } from '../../errors/avma-error.ts';
import { parseJson } from '../../protocol/envelope.ts';
import { base64url32, instant, oneOf } from '../../schema/shapes.ts';
import { createFile, replaceFile } from '../../storage/atomic-file.ts';
import { readPlainFileIfAny } from '../../storage/read-file.ts';
import { sha256Hex } from '../../system/sha256.ts';

/** The key that makes pseudonyms of VM IDs. Hosts of one site share it, so that a guest that moves is the same. */
export interface SiteKey {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** Names the key in reports: 8 bytes of its SHA-256 in hex. */
  readonly id: string;
}

/** `site.key` in the host's folder, and the file that carries it to the other hosts of a site. */
const SiteKeyFile = z.strictObject({
  schema: oneOf(['avma.site-key/1']),
  key: base64url32,
  createdAt: instant,
});

const SITE_KEY = 'site.key';
const MAX_KEY_FILE_BYTES = 64 * 1024;

/**
 * The site key of a host's folder; made, with mode 0600, if there is none yet.
 *
 * @param now - Milliseconds since 1970 UTC.
 * @param keep - False: a key that is made is not written.
 * @throws {AvmaError} `file-invalid` for a damaged file; `access-denied`, `disk-full`, `io-error`.
 */
export function siteKeyOf(folder: string, now: number, keep = true): SiteKey {
  const present = readSiteKey(folder);
  if (present !== undefined) return present;
  const key = randomBytes(32);
  if (keep) createFile(path.join(folder, SITE_KEY), encode(key, now));
  return withId(key);
}

function readSiteKey(folder: string): SiteKey | undefined {
  const file = path.join(folder, SITE_KEY);
  const bytes = readPlainFileIfAny(file, MAX_KEY_FILE_BYTES);
  return bytes === undefined ? undefined : parseSiteKey(bytes, file);
}

/** @param from - For messages. @throws {AvmaError} `file-invalid` for what is no site key. */
function parseSiteKey(bytes: Uint8Array, from: string): SiteKey {
  const parsed = SiteKeyFile.safeParse(parseJson(bytes));
  if (!parsed.success) {
    throw new AvmaError('file-invalid', `${from} is not a site key`, {
      hint: 'Use the file that avma host site-key export wrote on another host of the site.',
    });
  }
  return withId(Buffer.from(parsed.data.key, 'base64url'));
}

function encode(key: Uint8Array, now: number): string {
  const file = { schema: 'avma.site-key/1', key: Buffer.from(key).toString('base64url'), createdAt: now };
  return `${JSON.stringify(file, null, 2)}\n`;
}

function withId(key: Uint8Array): SiteKey {
  return { key, id: sha256Hex(Buffer.concat([Buffer.from('avma site key\n'), key])).slice(0, 16) };
}

/**
 * Writes the host's site key, which is made if there is none, to a new file with mode 0600.
 *
 * @throws {AvmaError} `file-exists`; what {@link siteKeyOf} throws.
 */
export function exportSiteKey(folder: string, out: string, now: number): SiteKey {
  const site = siteKeyOf(folder, now);
  createFile(out, encode(site.key, now));
  return site;
}

/** A site key that is to become a host's. */
export interface SiteKeyImport {
  readonly folder: string;
  readonly bytes: Uint8Array;
  /** Where the bytes come from, for messages. */
  readonly from: string;
  /** Milliseconds since 1970 UTC. */
  readonly now: number;
  /** Replace another key: guests have other pseudonyms from then on. */
  readonly force: boolean;
  readonly dryRun: boolean;
}

/**
 * Makes a site key this host's own. The same key again changes nothing.
 *
 * @returns The key, and whether the host has it already.
 * @throws {AvmaError} `file-invalid`; `file-exists` where the host has another key, unless forced.
 */
export function importSiteKey(options: SiteKeyImport): { site: SiteKey; changed: boolean } {
  const { folder, bytes, from, now, force, dryRun } = options;
  const site = parseSiteKey(bytes, from);
  const present = readSiteKey(folder);
  if (present?.id === site.id) return { site, changed: false };
  if (present !== undefined && !force) {
    throw new AvmaError('file-exists', `this host has another site key, ${present.id}`, {
      hint: 'With --force it is replaced: from then on the guests of this host have other pseudonyms, and are counted as other guests.',
    });
  }
  if (!dryRun) replaceFile(path.join(folder, SITE_KEY), encode(site.key, now));
  return { site, changed: true };
}

/** What a report calls a guest: 16 bytes in hex of an HMAC-SHA-256 of its VM ID. */
export function pseudonym({ key }: SiteKey, vmId: string): string {
  return createHmac('sha256', key).update(`avma guest\n${vmId}\n`).digest('hex').slice(0, 32);
}
