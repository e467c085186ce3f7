import fs from 'node:fs';
import path from 'node:path';
import { AvmaError } from '../errors/avma-error.ts';
import { exportPrivateKey, generateKeyPair, importPrivateKey, type KeyPair } from '../protocol/curve-keys.ts';
import { keyId } from '../protocol/envelope.ts';
import { TrustAnchorFile } from '../protocol/trust-anchor.ts';
import { printable } from '../schema/printable.ts';
import { createFile, makePrivateFolder } from '../storage/atomic-file.ts';
import { readBoundedFile } from '../storage/read-file.ts';

/** The longest key file that is read, in bytes: a key of this kind takes about 120. */
const MAX_KEY_BYTES = 64 * 1024;

/** What a vendor's trust root is made from. */
export interface VendorRootOptions {
  /** The folder for both files; made if it is missing. */
  readonly folder: string;
  /** The vendor's name, as guests show it. */
  readonly name: string;
  /** Wall clock, milliseconds since 1970 UTC. */
  readonly now: number;
}

/** Where a vendor's trust root was made. */
export interface VendorRoot {
  readonly keyFile: string;
  readonly anchorFile: string;
  readonly keyId: string;
}

/**
 * Makes the vendor's root: `root.key` (PKCS #8 PEM, 0600), which stays with the vendor, and `root.pub.json`, which goes
 * to the guests.
 *
 * @throws {AvmaError} `file-exists`: a root that has certified hosts must not be overwritten; `argument-invalid` for
 *   the name; `access-denied`, `disk-full`, `io-error`.
 */
export function createVendorRoot({ folder, name, now }: VendorRootOptions): VendorRoot {
  const keyFile = path.join(folder, 'root.key');
  const anchorFile = path.join(folder, 'root.pub.json');
  for (const file of [keyFile, anchorFile]) {
    if (fs.existsSync(file)) {
      throw new AvmaError('file-exists', `${file} is there already, and hosts may be certified with it`);
    }
  }
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
  makePrivateFolder(folder);
  createFile(keyFile, exportPrivateKey(root), 0o600);
  createFile(anchorFile, `${JSON.stringify(anchor.data, null, 2)}\n`, 0o644);
  return { keyFile, anchorFile, keyId: keyId(root.publicKey) };
}

/** The vendor's key pair from `root.key`. @throws {AvmaError} `file-not-found`, `access-denied`, `file-invalid`. */
export function openVendorRoot(keyFile: string): KeyPair {
  const pem = readBoundedFile(keyFile, MAX_KEY_BYTES).toString('utf8');
  return importPrivateKey('ed25519', pem, {
    from: keyFile,
    hint: 'Use the root.key that avma vendor init wrote.',
  });
}
