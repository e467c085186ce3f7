/** What a host hands on: it names a license in its answer, announces documents, and answers fetches by their parts. */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadCatalog } from '../../../src/catalog/catalog.ts';
import type { GuestChannel } from '../../../src/host/channel.ts';
import { generateKeyPair } from '../../../src/protocol/curve-keys.ts';
import { type Announcement, PART_BYTES, parseDocument } from '../../../src/protocol/documents.ts';
import { parseJson, payloadJson } from '../../../src/protocol/envelope.ts';
import type { Frame } from '../../../src/protocol/frame.ts';
import { encodeJson, Offer } from '../../../src/protocol/messages.ts';
import { hostEntryDigest, MAX_REVOCATIONS } from '../../../src/protocol/revocations.ts';
import { boxKey, joinRequestPacket, seal, unseal } from '../../../src/protocol/sealed-packet.ts';
import { vendorProduct } from '../../support/catalogs.ts';
import { DAY, MINUTE, NOW } from '../../support/clock.ts';
import { certificateOf, type GivenDocument } from '../../support/host-documents.ts';
import { faultIn, rawRequest } from '../../support/raw-request.ts';
import { signedCatalog, writeJsonFile } from '../../support/signed-catalogs.ts';
import { VM } from '../../support/test-guest.ts';
import { createTestHost, type TestHost, type TestHostOptions } from '../../support/test-host.ts';
import { createTestVendor } from '../../support/test-vendor.ts';
import { trustUpdateOf } from '../../support/trust-documents.ts';
import { rootOf, signedLicense, signedRevocations, testRoot } from '../../support/vendor-documents.ts';

const vendor = createTestVendor('Acme');
const acme = rootOf(vendor.root, 'Acme');
const next = testRoot('Acme');
const PRODUCT = vendorProduct(0) as { activationId: string; edition: string; name: string; version: string };
const ASKED = { activationId: PRODUCT.activationId, edition: PRODUCT.edition, version: PRODUCT.version };

/** A license for the product that is asked for. */
function license(change: object = {}): GivenDocument {
  const product = { activationId: PRODUCT.activationId, name: PRODUCT.name };
  return ['license', signedLicense(acme, { product, ...change })];
}

/** A host of Acme, whose signed catalog says that the product needs a license. */
function acmeHost(options: TestHostOptions = {}): TestHost {
  const catalog = loadCatalog([
    path.dirname(writeJsonFile(signedCatalog(acme, [{ requiresLicense: true }]))),
  ]);
  return createTestHost({ vendor, catalog, ...options });
}

/** Asks for the product. @returns What the response holds. */
async function ask(host: TestHost, change: object = {}, channel?: GuestChannel) {
  const request = rawRequest(host, { ...ASKED, ...change });
  const frame = await host.ask(request.frame, channel);
  return { ...request.responseIn(frame), answer: request.answerIn(frame) };
}

/** Fetches a part of a document. */
async function fetchPart(host: TestHost, content: object, change: Partial<Frame> = {}) {
  const exchangeId = randomBytes(16).toString('hex');
  const fresh = generateKeyPair('x25519');
  const key = boxKey(fresh, host.identity.box.publicKey);
  if (key === null) throw new RangeError('a fresh key is of low order');
  const body = joinRequestPacket(
    fresh.publicKey,
    seal(key, encodeJson({ exchangeId, offset: 0, ...content })),
  );
  const answer = await host.ask({ type: 'fetch', exchangeId, body, ...change });
  if (answer?.type !== 'part') return faultIn(answer).code;
  return unseal(key, new Uint8Array(answer.body)) ?? 'not opened';
}

/** Fetches a document, part by part. */
async function fetchAll(host: TestHost, announcement: Announcement | undefined) {
  if (announcement === undefined) throw new TypeError('nothing was announced');
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < announcement.size; offset += PART_BYTES) {
    const part = await fetchPart(host, { digest: announcement.digest, offset });
    if (typeof part === 'string') return part;
    parts.push(part);
  }
  return { parts: parts.length, envelope: parseDocument(announcement, Buffer.concat(parts)) };
}

