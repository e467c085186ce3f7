/** What `avma inspect` finds out about each kind of file, without any state. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { inspectFile } from '../../../../src/cli/avma/inspect/inspect-file.ts';
import {
  type Inspection,
  type InspectionContext,
  validityJson,
} from '../../../../src/cli/avma/inspect/inspection.ts';
import { exportPrivateKey, generateKeyPair } from '../../../../src/protocol/curve-keys.ts';
import { type DocumentEnvelope, PAYLOAD_TYPES, signEnvelope } from '../../../../src/protocol/envelope.ts';
import { hostEntryDigest, licenseEntryDigest } from '../../../../src/protocol/revocations.ts';
import { rootKeyText } from '../../../../src/vendor/root-key.ts';
import { DAY } from '../../../support/clock.ts';
import { signedCatalog } from '../../../support/signed-catalogs.ts';
import { tempFolder } from '../../../support/temp-folder.ts';
import { createTestHost } from '../../../support/test-host.ts';
import { trustUpdateOf } from '../../../support/trust-documents.ts';
import { reportingHost } from '../../../support/usage-reports.ts';
import {
  BEGIN,
  licenseOf,
  revocationsOf,
  signedLicense,
  signedRevocations,
  type TestRoot,
  testRoot,
} from '../../../support/vendor-documents.ts';

const ROOT = path.resolve(import.meta.dirname, '../../../..');
const ACME = testRoot('Acme');
const NEXT = testRoot('Acme');

function inspect(content: unknown, context: Partial<InspectionContext> = {}): Inspection {
  const bytes =
    content instanceof Uint8Array
      ? content
      : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
  return inspectFile(bytes, {
    trust: [],
    now: BEGIN + DAY,
    file: 'f.json',
    isOpenToOthers: false,
    ...context,
  });
}

/** The value of a row, as plain text. */
function row({ fields }: Inspection, name: string): string | undefined {
  const value = fields.find(([field]) => field === name)?.[1];
  return typeof value === 'string' || value === undefined ? value : JSON.stringify(value);
}

const fixture = (name: string) => fs.readFileSync(path.join(ROOT, 'test/fixtures/formats/next', name));
const trusting = ({ vendor }: TestRoot) => ({ trust: [vendor] });

describe('a customer license', () => {
  test('is explained: whose, for whom, for what, and until when', () => {
    const found = inspect(signedLicense(ACME));
    expect(found).toMatchObject({
      kind: 'license',
      problems: [],
      signature: { holds: true, signers: [{ name: 'Acme', keyId: ACME.keyId, trusted: null }] },
      validity: { notAfter: BEGIN + 365 * DAY },
      content: { customer: 'Bank Ltd', guests: 50 },
    });
    expect(row(found, 'Features')).toBe('vpn, throughput=10');
  });

  test.each([
    ['before it begins', -1, 'not yet valid'],
    ['at its beginning', 0, 'valid'],
    ['at its end', 365 * DAY, 'in grace'],
    ['at the end of its grace', 395 * DAY, 'ended'],
  ])('%s', (_when, after, state) => {
    const { validity } = inspect(signedLicense(ACME), { now: BEGIN + after });
    expect(validity && validityJson(validity, BEGIN + after)).toMatchObject({ state });
  });

  test.each([
    ['a machine that trusts its vendor', trusting(ACME), true],
    ['a machine that trusts somebody else', trusting(NEXT), false],
  ])('on %s', (_where, context, trusted) => {
    expect(inspect(signedLicense(ACME), context).signature?.signers).toMatchObject([{ trusted }]);
  });

  test('that a known list revokes', () => {
    const license = licenseOf(ACME);
    const entry = { digest: licenseEntryDigest(license.licenseId), reason: 'unpaid' as const };
    const vendor = { ...ACME.vendor, revocations: revocationsOf(ACME, { licenses: [entry] }) };
    expect(inspect(signedLicense(ACME), { trust: [vendor] }).notes).toEqual([
      'A revocation list that is known here revokes it: unpaid.',
    ]);
  });
});

/** The envelope with another payload. */
function edited(envelope: DocumentEnvelope, from: string, to: string): DocumentEnvelope {
  const text = Buffer.from(envelope.payload, 'base64url').toString().replace(from, to);
  return { ...envelope, payload: Buffer.from(text).toString('base64url') };
}

