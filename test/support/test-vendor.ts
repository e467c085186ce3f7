import fs from 'node:fs';
import path from 'node:path';
import { type GuestTrust, trustOfAnchors } from '../../src/guest/trust/guest-trust.ts';
import { generateKeyPair, type KeyPair } from '../../src/protocol/curve-keys.ts';
import { keyId } from '../../src/protocol/envelope.ts';
import type { TrustAnchor } from '../../src/protocol/trust-anchor.ts';
import { NOW } from './clock.ts';
import type { TestRoot } from './vendor-documents.ts';

/** A vendor in memory, with a real key. */
export interface TestVendor {
  readonly root: KeyPair;
  readonly anchor: TrustAnchor;
  /** Of a machine that trusts this vendor and nobody else. */
  readonly trust: GuestTrust;
  /** Puts the anchor where a guest looks for it. */
  installAnchor(folder: string): string;
}

/** A vendor with a new root. */
export function createTestVendor(name = 'Test vendor'): TestVendor {
  return vendorOfKeys(name, generateKeyPair('ed25519'));
}

/** The vendor whose root signs test documents. */
export function vendorOfRoot({ key, vendor }: TestRoot): TestVendor {
  return vendorOfKeys(vendor.name, key);
}

function vendorOfKeys(name: string, root: KeyPair): TestVendor {
  const anchor = { name, keyId: keyId(root.publicKey), publicKey: root.publicKey };
  return {
    root,
    anchor,
    trust: trustOfAnchors([{ ...anchor, file: 'root.pub.json', trustVersion: 1 }]),
    installAnchor(folder) {
      fs.mkdirSync(folder, { recursive: true });
      const file = path.join(folder, `${anchor.keyId}.json`);
      const publicKey = Buffer.from(root.publicKey).toString('base64url');
      const record = { schema: 'avma.trust-anchor/1', name, publicKey, createdAt: NOW };
      fs.writeFileSync(file, JSON.stringify(record));
      return file;
    },
  };
}
