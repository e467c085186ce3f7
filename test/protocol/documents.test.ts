import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AvmaError } from '../../src/errors/avma-error.ts';
import { openCustomerLicense } from '../../src/protocol/customer-license.ts';
import {
  Announcement,
  announce,
  documentBytes,
  parseDocument,
  partLength,
  partOf,
} from '../../src/protocol/documents.ts';
import {
  CosignedEnvelope,
  cosignEnvelope,
  DocumentEnvelope,
  PAYLOAD_TYPES,
  signEnvelope,
} from '../../src/protocol/envelope.ts';
import { openRevocations } from '../../src/protocol/revocations.ts';
import { openSignedCatalog, signCatalog } from '../../src/protocol/signed-catalog.ts';
import { openTrustUpdate, signTrustUpdate } from '../../src/protocol/trust-update.ts';
import { vendorIdentity } from '../../src/protocol/vendor-identity.ts';
import { outcomeOf } from '../support/failures.ts';
import { BEGIN, licenseOf, revocationsOf, signedLicense, testRoot } from '../support/vendor-documents.ts';

const root = testRoot();
const features = Array.from({ length: 200 }, (_, n) => ({ name: `feature-${n}`, value: n }));

function fetched(document: Uint8Array, { size }: Announcement): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < size; offset += parts.at(-1)?.length ?? size) {
    parts.push(partOf(document, offset) ?? new Uint8Array());
  }
  return Buffer.concat(parts);
}

describe('a document travels in parts', () => {
  const envelope = signedLicense(root, { features });
  const announcement = announce('license', envelope, 0);
  const document = documentBytes(envelope);

  test('and arrives as it was', () => {
    expect(Announcement().parse(announcement)).toEqual(announcement);
    expect(parseDocument(announcement, fetched(document, announcement))).toEqual(envelope);
  });

  test('each of them as long as a line holds, but for the last', () => {
    expect(partOf(document, 0)).toHaveLength(partLength(announcement, 0));
    expect(partLength(announcement, 0)).toBe(2900);
    const last = document.length - (document.length % 2900);
    expect(partOf(document, last)).toHaveLength(partLength(announcement, last));
    expect(partOf(document, document.length)).toBeNull();
  });

  test.each<[string, Announcement, Uint8Array]>([
    ['cut', announcement, document.subarray(1)],
    ['another document', { ...announcement, digest: '0'.repeat(64) }, document],
    ['no JSON', { ...announcement, size: 2900 }, new Uint8Array(2900)],
    ['larger than a document of its kind', { ...announcement, kind: 'trust-update' }, document],
  ])('or not at all: %s', (_name, announced, bytes) => {
    const padded = announced.kind === 'trust-update' ? { ...announced, size: 17 * 1024 } : announced;
    expect(outcomeOf(() => parseDocument(padded, bytes))).toBe('response-malformed');
  });
});

describe('a signed catalog', () => {
  const catalog = {
    schema: 'avma.catalog/1' as const,
    vendor: vendorIdentity('Acme', root.key),
    issuedAt: BEGIN,
    products: [{ anything: true }],
  };

  test('says who signed it and leaves the products alone', () => {
    expect(openSignedCatalog(signCatalog(catalog, root.key))).toEqual(catalog);
  });

  test('that another key has signed is none', () => {
    expect(outcomeOf(() => openSignedCatalog(signCatalog(catalog, testRoot().key)))).toBe(
      'catalog-invalid-signature',
    );
  });
});