describe('a license', () => {
  test('is named in the answer by its digest, announced, fetched, and written down', async () => {
    const host = acmeHost({ documents: [license()] });
    const { answer, documents } = await ask(host);
    expect(answer).toMatchObject({ decision: 'approved', conditions: [] });
    expect(documents).toEqual([expect.objectContaining({ kind: 'license', digest: answer.license })]);
    const fetched = await fetchAll(host, documents[0]);
    expect(fetched).toMatchObject({ parts: 1, envelope: license()[1] });
    expect(host.events.last).toMatchObject({ license: '00112233445566aa', conditions: [] });
    expect(host.log.at(-1)).toMatch(/ UTC by license 00112233445566aa of "Bank Ltd"\.$/);
  });

  test('that is missing is a signed refusal', async () => {
    const { answer } = await ask(acmeHost());
    expect(answer.refusal).toMatchObject({ code: 'license-missing' });
    expect(answer).toMatchObject({ license: null, conditions: [] });
  });

  test('in its grace, and over its limit, is noted in the answer, the event and the log, and ends the lease', async () => {
    const graceUntil = NOW + 2 * DAY;
    const host = acmeHost({ documents: [license({ guests: 1, notAfter: NOW, graceUntil })] });
    await ask(host, { vmId: '99999999-2222-4333-8444-555555555555' });
    const { answer } = await ask(host);
    expect(answer.conditions).toEqual(['license-in-grace', 'over-limit']);
    expect([answer.expiresAt, answer.renewAfter]).toEqual([graceUntil, NOW + DAY]);
    expect(host.events.last).toMatchObject({ conditions: ['license-in-grace', 'over-limit'] });
    expect(host.log.at(-1)).toMatch(/ of "Bank Ltd" \(license-in-grace, over-limit\)\.$/);
  });

  test('that is full refuses a new guest, not one that it knows, and not two at a time past its limit', async () => {
    const host = acmeHost({ documents: [license({ guests: 1, overage: 'refuse-new' })] });
    const other = { vmId: '99999999-2222-4333-8444-555555555555' };
    const both = await Promise.all([ask(host), ask(host, other)]);
    expect(both.map(({ answer }) => answer.refusal?.code ?? 'approved')).toEqual([
      'approved',
      'license-limit-reached',
    ]);
    expect((await ask(host)).answer.decision).toBe('approved');
    expect((await ask(host, other)).answer.refusal).toMatchObject({ retryAfter: 3600 });
    host.pass(DAY);
    expect((await ask(host, other)).answer.decision).toBe('approved');
  });

  test('that is full has room again when a VM stops, which is a new guest when it starts again', async () => {
    const host = acmeHost({ documents: [license({ guests: 1, overage: 'refuse-new' })] });
    const other = { vmId: '99999999-2222-4333-8444-555555555555' };
    const channel = { name: 'unix:/run/qemu.sock', vmId: VM };
    host.observe({ kind: 'domain-seen', channel, runs: true });
    expect((await ask(host, {}, channel)).answer.decision).toBe('approved');
    host.clock.advance(2 * DAY);
    expect((await ask(host, other)).answer.refusal).toMatchObject({ code: 'license-limit-reached' });
    host.observe({ kind: 'domain-seen', channel, runs: false });
    expect((await ask(host, other)).answer.decision).toBe('approved');
    // It has given its seat away, and is a new guest when it asks again.
    host.observe({ kind: 'domain-seen', channel, runs: true });
    expect((await ask(host, {}, channel)).answer.refusal).toMatchObject({ code: 'license-limit-reached' });
    expect((await ask(host, other)).answer.decision).toBe('approved');
    expect(host.moments.filter(({ kind }) => kind === 'seats-full')).toHaveLength(1);
  });
});

describe('a certificate in its grace', () => {
  const certificate = { notAfter: NOW, graceUntil: NOW + 3 * DAY };

  test('approves, says so, and no lease outlasts it', async () => {
    const { answer } = await ask(acmeHost({ certificate, documents: [license()] }));
    expect(answer).toMatchObject({ conditions: ['certificate-in-grace'], expiresAt: NOW + 3 * DAY });
  });
});

