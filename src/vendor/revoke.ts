import path from 'node:path';
import { AvmaError } from '../errors/avma-error.ts';
import { DocumentEnvelope, PAYLOAD_TYPES, parseJson } from '../protocol/envelope.ts';
import {
  hostEntryDigest,
  licenseEntryDigest,
  MAX_REVOCATIONS,
  openRevocations,
  type RevocationEntry,
  type RevocationList,
  type RevocationReason,
} from '../protocol/revocations.ts';
import type { VendorIdentity } from '../protocol/vendor-identity.ts';
import { keyIdOf } from '../protocol/vendor-trust.ts';
import { printable } from '../schema/printable.ts';
import { hex8 } from '../schema/shapes.ts';
import { readInstalledFileIfAny } from '../storage/read-file.ts';
import { ownRoots } from './trust-chain.ts';
import type { VendorRoot } from './trust-root.ts';
import type { VendorLogEntry } from './vendor-log.ts';

/** The name of the newest list beside `root.key`. */
export const REVOCATIONS_FILE = 'revocations.json';

/** The longest list that is read, in bytes: twice the largest document, for its indentation. */
const MAX_LIST_BYTES = 512 * 1024;

/** What a vendor withdraws. */
export interface Revocation {
  /** Serial numbers of host certificates. */
  readonly hosts: readonly string[];
  /** License IDs. */
  readonly licenses: readonly string[];
  readonly reason: RevocationReason;
}

/**
 * The newest list that was signed: that of `revocations.json`, or of the vendor log where the file is gone or older. A
 * list that began anew would have a lower sequence, and no guest would take it.
 *
 * @throws {AvmaError} `revocations-invalid` for a file that is no list, `revocations-foreign` for another vendor's;
 *   `access-denied`, `io-error`.
 */
export function newestRevocations(
  root: Pick<VendorRoot, 'folder' | 'keyPair'>,
  log: readonly VendorLogEntry[],
): RevocationList | null {
  const own = ownRoots(root);
  const lists = log
    .filter(({ payloadType }) => payloadType === PAYLOAD_TYPES.revocations)
    .flatMap((entry) => loggedList(entry) ?? [])
    .filter(({ vendor }) => own.has(vendor.publicKey));
  const kept = keptList(path.join(root.folder, REVOCATIONS_FILE), own);
  const all = kept === null ? lists : [...lists, kept];
  return all.reduce<RevocationList | null>(
    (newest, list) => (newest === null || list.sequence >= newest.sequence ? list : newest),
    null,
  );
}

/** The list, if the key that it names has signed it: the log's own chain has no secret. */
function loggedList({ payloadType, statement, signatures }: VendorLogEntry): RevocationList | undefined {
  const payload = Buffer.from(JSON.stringify(statement)).toString('base64url');
  const envelope = DocumentEnvelope.safeParse({ payloadType, payload, signatures });
  try {
    return envelope.success ? openRevocations(envelope.data) : undefined;
  } catch (thrown) {
    if (thrown instanceof AvmaError && thrown.code === 'revocations-invalid') return undefined;
    throw thrown;
  }
}

/** @param own - The vendor's roots, in base64url. */
function keptList(file: string, own: ReadonlySet<string>): RevocationList | null {
  const bytes = readInstalledFileIfAny(file, MAX_LIST_BYTES);
  if (bytes === undefined) return null;
  const envelope = DocumentEnvelope.safeParse(parseJson(bytes));
  if (envelope.success) {
    const list = openRevocations(envelope.data);
    if (own.has(list.vendor.publicKey)) return list;
    const signer = keyIdOf(list.vendor.publicKey);
    throw new AvmaError(
      'revocations-foreign',
      `${file} is the list of "${list.vendor.name}" (key ${signer})`,
      {
        hint: 'Move it away: the vendor log beside the key has your own newest list.',
      },
    );
  }
  throw new AvmaError('revocations-invalid', `${file} is not a revocation list`, {
    hint: 'Restore it from a backup, or move it away: the vendor log beside the key has the newest list, too.',
  });
}

/**
 * The next list: all that is on the present one, and what is withdrawn now. Pure.
 *
 * @returns The present list where nothing new is on the next one, and the same root signs it.
 * @throws {AvmaError} `argument-invalid` for what is no serial number or license ID, and for more than a list holds.
 */
export function revokedList(
  present: RevocationList | null,
  { hosts, licenses, reason }: Revocation,
  vendor: VendorIdentity,
  now: number,
): RevocationList {
  const next = {
    hosts: withEntries(present?.hosts ?? [], hosts.map(entryDigest('--host', hostEntryDigest)), reason),
    licenses: withEntries(
      present?.licenses ?? [],
      licenses.map(entryDigest('--license', licenseEntryDigest)),
      reason,
    ),
  };
  const count = next.hosts.length + next.licenses.length;
  if (count > MAX_REVOCATIONS) {
    throw new AvmaError(
      'argument-invalid',
      `the list would have ${count} entries, and ${MAX_REVOCATIONS} are the most`,
      {
        hint: 'Replace the root and retire the old one, which ends all that it has signed: avma vendor rotate.',
      },
    );
  }
  const isSame =
    present !== null &&
    present.vendor.publicKey === vendor.publicKey &&
    count === present.hosts.length + present.licenses.length;
  return isSame ? present : { vendor, sequence: (present?.sequence ?? 0) + 1, issuedAt: now, ...next };
}

function entryDigest(option: string, digest: (id: string) => string): (text: string) => string {
  return (text) => {
    const id = text.trim().toLowerCase();
    if (hex8.safeParse(id).success) return digest(id);
    throw new AvmaError('argument-invalid', `${option} is "${printable(text, 80)}"`, {
      hint: `${option} must be ${option === '--host' ? "a certificate's serial number" : 'a license ID'}, 16 hex digits: avma vendor log lists them.`,
    });
  };
}

function withEntries(
  present: readonly RevocationEntry[],
  digests: readonly string[],
  reason: RevocationReason,
): RevocationEntry[] {
  const fresh = [...new Set(digests)].filter((digest) => !present.some((entry) => entry.digest === digest));
  return [...present, ...fresh.map((digest) => ({ digest, reason }))];
}
