import fs from 'node:fs';
import path from 'node:path';
import { generateKeyPair, type KeyPair } from '../../src/protocol/curve-keys.ts';
import { keyId } from '../../src/protocol/envelope.ts';
import type { TrustAnchor } from '../../src/protocol/trust-anchor.ts';
import { type VendorTrust, vendorsOfAnchors } from '../../src/protocol/vendor-trust.ts';
import { NOW } from './clock.ts';

/** A vendor in memory, with a real key. */
export interface TestVendor {
  readonly root: KeyPair;
  readonly anchor: TrustAnchor;
  /** Of a machine that trusts this vendor and nobody else. */
  readonly trust: VendorTrust;
  /** Puts the anchor where a guest looks for it. */
  installAnchor(folder: string): string;
}

export function createTestVendor(name = 'Test vendor'): TestVendor {
  const root = generateKeyPair('ed25519');
  const anchor = { name, keyId: keyId(root.publicKey), publicKey: root.publicKey };
  return {
    root,
    anchor,
    trust: vendorsOfAnchors([anchor]),
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
