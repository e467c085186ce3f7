import fs from 'node:fs';
import path from 'node:path';
import { documentBytes, documentDigest } from '../../src/protocol/documents.ts';
import type { CosignedEnvelope } from '../../src/protocol/envelope.ts';
import { signTrustUpdate, type TrustUpdate } from '../../src/protocol/trust-update.ts';
import { NOW } from './clock.ts';
import { BEGIN, type TestRoot } from './vendor-documents.ts';

/** A trust update of Acme's, version 2 unless said otherwise, signed by all roots that it names or by `signers`. */
export function trustUpdateOf(
  former: readonly TestRoot[],
  roots: readonly TestRoot[],
  { signers, ...difference }: Partial<TrustUpdate> & { readonly signers?: readonly TestRoot[] } = {},
): CosignedEnvelope {
  const update = {
    vendorName: 'Acme',
    version: 2,
    previous: null,
    formerRoots: former.map(({ publicKey }) => publicKey),
    roots: roots.map(({ publicKey }) => publicKey),
    issuedAt: BEGIN,
    ...difference,
  };
  const keys = (signers ?? [...new Set([...former, ...roots])]).map(({ key }) => key);
  return signTrustUpdate(update, keys);
}

/** A rotation from one root to another: the update that brings the new one, and the one that retires the old one. */
export function rotation(first: TestRoot, second: TestRoot): readonly [CosignedEnvelope, CosignedEnvelope] {
  const introduced = trustUpdateOf([first], [first, second]);
  const previous = documentDigest(introduced);
  return [introduced, trustUpdateOf([first, second], [second], { version: 3, previous, signers: [second] })];
}

/** Writes the root's anchor into a trust folder. @returns The file. */
export function installRoot(folder: string, root: TestRoot, trustVersion?: number): string {
  const file = path.join(folder, `${root.keyId}.json`);
  const { publicKey, vendor } = root;
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(
    file,
    JSON.stringify({
      schema: 'avma.trust-anchor/1',
      name: vendor.name,
      publicKey,
      createdAt: NOW,
      trustVersion,
    }),
  );
  return file;
}

/** Writes a document as a vendor hands it out. @returns The file. */
export function writeDocument(folder: string, name: string, envelope: CosignedEnvelope): string {
  const file = path.join(folder, name);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(file, documentBytes(envelope));
  return file;
}