describe('a signature that does not hold', () => {
  const host = createTestHost();

  test.each<[string, DocumentEnvelope, string]>([
    ['license', edited(signedLicense(ACME), 'Bank Ltd', 'Bang Ltd'), 'license-invalid'],
    ['revocations', edited(signedRevocations(ACME), '"sequence":1', '"sequence":9'), 'revocations-invalid'],
    [
      'trust-update',
      edited(trustUpdateOf([ACME], [ACME, NEXT]) as DocumentEnvelope, 'Acme', 'Evil'),
      'trust-update-invalid',
    ],
    ['catalog', edited(signedCatalog(ACME), '"3.1"', '"3.2"'), 'catalog-invalid-signature'],
    ['host-certificate', edited(host.envelope, 'hv', 'xx'), 'file-invalid'],
  ])('%s', (kind, envelope, code) => {
    expect(inspect(envelope)).toMatchObject({
      kind,
      signature: { holds: false },
      content: null,
      problems: [{ code }],
    });
  });

  test('is another thing than a content that was signed and is wrong', () => {
    const { vendor, ...rest } = licenseOf(ACME);
    const wrong = signEnvelope(PAYLOAD_TYPES.license, { ...rest, vendor, guests: 'many' }, ACME.key);
    expect(inspect(wrong)).toMatchObject({
      signature: { holds: true },
      problems: [
        { message: 'it was signed as it is, and is not a customer license that this avma can read' },
      ],
    });
  });
});

test('a revocation list says how it stands to the one that is known', () => {
  const entry = { digest: hostEntryDigest('00'), reason: 'stolen' as const };
  const list = signedRevocations(ACME, { sequence: 4, hosts: [entry] });
  expect(row(inspect(list), 'Revokes')).toBe('1 host and 0 licenses: stolen');
  const knowing = (sequence: number) => ({
    trust: [{ ...ACME.vendor, revocations: revocationsOf(ACME, { sequence }) }],
  });
  expect(row(inspect(list, knowing(4)), 'Known here')).toBe('this list');
  expect(row(inspect(list, knowing(5)), 'Known here')).toBe('list 5, which is newer');
});

describe('a trust update', () => {
  const update = trustUpdateOf([ACME], [ACME, NEXT]);

  test('says which roots come and go, and who signed', () => {
    const found = inspect(update);
    expect(found.signature?.signers.map(({ keyId }) => keyId)).toEqual([ACME.keyId, NEXT.keyId]);
    expect([row(found, 'Adds'), row(found, 'Keeps'), row(found, 'Retires')]).toEqual([
      NEXT.keyId,
      ACME.keyId,
      'none',
    ]);
  });

  test('says whether it follows what is known here', () => {
    expect(row(inspect(update, trusting(ACME)), 'Known here')).toContain('version 1, which it follows');
    const gap = trustUpdateOf([ACME], [ACME, NEXT], { version: 4, previous: '0'.repeat(64) });
    expect(row(inspect(gap, trusting(ACME)), 'Known here')).toContain('version 1: ');
  });

  test('that the new root has not signed is wrong', () => {
    expect(inspect(trustUpdateOf([ACME], [ACME, NEXT], { signers: [ACME] })).problems).toMatchObject([
      { code: 'trust-update-unsigned' },
    ]);
  });
});

describe('a catalog', () => {
  test('that is signed names its vendor', () => {
    expect(inspect(signedCatalog(ACME), trusting(ACME)).signature?.signers).toEqual([
      { name: 'Acme', keyId: ACME.keyId, trusted: true },
    ]);
  });

  test('that is unsigned says what that means', () => {
    const found = inspect(fs.readFileSync(path.join(ROOT, 'docs/examples/acme.json')));
    expect(found).toMatchObject({ kind: 'catalog', signature: null, problems: [] });
    expect(found.notes[0]).toContain('unsigned');
  });
});

describe("a host's file", () => {
  test('its request: signed by itself, which shows nothing of the sender', () => {
    const found = inspect(fixture('request.json'));
    expect(found).toMatchObject({
      kind: 'host-request',
      signature: { holds: true },
      content: { hostName: 'hv01' },
    });
    expect(found.notes[0]).toContain('does not show who sent the request');
  });

  test('its certificate, which a known list may revoke', () => {
    const { envelope, certificate } = createTestHost();
    expect(inspect(envelope)).toMatchObject({ kind: 'host-certificate', problems: [], notes: [] });
    const entry = { digest: hostEntryDigest(certificate.serial), reason: 'stolen' as const };
    const vendor = { ...ACME.vendor, revocations: revocationsOf(ACME, { hosts: [entry] }) };
    expect(inspect(envelope, { trust: [vendor] }).notes).toEqual([
      'A revocation list that is known here revokes it.',
    ]);
  });

  test('its report', async () => {
    const host = reportingHost(tempFolder());
    host.ledger([]);
    const { file } = await host.report();
    const found = inspect(file, { now: BEGIN });
    expect(found).toMatchObject({ kind: 'usage-report', problems: [], signature: { holds: true } });
    expect(inspect({ ...file, report: { ...file.report, payload: 'e30' } }).problems).not.toEqual([]);
  });
});