describe('what the host hands on', () => {
  const list = signedRevocations(acme, {
    sequence: 4,
    hosts: [{ digest: hostEntryDigest('00112233445566ff'), reason: 'stolen' }],
  });
  const documents: readonly GivenDocument[] = [
    ['trust-update', trustUpdateOf([acme], [acme, next])],
    ['revocations', list],
  ];
  const kinds = (announced: readonly Announcement[]) =>
    announced.map(({ kind, version }) => `${kind} ${version}`);

  test('is announced in the offer', async () => {
    const hello: Frame = {
      type: 'hello',
      exchangeId: 'ab'.repeat(16),
      body: encodeJson({ anchors: [acme.keyId] }),
    };
    const frame = await acmeHost({ documents }).ask(hello);
    const offer = Offer.parse(parseJson(frame?.body ?? new Uint8Array()));
    expect(kinds(offer.documents)).toEqual(['trust-update 2', 'revocations 4']);
  });

  test('is announced by a host that is revoked, with its refusal, and can be had from it', async () => {
    const host = acmeHost({ documents });
    const { answer, documents: announced } = await ask(host);
    expect(answer.refusal).toMatchObject({ code: 'host-revoked' });
    expect(kinds(announced)).toEqual(['trust-update 2', 'revocations 4']);
    expect(await fetchAll(host, announced[1])).toMatchObject({ envelope: list });
  });

  test('comes in parts when it is large', async () => {
    const hosts = Array.from({ length: MAX_REVOCATIONS }, (_, nth) => ({
      digest: nth.toString(16).padStart(32, '0'),
      reason: 'unspecified' as const,
    }));
    const large = signedRevocations(acme, { sequence: 5, hosts });
    const host = acmeHost({ documents: [['revocations', large]] });
    const { documents: announced } = await ask(host);
    const fetched = await fetchAll(host, announced[0]);
    expect(fetched).toMatchObject({ envelope: large });
    expect((fetched as { parts: number }).parts).toBeGreaterThan(60);
    expect(host.counters.counts.parts).toBeGreaterThan(60);
  });
});

describe('a fetch gets a fault', () => {
  const digest = 'ab'.repeat(32);

  test('document-unknown for what the host does not have, or has of a vendor who did not certify it', async () => {
    const host = acmeHost();
    expect(await fetchPart(host, { digest })).toBe('document-unknown');
    expect(host.log.at(-1)).toMatch(
      /^Failed: a fetch of a document on .*: this host does not have the document/,
    );
    expect(host.events.all).toEqual([]);
  });

  test('request-malformed behind the end, and for what is no fetch; request-unopened for other keys', async () => {
    const host = acmeHost({ documents: [license()] });
    const { documents } = await ask(host);
    const [announced] = documents;
    expect(await fetchPart(host, { digest: announced?.digest, offset: announced?.size })).toBe(
      'request-malformed',
    );
    expect(await fetchPart(host, { digest, more: 1 })).toBe('request-malformed');
    expect(await fetchPart(host, { digest }, { exchangeId: 'cd'.repeat(16) })).toBe('request-malformed');
    expect(await fetchPart(host, {}, { body: new Uint8Array(200) })).toBe('request-unopened');
  });

  test('throttled when the channel has used up its requests, and again later', async () => {
    const host = acmeHost({ documents: [license()], throttle: { burst: 2, windowMs: MINUTE } });
    const { documents } = await ask(host);
    const fetchIt = () => fetchPart(host, { digest: documents[0]?.digest });
    expect(typeof (await fetchIt())).toBe('object');
    expect([await fetchIt(), await fetchIt(), await fetchIt()]).toEqual([
      'throttled',
      'throttled',
      'throttled',
    ]);
    host.clock.advance(2 * MINUTE);
    expect(typeof (await fetchIt())).toBe('object');
  });

  test('host-not-activated without a certificate', async () => {
    expect(await fetchPart(acmeHost({ notActivated: true }), { digest })).toBe('host-not-activated');
  });
});

test("a host of two vendors answers with the certificate of the product's vendor", async () => {
  const other = testRoot('Other');
  const identity = acmeHost().identity;
  const host = acmeHost({
    identity,
    documents: [
      ['certificate', certificateOf(other, identity, { serial: '2'.repeat(16), notBefore: NOW })],
      license(),
    ],
  });
  const { certificate, answer } = await ask(host, { anchors: [other.keyId] });
  expect(answer.decision).toBe('approved');
  expect(payloadJson(certificate)).toMatchObject({ serial: '00112233445566ff' });
  const hello: Frame = {
    type: 'hello',
    exchangeId: 'ab'.repeat(16),
    body: encodeJson({ anchors: [other.keyId] }),
  };
  const offer = Offer.parse(parseJson((await host.ask(hello))?.body ?? new Uint8Array()));
  expect(payloadJson(offer.certificate)).toMatchObject({ serial: '2'.repeat(16) });
});
