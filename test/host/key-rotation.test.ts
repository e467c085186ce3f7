/** `avma host request --rotate`: new keys for a host that serves, over a real socket; a guest renews all the time. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { openGiven } from '../../src/host/holdings/decode-given.ts';
import { HoldingsReader } from '../../src/host/holdings/holdings-reader.ts';
import { installAll } from '../../src/host/holdings/install.ts';
import { createHost, type HostIdentity } from '../../src/host/host-store.ts';
import { requestCertificate } from '../../src/host/request-certificate.ts';
import { Response } from '../../src/protocol/answer.ts';
import { generateKeyPair } from '../../src/protocol/curve-keys.ts';
import { type Envelope, parseJson } from '../../src/protocol/envelope.ts';
import { encodeFrame } from '../../src/protocol/frame.ts';
import { signHostCertificate, verifyHostCertificate } from '../../src/protocol/host-certificate.ts';
import { verifyHostRequest } from '../../src/protocol/host-request.ts';
import { encodeJson, Offer, type Request } from '../../src/protocol/messages.ts';
import { boxKey, joinRequestPacket, seal, unseal } from '../../src/protocol/sealed-packet.ts';
import { verifySignatures } from '../../src/protocol/verify-answer.ts';
import { vendorProduct } from '../support/catalogs.ts';
import { serveHost } from '../support/certified-host.ts';
import { DAY, NOW, SECOND } from '../support/clock.ts';
import { certificateOf } from '../support/host-documents.ts';
import { writeJsonFile } from '../support/signed-catalogs.ts';
import { connectClient, type SocketClient } from '../support/socket-client.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { VM } from '../support/test-guest.ts';
import { until } from '../support/until.ts';
import { rootOf, type TestRoot } from '../support/vendor-documents.ts';

const acme = rootOf(generateKeyPair('ed25519'), 'Acme');
const PRODUCT = vendorProduct(0) as { activationId: string; edition: string; version: string };

/** Installs a certificate that the vendor makes from a request. */
async function certify(
  folder: string,
  request: Envelope,
  serial: string,
  { now = Date.now(), ...dates }: { readonly now?: number; readonly [date: string]: number | undefined } = {},
): Promise<void> {
  const { requestedAt: _at, replaces: _replaces, ...host } = verifyHostRequest(request);
  const certificate = signHostCertificate(
    {
      ...{ serial: serial.repeat(16), vendorKey: acme.publicKey, ...host, customer: null, windows: null },
      ...{ notBefore: now - SECOND, notAfter: now + DAY, graceUntil: now + DAY },
      ...dates,
    },
    acme.key,
  );
  const given = openGiven('certificate', Buffer.from(JSON.stringify(certificate)), 'f');
  await installAll(folder, [given], { now, dryRun: false });
}

/** The certificate that a host offers. */
async function offered(client: SocketClient) {
  const exchangeId = randomBytes(16).toString('hex');
  await client.send(encodeFrame({ type: 'hello', exchangeId, body: new Uint8Array() }));
  const offer = Offer.parse(parseJson((await client.next()).body));
  return verifyHostCertificate(offer.certificate, [acme.vendor]).certificate;
}

/** Renews with a certificate that was offered. @returns The first digit of the serial that signed the approval. */
async function renew(client: SocketClient, { boxKey: box }: { readonly boxKey: string }): Promise<string> {
  const exchangeId = randomBytes(16).toString('hex');
  const request: Request = {
    ...{ exchangeId, vmId: VM, activationId: PRODUCT.activationId, edition: PRODUCT.edition },
    ...{ version: PRODUCT.version, nonce: null, anchors: [acme.keyId] },
    license: { status: 1, reason: 0, remainingMinutes: 1 },
    guestClock: Date.now(),
    log: { machineName: 'guest01', iaid: null, client: 'a test', trigger: 'renewal' },
  };
  const fresh = generateKeyPair('x25519');
  const key = boxKey(fresh, Buffer.from(box, 'base64url'));
  if (key === null) throw new RangeError('a key of low order');
  const body = joinRequestPacket(fresh.publicKey, seal(key, encodeJson(request)));
  await client.send(encodeFrame({ type: 'request', exchangeId, body }));
  const frame = await client.next();
  const opened = unseal(key, new Uint8Array(frame.body));
  if (frame.type !== 'response' || opened === null) throw new TypeError(`the answer is a ${frame.type}`);
  const response = Response().parse(parseJson(opened));
  const { answer, certificate } = verifySignatures(response, [acme.vendor]);
  if (answer.decision !== 'approved') throw new TypeError(`refused: ${answer.refusal?.code}`);
  return certificate.serial[0] ?? '';
}

/** A host that serves, certified with serial 1111… */
async function runningHost(dates: { readonly [date: string]: number }) {
  const folder = path.join(tempFolder(), 'host');
  const host = createHost({ folder, name: 'hv01', machineId: 'm', now: NOW });
  const { envelope } = await requestCertificate({ folder, rotate: false, now: NOW });
  await certify(folder, envelope, '1', dates);
  const catalogs = path.dirname(writeJsonFile({ schema: 'avma.catalog/1', products: [PRODUCT] }));
  const socket = path.join(folder, 'h.sock');
  await serveHost(folder, {
    catalogFolders: [catalogs],
    listen: [{ kind: 'socket', path: socket, vmId: null, mode: 0o600 }],
    throttle: { burst: 100_000, windowMs: 60_000 },
  });
  return { folder, host, client: await connectClient(socket) };
}

