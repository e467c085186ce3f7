import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createHost, hostRequest } from '../../src/host/host-store.ts';
import { exportPrivateKey, generateKeyPair } from '../../src/protocol/curve-keys.ts';
import { PAYLOAD_TYPES, signEnvelope } from '../../src/protocol/envelope.ts';
import { verifyHostCertificate } from '../../src/protocol/host-certificate.ts';
import { parseTrustAnchor } from '../../src/protocol/trust-anchor.ts';
import { vendorsOfAnchors } from '../../src/protocol/vendor-trust.ts';
import type { Grant } from '../../src/vendor/certify-host.ts';
import { createVendorRoot, openVendorRoot as open } from '../../src/vendor/trust-root.ts';
import { certifyHost } from '../support/certify-host.ts';
import { DAY, NOW } from '../support/clock.ts';
import { failureOf } from '../support/failures.ts';
import { tempFolder } from '../support/temp-folder.ts';

const WINDOWS = { edition: 'ServerDatacenter', osVersion: '10.0.26100', licensing: 'KMS' } as const;
const GRANT: Grant = { windows: WINDOWS, days: 30, graceDays: 14, customer: 'Bank Ltd' };
const openVendorRoot = (keyFile: string) => open(keyFile, { passphrase: () => 'a passphrase' });
const file = (content: object) => Buffer.from(JSON.stringify(content));

describe('a vendor root', () => {
  test('is a private key of 0600 and an anchor that can be given away', async () => {
    const folder = path.join(tempFolder(), 'vendor');
    const root = createVendorRoot({ folder, name: 'Example', now: NOW });
    expect(fs.statSync(root.keyFile).mode & 0o777).toBe(0o600);
    expect(fs.statSync(folder).mode & 0o777).toBe(0o700);
    const text = fs.readFileSync(root.anchorFile, 'utf8');
    expect(text).not.toContain('PRIVATE');
    expect(parseTrustAnchor(text, 'f')).toEqual({
      name: 'Example',
      keyId: root.keyId,
      trustVersion: 1,
      publicKey: (await openVendorRoot(root.keyFile)).keyPair.publicKey,
    });
  });

  test('is never made over another: file-exists, and the key stays', async () => {
    const folder = tempFolder();
    const { keyFile } = createVendorRoot({ folder, name: 'Example', now: NOW });
    const key = fs.readFileSync(keyFile, 'utf8');
    expect((await failureOf(() => createVendorRoot({ folder, name: 'Other', now: NOW }))).code).toBe(
      'file-exists',
    );
    expect(fs.readFileSync(keyFile, 'utf8')).toBe(key);
    fs.rmSync(keyFile);
    expect((await failureOf(() => createVendorRoot({ folder, name: 'Other', now: NOW }))).code).toBe(
      'file-exists',
    );
    expect(fs.existsSync(keyFile)).toBe(false);
  });

  test('is not its anchor: file-invalid, and the hint names root.key', async () => {
    const { anchorFile } = createVendorRoot({ folder: tempFolder(), name: 'Example', now: NOW });
    const failure = await failureOf(() => openVendorRoot(anchorFile));
    expect(failure).toMatchObject({
      code: 'file-invalid',
      hint: 'Use the root.key that avma vendor init wrote.',
    });
  });

  test('has the name that stands in its anchor, and nobody asks for a passphrase that it has not', async () => {
    const { keyFile, anchorFile, keyId } = createVendorRoot({
      folder: tempFolder(),
      name: 'A Ltd',
      now: NOW,
    });
    const opened = () =>
      open(keyFile, {
        passphrase: () => {
          throw new Error('asked');
        },
      });
    expect(await opened()).toMatchObject({ keyId, name: 'A Ltd', folder: path.dirname(keyFile) });
    fs.rmSync(anchorFile);
    expect((await opened()).name).toBeNull();
  });

  test('with a passphrase opens with it only', async () => {
    const folder = tempFolder();
    const passphrase = 'a passphrase';
    const { keyFile, keyId } = createVendorRoot({ folder, name: 'Example', passphrase, now: NOW });
    expect(await openVendorRoot(keyFile)).toMatchObject({ keyId });
    const failure = await failureOf(() => open(keyFile, { passphrase: () => 'another one' }));
    expect(failure.code).toBe('passphrase-wrong');
  });

  test('beside the anchor of another root: file-invalid, and the message names that one', async () => {
    const [one, other] = ['One', 'Other'].map((name) =>
      createVendorRoot({ folder: tempFolder(), name, now: NOW }),
    ) as [ReturnType<typeof createVendorRoot>, ReturnType<typeof createVendorRoot>];
    fs.copyFileSync(other.anchorFile, one.anchorFile);
    const failure = await failureOf(() => openVendorRoot(one.keyFile));
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toContain(other.keyId);
  });

  test.each(['', 'n'.repeat(81), 'two\nlines', '\x1b[31m'])(
    'of the impossible name %j: argument-invalid',
    async (name) => {
      const folder = tempFolder();
      expect((await failureOf(() => createVendorRoot({ folder, name, now: NOW }))).code).toBe(
        'argument-invalid',
      );
      expect(fs.readdirSync(folder)).toEqual([]);
    },
  );

  test('that is not there, or no key: file-not-found, file-invalid', async () => {
    const none = path.join(tempFolder(), 'root.key');
    expect((await failureOf(() => openVendorRoot(none))).code).toBe('file-not-found');
    fs.writeFileSync(none, exportPrivateKey(generateKeyPair('x25519')));
    expect((await failureOf(() => openVendorRoot(none))).code).toBe('file-invalid');
  });
});

