import fs from 'node:fs';
import path from 'node:path';
import { AvmaError } from '../errors/avma-error.ts';
import { generateKeyPair, type KeyPair } from '../protocol/curve-keys.ts';
import { keyId } from '../protocol/envelope.ts';
import { parseTrustAnchor, TrustAnchorFile } from '../protocol/trust-anchor.ts';
import { type VendorIdentity, vendorIdentity } from '../protocol/vendor-identity.ts';
import { printable } from '../schema/printable.ts';
import { createFile, makePrivateFolder } from '../storage/atomic-file.ts';
import { readInstalledFileIfAny } from '../storage/read-file.ts';
import { readRootKey, rootKeyText, unsealRootKey } from './root-key.ts';
import { VENDOR_LOG_FILE } from './vendor-log.ts';

/** The longest trust anchor that is read, in bytes: it takes some 200. */
const MAX_ANCHOR_BYTES = 64 * 1024;

/** What a vendor's trust root is made from. */
export interface VendorRootOptions {
  /** The folder for both files; made if it is missing. */
  readonly folder: string;
  /** The vendor's name, as guests show it. */
  readonly name: string;
  /** Seals the private key; undefined for a key without one. */
  readonly passphrase?: string | undefined;
  /** Wall clock, milliseconds since 1970 UTC. */
  readonly now: number;
}

/** Where a vendor's trust root was made. */
export interface CreatedRoot {
  readonly keyFile: string;
  readonly anchorFile: string;
  readonly keyId: string;
}

/** A vendor's trust root, ready to sign. Whatever is signed with it goes through `signAndLog`. */
export interface VendorRoot {
  readonly keyPair: KeyPair;
  readonly keyId: string;
  /** The vendor's name in `root.pub.json` beside the key; null when that file is not there. */
  readonly name: string | null;
  readonly keyFile: string;
  /**
   * Where all that changes is kept: the log, signed catalogs, the revocation list, trust updates. It is the key's own
   * folder, or that of the log where somebody keeps the log elsewhere.
   */
  readonly folder: string;
  readonly logFile: string;
}

/**
 * Makes the vendor's root: `root.key` (PKCS #8 PEM, or sealed with a passphrase; 0600), which stays with the vendor,
 * and `root.pub.json`, which goes to the guests.
 *
 * @throws {AvmaError} `file-exists`: a root that has certified hosts must not be overwritten; `argument-invalid` for
 *   the name; `passphrase-missing` for an empty passphrase; `access-denied`, `disk-full`, `io-error`.
 */
export function createVendorRoot({ folder, name, passphrase, now }: VendorRootOptions): CreatedRoot {
  const { keyFile, anchorFile } = filesOfNewRoot(folder);
  const root = generateKeyPair('ed25519');
  const anchor = TrustAnchorFile.safeParse({
    schema: 'avma.trust-anchor/1',
    name,
    publicKey: Buffer.from(root.publicKey).toString('base64url'),
    createdAt: now,
  });
  if (!anchor.success) {
    throw new AvmaError('argument-invalid', `"${printable(name, 80)}" cannot be a vendor's name`, {
      hint: 'Give a name of 1 to 63 printable characters on one line, for example --name "Example Ltd".',
    });
  }
  const keyText = rootKeyText(root, passphrase);
  makePrivateFolder(folder);
  createFile(keyFile, keyText, 0o600);
  createFile(anchorFile, `${JSON.stringify(anchor.data, null, 2)}\n`, 0o644);
  return { keyFile, anchorFile, keyId: keyId(root.publicKey) };
}

/**
 * The files of a root that is to be made in a folder.
 *
 * @throws {AvmaError} `file-exists` if one of them is there.
 */
export function filesOfNewRoot(folder: string): { readonly keyFile: string; readonly anchorFile: string } {
  const keyFile = path.join(folder, 'root.key');
  const anchorFile = path.join(folder, 'root.pub.json');
  for (const file of [keyFile, anchorFile]) {
    if (fs.existsSync(file)) {
      throw new AvmaError('file-exists', `${file} is there already, and hosts may be certified with it`);
    }
  }
  return { keyFile, anchorFile };
}

/** How a root is opened. */
export interface OpenRootOptions {
  /** Asked only for a key that has a passphrase. */
  readonly passphrase: (keyFile: string) => string | Promise<string>;
  /** The vendor log, where it is not `vendor-log.jsonl` beside the key. */
  readonly logFile?: string | undefined;
}

/**
 * The vendor's root from `root.key`, and the vendor's name from `root.pub.json` beside it.
 *
 * @throws {AvmaError} `file-not-found`, `access-denied`; `file-invalid` for what is no root key, and for a
 *   `root.pub.json` beside it that is broken or of another key; `passphrase-wrong`, `passphrase-missing`.
 */
export async function openVendorRoot(
  keyFile: string,
  { passphrase, logFile }: OpenRootOptions,
): Promise<VendorRoot> {
  const stored = readRootKey(keyFile);
  const keyPair = stored.sealed ? unsealRootKey(stored, await passphrase(keyFile)) : stored.keyPair;
  const log = logFile ?? path.join(path.dirname(keyFile), VENDOR_LOG_FILE);
  return {
    keyPair,
    keyId: keyId(keyPair.publicKey),
    name: nameBeside(path.dirname(keyFile), keyPair),
    keyFile,
    folder: path.dirname(log),
    logFile: log,
  };
}

/**
 * Who signs: what documents carry of the vendor.
 *
 * @throws {AvmaError} `file-not-found` where `root.pub.json`, which has the vendor's name, is not beside the key.
 */
export function identityOf({ keyPair, keyFile, name }: VendorRoot): VendorIdentity {
  if (name !== null) return vendorIdentity(name, keyPair);
  throw new AvmaError(
    'file-not-found',
    `${path.join(path.dirname(keyFile), 'root.pub.json')} is not there, which has your name`,
    {
      hint: 'Put the root.pub.json that was made with the key beside it: every guest has a copy in /etc/avma/trust.d.',
    },
  );
}

function nameBeside(folder: string, keyPair: KeyPair): string | null {
  const file = path.join(folder, 'root.pub.json');
  const bytes = readInstalledFileIfAny(file, MAX_ANCHOR_BYTES);
  if (bytes === undefined) return null;
  const anchor = parseTrustAnchor(bytes.toString('utf8'), file);
  if (anchor.keyId === keyId(keyPair.publicKey)) return anchor.name;
  throw new AvmaError('file-invalid', `${file} is the trust anchor of another key, ${anchor.keyId}`, {
    hint: 'Put the root.pub.json that was made with this key beside it: avma guest trust list names the key IDs.',
  });
}
