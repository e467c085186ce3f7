import { generateKeyPair } from '../../src/protocol/curve-keys.ts';
import { documentDigest } from '../../src/protocol/documents.ts';
import {
  type CosignedEnvelope,
  cosignEnvelope,
  keyId,
  PAYLOAD_TYPES,
  type PayloadType,
} from '../../src/protocol/envelope.ts';
import { licenseEntryDigest } from '../../src/protocol/revocations.ts';
import { vendorIdentity } from '../../src/protocol/vendor-identity.ts';
import type { DocumentVector, KnownVendor } from './document-vector.ts';

const THEN = Date.UTC(2026, 5, 1, 12);
const DAY = 24 * 3_600_000;

const pairs = Object.fromEntries(
  ['first', 'second', 'third', 'stranger'].map((name) => [name, generateKeyPair('ed25519')]),
) as Record<Name, ReturnType<typeof generateKeyPair>>;
type Name = 'first' | 'second' | 'third' | 'stranger';

const publicKey = (name: Name) => Buffer.from(pairs[name].publicKey).toString('base64url');
const sign = (type: PayloadType, statement: object, ...signers: Name[]) =>
  cosignEnvelope(
    type,
    statement,
    signers.map((name) => pairs[name]),
  );

const known = (roots: Name[], change: Partial<KnownVendor> = {}): KnownVendor => ({
  roots: roots.map((name) => ({ keyId: keyId(pairs[name].publicKey), publicKey: publicKey(name) })),
  formerRoots: [],
  revocations: null,
  trustVersion: 1,
  lastUpdate: null,
  ...change,
});

const list = (signer: Name, sequence: number) => ({
  vendor: vendorIdentity('Acme', pairs[signer]),
  sequence,
  issuedAt: THEN,
  hosts: [],
  licenses: [{ digest: licenseEntryDigest('00112233445566aa'), reason: 'unpaid' }],
});
const signedList = (signer: Name, sequence: number) =>
  sign(PAYLOAD_TYPES.revocations, list(signer, sequence), signer);

const update = (former: Name[], roots: Name[], change: object = {}) => ({
  vendorName: 'Acme',
  version: 2,
  previous: null,
  formerRoots: former.map(publicKey),
  roots: roots.map(publicKey),
  issuedAt: THEN,
  ...change,
});
const signedUpdate = (statement: object, ...signers: Name[]) =>
  sign(PAYLOAD_TYPES.trustUpdate, statement, ...signers);

const INTRODUCED = signedUpdate(update(['first'], ['first', 'second']), 'first', 'second');
const THIRD = { version: 3, previous: documentDigest(INTRODUCED) };
const RETIRED = signedUpdate(update(['first', 'second'], ['second'], THIRD), 'second');
const BOTH = known(['first', 'second'], { trustVersion: 2, lastUpdate: documentDigest(INTRODUCED) });
const AFTER_RETIRED = known(['second'], {
  trustVersion: 3,
  lastUpdate: documentDigest(RETIRED),
  formerRoots: [keyId(pairs.first.publicKey)],
});

const license = {
  licenseId: '00112233445566aa',
  vendor: vendorIdentity('Acme', pairs.first),
  customer: 'Bank Ltd',
  product: { activationId: '11111111-2222-4333-8444-555555555555', name: 'Acme Gateway' },
  hosts: [],
  sites: [],
  features: [{ name: 'vpn', value: null }],
  guests: null,
  overage: 'report',
  notBefore: THEN,
  notAfter: THEN + DAY,
  graceUntil: THEN + DAY,
  issuedAt: THEN,
};
const signedLicense = (change: object, ...signers: Name[]) =>
  sign(
    PAYLOAD_TYPES.license,
    { ...license, ...change },
    ...(signers.length === 0 ? (['first'] as const) : signers),
  );

/** A document and what is known before it. */
export type DocumentCase = Omit<DocumentVector, 'after'>;

const FIRST = known(['first']);
const ofLicense = (name: string, document: CosignedEnvelope): DocumentCase => ({
  ...{ name, kind: 'license', known: FIRST, document },
});
const ofList = (name: string, document: CosignedEnvelope, before = FIRST): DocumentCase => ({
  ...{ name, kind: 'revocations', known: before, document },
});
const ofUpdate = (name: string, document: CosignedEnvelope, before = FIRST): DocumentCase => ({
  ...{ name, kind: 'trust-update', known: before, document },
});

function edited(envelope: CosignedEnvelope, from: string, to: string): CosignedEnvelope {
  const payload = Buffer.from(envelope.payload, 'base64url').toString('utf8').replace(from, to);
  return { ...envelope, payload: Buffer.from(payload).toString('base64url') };
}

const entries = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ digest: n.toString(16).padStart(32, '0'), reason: 'stolen' }));