describe('certifying a host', () => {
  const host = () =>
    createHost({ folder: path.join(tempFolder(), 'host'), name: 'hv01', machineId: 'machine', now: NOW });
  const root = generateKeyPair('ed25519');
  const certify = (request: Uint8Array, change: Partial<Grant> = {}, now = NOW) =>
    certifyHost({ request, from: 'f', root, grant: { ...GRANT, ...change }, now });

  test('says who it is, in its own words, and what is granted, from now on', () => {
    const identity = host();
    const request = hostRequest(identity, NOW, { site: 'vienna' });
    const { envelope, certificate } = certify(file(request), {}, NOW + 5);
    expect(certificate).toMatchObject({
      hostName: 'hv01',
      hardwareId: identity.hardwareId,
      vendorKey: Buffer.from(root.publicKey).toString('base64url'),
      customer: 'Bank Ltd',
      site: 'vienna',
      windows: WINDOWS,
      notBefore: NOW + 5,
      notAfter: NOW + 5 + 30 * DAY,
      graceUntil: NOW + 5 + 44 * DAY,
    });
    const anchor = { name: 'v', keyId: envelope.signatures[0]?.keyid ?? '', publicKey: root.publicKey };
    expect(verifyHostCertificate(envelope, vendorsOfAnchors([anchor])).certificate).toEqual(certificate);
  });

  test('gives each certificate a serial of its own', () => {
    const request = file(hostRequest(host(), NOW));
    const serials = [1, 2, 3].map(() => certify(request).certificate.serial);
    expect(new Set(serials).size).toBe(3);
  });

  test('refuses a request that was changed after the host made it', async () => {
    const request = hostRequest(host(), NOW);
    const claim = JSON.parse(Buffer.from(request.payload, 'base64url').toString());
    const payload = Buffer.from(JSON.stringify({ ...claim, hostName: 'hv02' })).toString('base64url');
    const failure = await failureOf(() => certify(file({ ...request, payload })));
    expect(failure.code).toBe('file-invalid');
  });

  test('refuses a request signed with another key than the one it is for', async () => {
    const request = hostRequest(host(), NOW);
    const claim = JSON.parse(Buffer.from(request.payload, 'base64url').toString());
    const signed = signEnvelope(PAYLOAD_TYPES.hostRequest, claim, generateKeyPair('ed25519'));
    expect((await failureOf(() => certify(file(signed)))).code).toBe('file-invalid');
  });

  test.each([
    ['no JSON', Buffer.from('hello')],
    ['nothing', Buffer.alloc(0)],
    ['another JSON', file({ a: 1 })],
  ])('refuses %s for a request, and says whose file it was', async (_name, content) => {
    const failure = await failureOf(() =>
      certifyHost({ request: content, from: '/tmp/request.json', root, grant: GRANT, now: NOW }),
    );
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toContain('/tmp/request.json');
  });

  test.each([
    ['--edition is ""', { windows: { ...WINDOWS, edition: '' } }, '--edition ServerDatacenter.'],
    [
      '--edition is "a\\u{200b}"',
      { windows: { ...WINDOWS, edition: 'a\u200b' } },
      '--edition ServerDatacenter.',
    ],
    [
      '--os-version is "10"',
      { windows: { ...WINDOWS, osVersion: '10' } },
      'two to four numbers separated by dots, for example --os-version 10.0.26100.',
    ],
    [
      '--licensing is "Retail"',
      { windows: { ...WINDOWS, licensing: 'Retail' as 'MAK' } },
      '--licensing must be MAK, OEM, KMS',
    ],
    ['--customer is ""', { customer: '' }, '--customer "Bank Ltd".'],
    ['--site is ""', { site: '' }, '--site vienna.'],
    ['--grace-days is "-1"', { graceDays: -1 }, '--grace-days 14.'],
    ['--days is "0"', { days: 0 }, '--days 365.'],
    ['--days is "-3"', { days: -3 }, '--days 365.'],
    ['--days is "NaN"', { days: Number.NaN }, '--days 365.'],
    ['--days is "1000000000"', { days: 1e9 }, '--days 365.'],
  ])('refuses an impossible grant: %s, and says how it is written', async (message, change, hint) => {
    const failure = await failureOf(() => certify(file(hostRequest(host(), NOW)), change));
    expect(failure.code).toBe('argument-invalid');
    expect(failure.message).toBe(message);
    expect(failure.hint).toContain(hint);
  });

  test('refuses an edition whose hosts may not activate guests, unless any edition is meant', async () => {
    const request = file(hostRequest(host(), NOW));
    const failure = await failureOf(() =>
      certify(request, { windows: { ...WINDOWS, edition: 'ServerDatacentre' } }),
    );
    expect(failure.code).toBe('argument-invalid');
    expect(failure.message).toBe('a host of edition "ServerDatacentre" may not activate guests');
    expect(failure.hint).toContain('--edition ServerDatacenter or');
    const { certificate } = certify(request, {
      windows: { ...WINDOWS, edition: 'ServerStandard' },
      anyEdition: true,
    });
    expect(certificate.windows?.edition).toBe('ServerStandard');
    const core = { windows: { ...WINDOWS, edition: 'ServerDatacenterCore' } };
    expect(certify(request, core).certificate).toMatchObject(core);
  });
});
