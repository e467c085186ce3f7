import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { generateKeyPair, type KeyPair } from '../protocol/curve-keys.ts';
import { type CosignedEnvelope, keyId } from '../protocol/envelope.ts';
import type { TrustAnchorFile } from '../protocol/trust-anchor.ts';
import { openTrustUpdate, signTrustUpdate, type TrustUpdate } from '../protocol/trust-update.ts';
import { followTrustUpdate } from '../protocol/vendor-trust.ts';
import { createFile, makePrivateFolder, replaceFile } from '../storage/atomic-file.ts';
import { CATALOGS_FOLDER } from './catalogs-beside.ts';
import { REVOCATIONS_FILE } from './revoke.ts';
import { rootKeyText } from './root-key.ts';
import { logSigned } from './sign-and-log.ts';
import {
  addingUpdate,
  anchorOf,
  type RootSet,
  retiringUpdate,
  TRUST_UPDATE_FILE,
  TRUST_UPDATES_FOLDER,
} from './trust-chain.ts';
import { identityOf, type VendorRoot } from './trust-root.ts';
import { VENDOR_LOG_FILE } from './vendor-log.ts';

/** A trust update that was signed. */
export interface SignedTrustUpdate {
  readonly update: TrustUpdate;
  readonly envelope: CosignedEnvelope;
}

/** A new root beside the present ones, and the update that introduces it. Nothing is kept yet. */
export interface Rotation extends SignedTrustUpdate {
  readonly newRoot: KeyPair;
}

/** Makes a new root, and has the present one introduce it. @throws {AvmaError} as `addingUpdate`. */
export function rotate(root: VendorRoot, set: RootSet, now: number): Rotation {
  const newRoot = generateKeyPair('ed25519');
  const update = addingUpdate(set, base64url(newRoot), identityOf(root).name, now);
  return { newRoot, ...signChecked(root, set, update, [root.keyPair, newRoot]) };
}

/** Has a root that stays retire another one. @throws {AvmaError} as `retiringUpdate`. */
export function retire(root: VendorRoot, set: RootSet, retired: string, now: number): SignedTrustUpdate {
  const update = retiringUpdate(set, retired, base64url(root.keyPair), identityOf(root).name, now);
  return signChecked(root, set, update, [root.keyPair]);
}

/** Follows the update as a guest will that knows the present roots. */
function signChecked(
  root: VendorRoot,
  set: RootSet,
  update: TrustUpdate,
  signers: readonly KeyPair[],
): SignedTrustUpdate {
  const envelope = signTrustUpdate(update, signers);
  const { name } = identityOf(root);
  const roots = set.roots.map((key) => anchorOf(key, name));
  const { version: trustVersion, lastUpdate } = set;
  const known = { name, roots, retiredRoots: set.retiredRoots, trustVersion, lastUpdate, revocations: null };
  followTrustUpdate(known, openTrustUpdate(envelope));
  return { update, envelope };
}

/**
 * Keeps a trust update: in the vendor log, and in two files beside the key.
 *
 * @returns The file of the newest update.
 * @throws {AvmaError} as `logSigned`; `access-denied`, `disk-full`, `io-error`.
 */
export async function keepUpdate(root: VendorRoot, signed: SignedTrustUpdate, now: number): Promise<string> {
  await logSigned(root, [signed.envelope], now);
  return writeUpdate(root.folder, signed);
}

function writeUpdate(folder: string, { update, envelope }: SignedTrustUpdate): string {
  const text = `${JSON.stringify(envelope, null, 2)}\n`;
  makePrivateFolder(path.join(folder, TRUST_UPDATES_FOLDER));
  createFile(path.join(folder, TRUST_UPDATES_FOLDER, `${update.version}.json`), text, 0o644);
  const file = path.join(folder, TRUST_UPDATE_FILE);
  replaceFile(file, text, 0o644);
  return file;
}

/**
 * Makes the folder of the new root: its key and anchor, and all that lies beside the present one, so that work goes on
 * there. The folder is there whole or not at all.
 *
 * @throws {AvmaError} `file-exists`, `passphrase-missing`, `access-denied`, `disk-full`, `io-error`.
 */
export async function keepRotation(
  root: VendorRoot,
  rotation: Rotation,
  {
    out,
    passphrase,
    now,
  }: { readonly out: string; readonly passphrase: string | undefined; readonly now: number },
): Promise<void> {
  if (fs.existsSync(out)) throw new AvmaError('file-exists', `${out} is there already`);
  const keyText = rootKeyText(rotation.newRoot, passphrase);
  const { name } = identityOf(root);
  const anchor: TrustAnchorFile = {
    schema: 'avma.trust-anchor/1',
    name,
    publicKey: base64url(rotation.newRoot),
    createdAt: now,
    trustVersion: rotation.update.version,
  };
  const made = `${out}.new-${keyId(rotation.newRoot.publicKey)}`;
  makePrivateFolder(made);
  createFile(path.join(made, 'root.key'), keyText, 0o600);
  createFile(path.join(made, 'root.pub.json'), `${JSON.stringify(anchor, null, 2)}\n`, 0o644);
  await keepUpdate(root, rotation, now);
  try {
    for (const name of [CATALOGS_FOLDER, TRUST_UPDATES_FOLDER, TRUST_UPDATE_FILE, REVOCATIONS_FILE]) {
      const from = path.join(root.folder, name);
      if (fs.existsSync(from)) fs.cpSync(from, path.join(made, name), { recursive: true });
    }
    fs.cpSync(root.logFile, path.join(made, VENDOR_LOG_FILE));
    fs.renameSync(made, out);
  } catch (thrown) {
    throw toAvmaError(thrown, `the new root was made in ${made} and could not be moved to ${out}`);
  }
}

function base64url({ publicKey }: KeyPair): string {
  return Buffer.from(publicKey).toString('base64url');
}
