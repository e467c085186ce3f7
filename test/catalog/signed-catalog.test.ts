import { describe, expect, test } from 'vitest';
import { type CatalogOptions, loadCatalog } from '../../src/catalog/catalog.ts';
import { readCatalogFile } from '../../src/catalog/catalog-file.ts';
import { type DocumentEnvelope, PAYLOAD_TYPES, signEnvelope } from '../../src/protocol/envelope.ts';
import { vendorProduct } from '../support/catalogs.ts';
import { failureOf } from '../support/failures.ts';
import { signedCatalog, writeJsonFile } from '../support/signed-catalogs.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { BEGIN, signedLicense, testRoot } from '../support/vendor-documents.ts';

const ACME = testRoot('Acme');
const OTHER = testRoot('Other');
const unsigned = (...products: object[]) => ({ schema: 'avma.catalog/1', products });

function payloadOf(envelope: DocumentEnvelope): string {
  return Buffer.from(envelope.payload, 'base64url').toString();
}

/** The envelope with other signed bytes. */
function edited(envelope: DocumentEnvelope, from: string, to: string): DocumentEnvelope {
  const text = payloadOf(envelope).replace(from, to);
  return { ...envelope, payload: Buffer.from(text).toString('base64url') };
}

describe('a signed catalog', () => {
  test('says whose its products are, and since when', () => {
    expect(readCatalogFile(writeJsonFile(signedCatalog(ACME)))).toMatchObject({
      vendor: { name: 'Acme', keyId: ACME.keyId },
      issuedAt: BEGIN,
      products: [{ name: 'Example Appliance 0', vendor: { name: 'Acme', keyId: ACME.keyId } }],
    });
  });

  test.each([
    ['its grace changed', edited(signedCatalog(ACME), '"initialGraceDays":30', '"initialGraceDays":3000')],
    ['its vendor changed', edited(signedCatalog(ACME), '"Acme"', '"Evil"')],
    ['the key of another vendor in it', edited(signedCatalog(ACME), ACME.publicKey, OTHER.publicKey)],
  ])('with %s after it was signed: catalog-invalid-signature', async (_what, envelope) => {
    const file = writeJsonFile(envelope);
    expect(await failureOf(() => readCatalogFile(file))).toMatchObject({
      code: 'catalog-invalid-signature',
      message: `the signature of the catalog ${file} does not hold: the file was changed after its vendor signed it`,
    });
  });

  test('with a mistake that was signed: its place', async () => {
    const failure = await failureOf(() => readCatalogFile(writeJsonFile(signedMistake())));
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toContain('is wrong at products.0.version: it is "v 1", and must be');
  });

  test.each([
    [
      'a license',
      signedLicense(ACME),
      'is signed as application/vnd.avma.license.v1+json, and is not a catalog',
    ],
    ['half of an envelope', { payloadType: 'x' }, 'is a signed file that is damaged, or too large'],
  ])('%s is none', async (_what, content, message) => {
    const failure = await failureOf(() => readCatalogFile(writeJsonFile(content)));
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toContain(message);
  });
});

/** Properly signed, by a vendor whose own tools checked nothing. */
function signedMistake(): DocumentEnvelope {
  const wrong = edited(signedCatalog(ACME), '"version":"3.1"', '"version":"v 1"');
  return signEnvelope(PAYLOAD_TYPES.catalog, JSON.parse(payloadOf(wrong)), ACME.key);
}

/** Two catalogs in one folder, the first read first. */
function load(first: unknown, second: unknown, options: CatalogOptions = {}) {
  const folder = tempFolder();
  writeJsonFile(first, folder, 'a.json');
  writeJsonFile(second, folder, 'b.json');
  return { folder, load: () => loadCatalog([folder], options) };
}

describe('two catalogs with one product', () => {
  const NEW_NAME = { name: 'Renamed' };

  test.each([
    ['in the order of their dates', 0, 1],
    ['in the other order', 1, 0],
  ])("of one vendor: the newer one's entry counts, read %s", (_order, first, second) => {
    const both = [signedCatalog(ACME, [{}], BEGIN), signedCatalog(ACME, [NEW_NAME], BEGIN + 1)];
    const { products } = load(both[first], both[second]).load();
    expect(products.map(({ name }) => name)).toEqual(['Renamed']);
  });

  test('of one vendor: a product that got another key has the newer key only', async () => {
    const newer = signedCatalog(ACME, [{ productKey: 'BBBBB-CCCCC-DDDDD-FFFFF-99999' }], BEGIN + 1);
    const catalog = load(newer, signedCatalog(ACME)).load();
    expect(catalog.productOfKey('BBBBB-CCCCC-DDDDD-FFFFF-99999').name).toBe('Example Appliance 0');
    expect((await failureOf(() => catalog.productOfKey('BBBBB-CCCCC-DDDDD-FFFFF-22222'))).code).toBe(
      'key-invalid',
    );
  });

  test('of one vendor, signed at one time with other members: file-invalid', async () => {
    const two = load(signedCatalog(ACME), signedCatalog(ACME, [NEW_NAME]));
    expect((await failureOf(two.load)).code).toBe('file-invalid');
  });

  test.each([
    ['that agree', {}],
    ['that do not agree', NEW_NAME],
  ])('of two vendors %s: catalog-foreign, with both', async (_what, change) => {
    const { folder, load: both } = load(signedCatalog(ACME), signedCatalog(OTHER, [change]));
    const failure = await failureOf(both);
    expect(failure.code).toBe('catalog-foreign');
    for (const part of [`${folder}/a.json`, `${folder}/b.json`, ACME.keyId, OTHER.keyId]) {
      expect(failure.message).toContain(part);
    }
  });

  test('of two roots of one vendor, for whoever knows that they are', () => {
    const two = load(signedCatalog(ACME), signedCatalog(OTHER, [NEW_NAME], BEGIN + 1), {
      sameVendor: () => true,
    });
    expect(two.load().products).toMatchObject([{ name: 'Renamed', vendor: { keyId: OTHER.keyId } }]);
  });

  test.each([
    ['signed first', signedCatalog(ACME), unsigned(vendorProduct(0))],
    ['unsigned first', unsigned(vendorProduct(0)), signedCatalog(ACME)],
  ])(
    "of which one is unsigned, and which agree: the product is its signer's (%s)",
    (_order, first, second) => {
      expect(load(first, second).load().products).toMatchObject([{ vendor: { keyId: ACME.keyId } }]);
    },
  );

  test.each([
    ['signed first', signedCatalog(ACME), unsigned(vendorProduct(0, NEW_NAME)), 'b.json'],
    ['unsigned first', unsigned(vendorProduct(0, NEW_NAME)), signedCatalog(ACME), 'a.json'],
  ])(
    'of which one is unsigned, and which do not agree: catalog-unsigned (%s)',
    async (_order, first, second, bare) => {
      const { folder, load: both } = load(first, second);
      const failure = await failureOf(both);
      expect(failure.code).toBe('catalog-unsigned');
      expect(failure.message).toContain(`the unsigned catalog ${folder}/${bare} lists the activation ID`);
      expect(failure.hint).toBe(`Remove the unsigned catalog: ${folder}/${bare}`);
    },
  );
});