/** The documents of each code, in vectors. */
export const DOCUMENT_CASES: Readonly<Record<string, readonly DocumentCase[]>> = {
  ok: [
    ofUpdate('a second root is introduced', INTRODUCED),
    ofUpdate('the first root is retired', RETIRED, BOTH),
    ofUpdate('begun with the second anchor', RETIRED, known(['second'], { trustVersion: 2 })),
    ofUpdate(
      'signed by more keys than need to',
      signedUpdate(update(['first'], ['first', 'second', 'third']), 'first', 'second', 'third'),
    ),
    ofList('the first list', signedList('first', 1)),
    ofList('a list that leaves numbers out', signedList('first', 999_999_999)),
    ofList('a list of the other root', signedList('second', 6), {
      ...BOTH,
      revocations: signedList('first', 5),
    }),
    ofList('the same list again', signedList('first', 5), { ...FIRST, revocations: signedList('first', 5) }),
    ofList(
      'a list in the place of one by a root that was retired, whose sequence is higher',
      signedList('second', 2),
      {
        ...AFTER_RETIRED,
        revocations: signedList('first', 999_999_999),
      },
    ),
    ofList('an empty list', sign(PAYLOAD_TYPES.revocations, { ...list('first', 1), licenses: [] }, 'first')),
    ofLicense('a license', signedLicense({})),
    ofLicense(
      'a license with every limit',
      signedLicense({
        hosts: ['0123-4567-89AB-CDEF'],
        sites: ['vienna'],
        features: [
          { name: 'throughput', value: 1_000_000_000_000 },
          { name: 'a.b-c', value: 0 },
        ],
        guests: 1_000_000_000,
        overage: 'refuse-new',
      }),
    ),
  ],
  'license-invalid': [
    ofLicense('edited', edited(signedLicense({}), '"vpn"', '"vpm"')),
    ofLicense('signed by another key than it names', signedLicense({}, 'stranger')),
    ofLicense(
      'a feature twice',
      signedLicense({
        features: [
          { name: 'vpn', value: 1 },
          { name: 'vpn', value: null },
        ],
      }),
    ),
    ofLicense(
      '257 features',
      signedLicense({
        features: Array.from({ length: 257 }, (_, n) => ({ name: `f${n}`, value: null })),
      }),
    ),
    ofLicense(
      'a feature of more than 10^12',
      signedLicense({ features: [{ name: 'x', value: 1_000_000_000_001 }] }),
    ),
    ofLicense('a feature in capitals', signedLicense({ features: [{ name: 'VPN', value: null }] })),
    ofLicense('a customer of more than 96 bytes', signedLicense({ customer: '主'.repeat(33) })),
    ofLicense('ends as it begins', signedLicense({ notAfter: THEN, graceUntil: THEN })),
    ofLicense('a grace that ends before the license', signedLicense({ graceUntil: THEN + DAY - 1 })),
    ofLicense('an overage that there is not', signedLicense({ overage: 'ignore' })),
    ofLicense('a member that there is not', signedLicense({ discount: 10 })),
    ofLicense('a revocation list', signedList('first', 1)),
  ],
  'revocations-invalid': [
    ofList('edited', edited(signedList('first', 1), 'unpaid', 'stolen')),
    ofList(
      'signed by another key than it names',
      sign(PAYLOAD_TYPES.revocations, list('first', 1), 'stranger'),
    ),
    ofList('sequence 0', signedList('first', 0)),
    ofList(
      '2,501 entries',
      sign(PAYLOAD_TYPES.revocations, { ...list('first', 1), hosts: entries(2500) }, 'first'),
    ),
    ofList('an end', sign(PAYLOAD_TYPES.revocations, { ...list('first', 1), notAfter: THEN }, 'first')),
    ofList('a license', signedLicense({})),
  ],
  'revocations-foreign': [
    ofList('of another vendor', signedList('stranger', 1)),
    ofList('of a root that was retired', signedList('first', 9), AFTER_RETIRED),
  ],
  'revocations-old': [
    ofList('an older one', signedList('first', 4), { ...FIRST, revocations: signedList('first', 5) }),
  ],
  'trust-update-invalid': [
    ofUpdate('edited', edited(INTRODUCED, 'Acme', 'Acne')),
    ofUpdate(
      'a signature of a key that it does not name',
      signedUpdate(update(['first'], ['first']), 'first', 'stranger'),
    ),
    ofUpdate('version 1', signedUpdate(update(['first'], ['first'], { version: 1 }), 'first')),
    ofUpdate(
      'version 2 after another',
      signedUpdate(update(['first'], ['first'], { previous: '0'.repeat(64) }), 'first'),
    ),
    ofUpdate('version 3 after none', signedUpdate(update(['first'], ['first'], { version: 3 }), 'first')),
    ofUpdate('no root', signedUpdate(update(['first'], []), 'first')),
    ofUpdate('a root twice', signedUpdate(update(['first'], ['first', 'first']), 'first')),
    ofUpdate(
      'a root of small order',
      signedUpdate(
        {
          ...update(['first'], ['first']),
          roots: [publicKey('first'), Buffer.alloc(32).toString('base64url')],
        },
        'first',
      ),
    ),
  ],
  'trust-update-unsigned': [
    ofUpdate('by the old root only', signedUpdate(update(['first'], ['first', 'second']), 'first')),
    ofUpdate('by the new root only', signedUpdate(update(['first'], ['first', 'second']), 'second')),
    ofUpdate('by no root that is known', RETIRED, { ...FIRST, trustVersion: 2 }),
    ofUpdate(
      "takes another vendor's root for an old one of its own",
      signedUpdate(update(['first', 'stranger'], ['first', 'stranger']), 'first'),
    ),
  ],
  'trust-update-drops': [
    ofUpdate('every root at once', signedUpdate(update(['first'], ['second']), 'first', 'second')),
  ],
  'trust-update-foreign': [
    ofUpdate('of another vendor', signedUpdate(update(['stranger'], ['stranger']), 'stranger')),
    ofUpdate(
      'forgets a root that is known',
      signedUpdate(update(['second'], ['second'], THIRD), 'second'),
      BOTH,
    ),
  ],
  'trust-update-gap': [
    ofUpdate('skips a version', RETIRED),
    ofUpdate(
      'follows another version 2',
      signedUpdate(
        update(['first', 'second'], ['second'], { version: 3, previous: '0'.repeat(64) }),
        'second',
      ),
      BOTH,
    ),
  ],
  'trust-update-old': [
    ofUpdate('the one that is known', INTRODUCED, BOTH),
    ofUpdate('an older one', INTRODUCED, AFTER_RETIRED),
  ],
};