test('evidence: each of its signatures, and what it shows', () => {
  const { vectors } = JSON.parse(fs.readFileSync(path.join(ROOT, 'test/vectors/evidence/ok.json'), 'utf8'));
  const { evidence, options } = vectors[0];
  const found = inspect(evidence, { now: options.now });
  expect(found).toMatchObject({ kind: 'evidence', problems: [], content: { vmId: options.vmId } });
  expect(inspect({ schema: 'avma.x/1', evidence }, { now: options.now })).toEqual(found);
  const unsigned = {
    ...evidence,
    answer: { ...evidence.answer, signatures: evidence.certificate.signatures },
  };
  expect(inspect(unsigned).problems).toMatchObject([{ code: 'signature-invalid' }]);
});

describe('what is secret is named and not shown', () => {
  const root = generateKeyPair('ed25519');
  const pem = exportPrivateKey(root);

  test.each([
    ['a private key', pem, 'private-key'],
    ["a vendor's key with a passphrase", rootKeyText(root, 'correct horse'), 'root-key'],
    ["a host's keys", { schema: 'avma.host-keys/1', signing: pem, box: pem, createdAt: 1 }, 'host-keys'],
    ["a site's key", { schema: 'avma.site-key/1', key: 'c2VjcmV0', createdAt: 1 }, 'site-key'],
  ])('%s', (_what, content, kind) => {
    const found = inspect(content);
    expect(found).toMatchObject({ kind, problems: [] });
    const secret = pem.split('\n')[1] as string;
    for (const part of [secret, 'c2VjcmV0', '"box"']) expect(JSON.stringify(found)).not.toContain(part);
  });

  test('and whether others may read it', () => {
    expect(inspect(pem, { isOpenToOthers: true }).notes).toContain(
      'Other users may read it: chmod 600 f.json',
    );
    expect(inspect(pem).notes).toHaveLength(1);
  });

  test('a setup shows the end of its key only', () => {
    const key = 'WWVGQ-PNHV9-B89P4-8GGM9-9HPQ4';
    const found = inspect(`schema: avma.setup/1\nkey: ${key}\ntrust: [root.pub.json]\n`);
    expect(found).toMatchObject({
      kind: 'setup',
      problems: [],
      content: { partialProductKey: '9HPQ4', trustAnchors: 1 },
    });
    expect(JSON.stringify(found)).not.toContain('WWVGQ');
  });
});

describe('other files of ours', () => {
  test.each([
    ['root.pub.json', 'trust-anchor'],
    ['host.json', 'host'],
    ['license.json', 'license-file'],
    ['guest.state', 'guest-state'],
    ['ledger.jsonl', 'ledger'],
    ['guest-events.jsonl', 'events'],
  ])('%s', (name, kind) => {
    const found = inspect(fixture(name));
    expect(found).toMatchObject({ kind, problems: [] });
    expect(found.fields).not.toEqual([]);
  });

  test('a setup that is wrong', () => {
    expect(inspect('schema: avma.setup/1\nkye: x\n').problems).toMatchObject([{ code: 'file-invalid' }]);
  });
});

describe('foreign, damaged and hostile files get a line', () => {
  test.each([
    ['nothing', '', 'unknown', 'it is empty'],
    ['text', 'hello', 'unknown', 'it is text'],
    ['binary', Buffer.alloc(100), 'unknown', 'it is binary'],
    ['XML', '<domain/>', 'unknown', 'it is XML'],
    [
      'an answer file',
      '<unattend xmlns="urn:schemas-microsoft-com:unattend"/>',
      'unknown',
      'avma guest apply',
    ],
    ['another JSON', '{"name": "x"}', 'unknown', 'it is JSON of another kind'],
    [
      'another signed file',
      { payloadType: 'application/vnd.in-toto+json' },
      'unknown',
      'it is signed as "application/vnd.in-toto',
    ],
    [
      'half a license',
      JSON.stringify(signedLicense(ACME)).slice(0, 300),
      'license',
      'its JSON is cut or wrong',
    ],
    [
      'nested deeply',
      `{"schema":"avma.catalog/1","a":${'['.repeat(100_000)}`,
      'catalog',
      'its JSON is cut or wrong',
    ],
  ])('%s', (_what, content, kind, message) => {
    const found = inspect(content);
    expect(found.kind).toBe(kind);
    expect(found.problems).toMatchObject([
      { code: 'file-invalid', message: expect.stringContaining(message) },
    ]);
  });
});
