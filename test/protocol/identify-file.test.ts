import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { identifyFile } from '../../src/protocol/identify-file.ts';
import { signTrustUpdate } from '../../src/protocol/trust-update.ts';
import { signedCatalog } from '../support/signed-catalogs.ts';
import { BEGIN, signedLicense, signedRevocations, testRoot } from '../support/vendor-documents.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const ACME = testRoot();
const NEXT = testRoot();
const bytesOf = (content: unknown) =>
  Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
const file = (name: string) => fs.readFileSync(path.join(ROOT, name));
const fixture = (name: string) => file(`test/fixtures/formats/next/${name}`);
const update = signTrustUpdate(
  {
    vendorName: 'Acme',
    version: 2,
    previous: null,
    formerRoots: [ACME.publicKey],
    roots: [ACME.publicKey, NEXT.publicKey],
    issuedAt: BEGIN,
  },
  [ACME.key, NEXT.key],
);
const PEM = '-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n-----END PRIVATE KEY-----\n';

describe('a file is known by its content', () => {
  test.each([
    ['host-request', fixture('request.json')],
    ['host-certificate', fixture('certificate.json')],
    ['license', bytesOf(signedLicense(ACME))],
    ['revocations', bytesOf(signedRevocations(ACME))],
    ['trust-update', bytesOf(update)],
    ['catalog', bytesOf(signedCatalog(ACME))],
  ])('%s, with its envelope', (kind, bytes) => {
    expect(identifyFile(bytes)).toMatchObject({
      kind,
      damage: null,
      envelope: { signatures: expect.anything() },
    });
  });

  test.each([
    ['catalog', file('keys/windows-server.json')],
    ['catalog', bytesOf(`\uFEFF${file('docs/examples/acme.json')}`)],
    ['trust-anchor', fixture('root.pub.json')],
    ['license-file', fixture('license.json')],
    ['host', fixture('host.json')],
    ['guest-state', fixture('guest.state')],
    ['ledger', fixture('ledger.jsonl')],
    ['ledger', bytesOf('{"previous":"0","requestDigest":"a"}\n{"previous":"1","mark":"stopped"}\n')],
    ['ledger', bytesOf('{"previous":"0","mark":"started"}\n{"previous":"1","mark":"stopped"}\n')],
    ['vendor-log', bytesOf('{"previous":"0","payloadType":"x","digest":"y","statement":{}}\n')],
    ['events', fixture('guest-events.jsonl')],
    ['events', fixture('host-events.jsonl')],
    ['setup', bytesOf('# given\nschema: avma.setup/1\nkey: X\n')],
    ['setup', bytesOf({ schema: 'avma.setup/1' })],
    ['signed-lease', bytesOf({ certificate: update, answer: update })],
    ['evidence', bytesOf({ certificate: update, answer: update, license: null })],
    ['usage-report', bytesOf({ schema: 'avma.usage-report/1' })],
    ['output', bytesOf({ schema: 'avma.guest-status/1' })],
    ['root-key', bytesOf({ schema: 'avma.root-key/1', box: 'x' })],
    ['site-key', bytesOf({ schema: 'avma.site-key/1', key: 'x' })],
    ['host-keys', bytesOf({ schema: 'avma.host-keys/1', signing: PEM })],
    ['private-key', bytesOf(PEM)],
    ['private-key', bytesOf(`some text\n${PEM}`)],
  ])('%s, unsigned', (kind, bytes) => {
    expect(identifyFile(bytes)).toMatchObject({ kind, damage: null, envelope: null });
  });

  test.each([
    ['nothing', ''],
    ['text', 'hello'],
    ['a list', '[]'],
    ['another JSON', '{"name": "package"}'],
    [
      'a signed file of another program',
      { payloadType: 'application/vnd.in-toto+json', payload: '', signatures: [] },
    ],
    ['a member of every object', { payloadType: 'application/vnd.avma.constructor.v1+json' }],
    ['binary', Buffer.from([0, 255, 1, 254]).toString('latin1')],
  ])('%s is unknown', (_what, content) => {
    expect(identifyFile(bytesOf(content))).toMatchObject({ kind: 'unknown', envelope: null });
  });
});

describe('a file that is damaged is still known, with what is wrong', () => {
  const whole = JSON.stringify(signedLicense(ACME), null, 2);

  test.each([
    ['cut', 'license', whole.slice(0, -20), 'is damaged: its JSON is cut or wrong'],
    [
      'without a member',
      'license',
      JSON.stringify({ ...signedLicense(ACME), payload: undefined }),
      'is no whole signed',
    ],
    ['with a member twice', 'license', whole.replace('{', '{"payload":"e30",'), 'or has a member twice'],
    ['of a later format', 'license', whole.replace('.v1+', '.v2+'), 'has version 2 of its format'],
    ['an anchor, cut', 'trust-anchor', '{"schema": "avma.trust-anchor/1", "na', 'is damaged'],
    ['an anchor of a later format', 'trust-anchor', '{"schema": "avma.trust-anchor/9"}', 'has version 9'],
  ])('%s', (_what, kind, text, damage) => {
    const identified = identifyFile(bytesOf(text));
    expect(identified).toMatchObject({ kind, envelope: null });
    expect(identified.damage).toContain(damage);
  });
});

test('no bytes make it throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void identifyFile(bytes)));
  fc.assert(
    fc.property(fc.nat(), fc.nat(255), (at, byte) => {
      const bytes = bytesOf(signedRevocations(ACME));
      bytes[at % bytes.length] = byte;
      identifyFile(bytes);
    }),
  );
});