const signerOf = (envelope: Envelope) => verifyHostRequest(envelope).signingKey;

describe('a rotation of keys', () => {
  test.runIf(process.env.AVMA_TEST_VM === 'required')(
    'with AVMA_TEST_VM=required, fails no exchange, from the request over the new certificate to the end of the old one',
    async () => {
      const end = Date.now() + 8 * SECOND;
      const { folder, client } = await runningHost({ notAfter: end - 2 * SECOND, graceUntil: end });
      const signers: string[] = [];
      const old = await offered(client);
      /** Exchanges until the approvals of the last ones are as wished. */
      const renewUntil = (what: string, enough: () => boolean) =>
        until(what, async () => {
          signers.push(await renew(client, await offered(client)));
          return enough();
        });

      await renewUntil('the host answers', () => signers.length > 10);
      const { envelope, keys } = await requestCertificate({ folder, rotate: true, now: Date.now() });
      expect(keys).toBe('new');
      expect(verifyHostRequest(envelope)).toMatchObject({ replaces: old.serial });
      const before = signers.length;
      await renewUntil('it goes on with the old keys', () => signers.length > before + 10);
      expect(new Set(signers)).toEqual(new Set(['1']));

      await certify(folder, envelope, '2');
      await renewUntil('the new keys sign', () => signers.at(-1) === '2');
      // A guest that was offered the old certificate may still send.
      expect(Date.now()).toBeLessThan(end);
      expect(await renew(client, old)).toBe('2');
      await renewUntil('the old certificate has ended', () => Date.now() > end);
      await expect(renew(client, old)).rejects.toThrow('the answer is a fault');
      expect(await renew(client, await offered(client))).toBe('2');
      expect(signers.lastIndexOf('1')).toBeLessThan(signers.indexOf('2'));
    },
  );
});

describe('a request', () => {
  async function hostFolder() {
    const folder = path.join(tempFolder(), 'host');
    const host = createHost({ folder, name: 'hv01', machineId: 'm', now: NOW });
    const ask = (options: { site?: string; rotate?: boolean } = {}) =>
      requestCertificate({ folder, rotate: false, now: NOW, ...options });
    return { folder, host, ask };
  }

  const install = async (folder: string, root: TestRoot, host: HostIdentity, change: object = {}) => {
    const bytes = Buffer.from(JSON.stringify(certificateOf(root, host, change)));
    await installAll(folder, [openGiven('certificate', bytes, 'f')], { now: NOW, dryRun: false });
  };

  test('for new keys is the same again until they are certified, and then for others', async () => {
    const { folder, host, ask } = await hostFolder();
    await install(folder, acme, host);
    const first = await ask({ rotate: true });
    const again = await ask({ rotate: true });
    expect([first.keys, again.keys]).toEqual(['new', 'pending']);
    expect(signerOf(again.envelope)).toBe(signerOf(first.envelope));
    expect(signerOf((await ask()).envelope)).not.toBe(signerOf(first.envelope));
    await certify(folder, first.envelope, '2', { now: NOW });
    expect(signerOf((await ask()).envelope)).toBe(signerOf(first.envelope));
    expect((await ask({ rotate: true })).keys).toBe('new');
  });

  test('names the site, by default that of the present certificate, and what it replaces', async () => {
    const { folder, host, ask } = await hostFolder();
    expect(verifyHostRequest((await ask()).envelope)).toMatchObject({ site: null, replaces: null });
    expect(verifyHostRequest((await ask({ site: 'north' })).envelope)).toMatchObject({ site: 'north' });
    await install(folder, acme, host, { site: 'south' });
    const replaces = '00112233445566ff';
    expect(verifyHostRequest((await ask()).envelope)).toMatchObject({ site: 'south', replaces });
    await expect(ask({ site: 'two\nlines' })).rejects.toMatchObject({ code: 'argument-invalid' });
  });

  test('for a third set of keys removes the second when its last certificate has ended', async () => {
    const { folder, host, ask } = await hostFolder();
    await install(folder, acme, host);
    const dates = { now: NOW, notAfter: NOW + 1, graceUntil: NOW + 2 };
    for (const serial of ['2', '3'])
      await certify(folder, (await ask({ rotate: true })).envelope, serial, dates);
    const files = () => fs.readdirSync(path.join(folder, 'keys')).length;
    expect(files()).toBe(2);
    const last = await ask({ rotate: true });
    expect(files()).toBe(3);
    await certify(folder, last.envelope, '4', { now: NOW + DAY });
    expect(files()).toBe(1);
    expect(
      new HoldingsReader(folder, host).current.certificates.map((held) => held.certificate.serial[0]),
    ).toContain('4');
  });
});