describe('hostile bytes', () => {
  const genuine = [
    signedLicense(root),
    signEnvelope(PAYLOAD_TYPES.revocations, revocationsOf(root), root.key),
    signTrustUpdate(
      {
        vendorName: 'Acme',
        version: 2,
        previous: null,
        formerRoots: [root.publicKey],
        roots: [root.publicKey],
        issuedAt: BEGIN,
      },
      [root.key],
    ),
  ];
  const open: ReadonlyArray<(envelope: CosignedEnvelope) => unknown> = [
    openCustomerLicense,
    openRevocations,
    openTrustUpdate,
    openSignedCatalog,
  ];
  const runs = { numRuns: Number(process.env['AVMA_TEST_RUNS'] ?? 300) };

  function onlyAvmaErrors(work: () => unknown): void {
    try {
      work();
    } catch (thrown) {
      if (!(thrown instanceof AvmaError)) throw thrown;
    }
  }

  test('no JSON whatever, signed or not, makes a reader throw anything but an AvmaError', () => {
    const statement = fc.oneof(
      fc.object({ maxDepth: 3 }),
      fc.record({ vendor: fc.constant(licenseOf(root).vendor), products: fc.jsonValue() }),
      fc
        .tuple(fc.constantFrom(...Object.keys(licenseOf(root))), fc.jsonValue())
        .map(([member, value]) => ({ ...licenseOf(root), [member]: value })),
    );
    fc.assert(
      fc.property(statement, fc.constantFrom(...Object.values(PAYLOAD_TYPES)), (said, type) => {
        const envelope = cosignEnvelope(type, said, [root.key]);
        for (const read of open) onlyAvmaErrors(() => read(envelope));
      }),
      runs,
    );
  });

  test('no edited byte of a document is believed', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...genuine),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (envelope, at, change) => {
          const payload = Buffer.from(envelope.payload, 'base64url');
          payload[at % payload.length] = (payload[at % payload.length] ?? 0) ^ change;
          const edited = { ...envelope, payload: payload.toString('base64url') };
          for (const read of open) {
            expect(outcomeOf(() => read(edited))).toMatch(/-(invalid|invalid-signature|unsigned|drops)$/);
          }
        },
      ),
      runs,
    );
  });

  test('no bytes from the wire make the parser throw anything but an AvmaError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 4000 }), (bytes) => {
        const announcement = {
          kind: 'license',
          digest: '0'.repeat(64),
          size: bytes.length,
          version: 0,
        } as const;
        expect(outcomeOf(() => parseDocument(announcement, bytes))).toBe('response-malformed');
      }),
      runs,
    );
  });

  test.each([
    ['hosts', [], openCustomerLicense, PAYLOAD_TYPES.license],
    ['sites', 1, openCustomerLicense, PAYLOAD_TYPES.license],
    ['features', {}, openCustomerLicense, PAYLOAD_TYPES.license],
    ['hosts', 1, openRevocations, PAYLOAD_TYPES.revocations],
    ['licenses', {}, openRevocations, PAYLOAD_TYPES.revocations],
    ['products', 1, openSignedCatalog, PAYLOAD_TYPES.catalog],
  ] as const)(
    'a list of %s as long as a document holds is read or refused: %j',
    (member, entry, read, type) => {
      const statement = { ...licenseOf(root), ...revocationsOf(root), [member]: Array(120_000).fill(entry) };
      onlyAvmaErrors(() => read(cosignEnvelope(type, statement, [root.key])));
      const alone = type === PAYLOAD_TYPES.license ? licenseOf(root) : revocationsOf(root);
      onlyAvmaErrors(() =>
        read(cosignEnvelope(type, { ...alone, [member]: Array(120_000).fill(entry) }, [root.key])),
      );
    },
  );

  test('the largest and most deeply nested payload is refused as any other', () => {
    const payload = Buffer.from(`${'['.repeat(190_000)}${']'.repeat(190_000)}`).toString('base64url');
    const envelope = { ...signedLicense(root), payload };
    expect(DocumentEnvelope.safeParse(envelope).success).toBe(true);
    expect(CosignedEnvelope.safeParse(envelope).success).toBe(false);
    expect(outcomeOf(() => openCustomerLicense(envelope))).toBe('license-invalid');
    const tooLong = { ...envelope, payload: 'A'.repeat(512 * 1024 + 4) };
    expect(DocumentEnvelope.safeParse(tooLong).success).toBe(false);
  });
});
