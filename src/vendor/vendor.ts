import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { exportPrivateKey, generateKeyPair, importPrivateKey, type KeyPair } from '../protocol/curve-keys.ts';
import { Envelope, keyId, parseJson } from '../protocol/envelope.ts';
import { HostCertificate, type HostChannel, signHostCertificate } from '../protocol/host-certificate.ts';
import { openHostRequest } from '../protocol/host-request.ts';
import { TrustAnchorFile } from '../protocol/trust-anchor.ts';
import { createFile, makePrivateFolder } from '../storage/atomic-file.ts';

const DAY = 24 * 60 * 60 * 1000;

export interface VendorRoot {
  readonly keyFile: string;
  readonly anchorFile: string;
  readonly keyId: string;
}

/**
 * Makes the vendor's root: `root.key` (PKCS #8 PEM, 0600), which stays with the vendor, and `root.pub.json`, which
 * goes to the guests.
 *
 * @throws {AvmaError} `file-exists`: a root that has certified hosts must not be overwritten.
 */
export function createVendorRoot(folder: string, name: string, now: number): VendorRoot {
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
  if (!anchor.success) throw new AvmaError('argument-invalid', `"${name}" cannot be a vendor's name`);
  makePrivateFolder(folder);
  createFile(keyFile, exportPrivateKey(root), 0o600);
  createFile(anchorFile, `${JSON.stringify(anchor.data, null, 2)}\n`, 0o644);
  return { keyFile, anchorFile, keyId: keyId(root.publicKey) };
}

/** What the vendor grants a host. */
export interface Grant {
  readonly edition: string;
  readonly osVersion: string;
  readonly channel: HostChannel;
  readonly days: number;
}

/** @throws {AvmaError} `file-not-found`, `access-denied`, `file-invalid`. */
export function openVendorRoot(keyFile: string): KeyPair {
  try {
    return importPrivateKey('ed25519', fs.readFileSync(keyFile, 'utf8'), keyFile);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot read the vendor's key ${keyFile}`);
  }
}

/**
 * Certifies a host: who it says it is, in its own signed request, and what the vendor grants it, from now on.
 *
 * @throws {AvmaError} `file-invalid` for a request that is none, `argument-invalid` for an impossible grant.
 */
export function certifyHost(
  request: Uint8Array,
  from: string,
  root: KeyPair,
  grant: Grant,
  now: number,
): { envelope: Envelope; certificate: HostCertificate } {
  const envelope = Envelope.safeParse(parseJson(request));
  if (!envelope.success) {
    throw new AvmaError('file-invalid', `${from} is not a host request`, {
      hint: 'Make one on the host: avma host request > request.json',
    });
  }
  const { requestedAt: _requestedAt, ...host } = openHostRequest(envelope.data);
  const certificate = HostCertificate.safeParse({
    ...host,
    serial: randomBytes(8).toString('hex'),
    edition: grant.edition,
    osVersion: grant.osVersion,
    channel: grant.channel,
    notBefore: now,
    notAfter: now + grant.days * DAY,
  });
  if (!certificate.success || !(grant.days > 0)) {
    const where = certificate.success ? 'days' : String(certificate.error.issues[0]?.path[0] ?? '');
    throw new AvmaError('argument-invalid', `the certificate cannot say that: look at ${where}`);
  }
  return { envelope: signHostCertificate(certificate.data, root), certificate: certificate.data };
}
