import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { LicenseStatus } from '../../src/guest/license-report.ts';
import { WINDOWS_APPLICATION_ID } from '../../src/policy/windows.ts';
import { createVendorCatalog, VENDOR_KEYS, vendorProduct } from '../support/catalogs.ts';
import { failureOf } from '../support/failures.ts';
import { signedCatalog, writeJsonFile } from '../support/signed-catalogs.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { createTestGuest, STANDARD_2012R2, type TestGuest } from '../support/test-guest.ts';
import { createTestHost } from '../support/test-host.ts';
import { testRoot } from '../support/vendor-documents.ts';

const { key } = STANDARD_2012R2;
const [FIRST = '', SECOND = ''] = VENDOR_KEYS;

/** A catalog file of that name; by default of another vendor than {@link vendorProduct}'s first. */
function writeCatalog(name: string, products: readonly object[] = [otherVendors()]): string {
  const file = path.join(tempFolder(), name);
  fs.writeFileSync(file, JSON.stringify({ schema: 'avma.catalog/1', products }));
  return file;
}

function otherVendors(change: object = {}): object {
  return vendorProduct(1, { applicationId: 'bbbbbbbb-0000-4000-8000-000000000000', ...change });
}

async function install(guest: TestGuest, file: string): Promise<string[]> {
  const service = await guest.open();
  await service.installLicense(file);
  const folder = path.join(guest.folder, 'catalog.d');
  return service
    .licenseFiles()
    .filter((one) => one.startsWith(folder))
    .map((one) => path.basename(one));
}

async function nameOf(guest: TestGuest, productKey: string): Promise<string | undefined> {
  const { products } = await (await guest.open()).look();
  return products.find(({ product }) => product.productKey === productKey)?.report.name;
}

describe('a catalog installed by the guest', () => {
  test("makes its keys known, and works the same as Microsoft's", async () => {
    const vendor = createVendorCatalog();
    const host = createTestHost({ catalog: vendor.catalog, certificate: { windows: null } });
    const guest = createTestGuest(host);
    await (await guest.open()).installLicense(vendor.file);
    await guest.installKey(FIRST);
    const product = vendor.catalog.productOfKey(FIRST);
    expect((await guest.look(product.activationId)).license.status).toBe(LicenseStatus.licensed);
  });

  test('that contradicts another is refused, and nothing is installed', async () => {
    const guest = createTestGuest(createTestHost());
    const file = path.join(guest.folder, 'evil.json');
    const contradicting = vendorProduct(0, { productKey: key });
    fs.writeFileSync(file, JSON.stringify({ schema: 'avma.catalog/1', products: [contradicting] }));
    const failure = await failureOf((await guest.open()).installLicense(file));
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toContain(file);
    await expect(guest.open()).resolves.toBeDefined();
    expect((await guest.open()).licenseFiles().filter((name) => name.endsWith('evil.json'))).toEqual([]);
  });

  test('replaces the one of the same name', async () => {
    const guest = createTestGuest(createTestHost());
    const first = createVendorCatalog([{ name: 'before' }]);
    const second = createVendorCatalog([{ name: 'after' }]);
    await (await guest.open()).installLicense(first.file);
    await (await guest.open()).installLicense(second.file);
    expect(await nameOf(guest, FIRST)).toBe('after');
  });

  test.each(['hidden', '.hidden.json', '.json'])(
    'is read afterwards, though its file is called %s',
    async (name) => {
      const guest = createTestGuest(createTestHost());
      const file = path.join(guest.folder, name);
      fs.copyFileSync(createVendorCatalog().file, file);
      await (await guest.open()).installLicense(file);
      expect(await nameOf(guest, FIRST)).toBe('Example Appliance 0');
    },
  );

  test('that is not there: file-not-found', async () => {
    const failure = await failureOf(
      (await createTestGuest(null).open()).installLicense('/no/such/file.json'),
    );
    expect(failure.code).toBe('file-not-found');
    expect(failure.hresult).toBe(0x80070002);
  });
});

describe('a catalog whose file has the name of an installed one', () => {
  test("is installed under a name of its own where it is another vendor's, and takes nothing away", async () => {
    const guest = createTestGuest(createTestHost());
    await install(guest, writeCatalog('products.json', [vendorProduct(0)]));
    await guest.installKey(FIRST);
    expect(await install(guest, writeCatalog('products.json'))).toEqual(['products-2.json', 'products.json']);
    expect([await nameOf(guest, FIRST), await nameOf(guest, SECOND)]).toEqual([
      'Example Appliance 0',
      'Example Appliance 1',
    ]);
  });

  test('and the same content changes nothing, under whichever name it is installed', async () => {
    const guest = createTestGuest(null);
    await install(guest, writeCatalog('products.json', [vendorProduct(0)]));
    await install(guest, writeCatalog('products.json'));
    const installed = path.join(guest.folder, 'catalog.d', 'products-2.json');
    const before = fs.statSync(installed).ino;
    expect(await install(guest, writeCatalog('products.json'))).toEqual(['products-2.json', 'products.json']);
    expect(fs.statSync(installed).ino).toBe(before);
  });

  test('and the same content changes nothing under another name either', async () => {
    const guest = createTestGuest(null);
    await install(guest, writeCatalog('products.json'));
    expect(await install(guest, writeCatalog('again.json'))).toEqual(['products.json']);
  });

  test("replaces the same vendor's, under whichever name that is installed", async () => {
    const guest = createTestGuest(null);
    await install(guest, writeCatalog('products.json', [vendorProduct(0)]));
    await install(guest, writeCatalog('products.json'));
    const newer = writeCatalog('products.json', [otherVendors({ name: 'Newer' })]);
    expect(await install(guest, newer)).toEqual(['products-2.json', 'products.json']);
    expect(await nameOf(guest, SECOND)).toBe('Newer');
  });

  test("replaces the same application's, also when no product of the old one is left", async () => {
    const guest = createTestGuest(null);
    await install(guest, writeCatalog('products.json', [vendorProduct(0)]));
    expect(await install(guest, writeCatalog('products.json', [vendorProduct(1)]))).toEqual([
      'products.json',
    ]);
    expect(await nameOf(guest, SECOND)).toBe('Example Appliance 1');
  });

  test('is not taken for the same vendor because both list products of Windows', async () => {
    const guest = createTestGuest(null);
    const windows = (nth: number) => vendorProduct(nth, { applicationId: WINDOWS_APPLICATION_ID });
    await install(guest, writeCatalog('products.json', [windows(0)]));
    expect(await install(guest, writeCatalog('products.json', [windows(1)]))).toEqual([
      'products-2.json',
      'products.json',
    ]);
  });
});

describe('the name of an installed catalog', () => {
  test('a file in the catalog folder under a name that is not read from there is installed under one that is', async () => {
    const guest = createTestGuest(null);
    const folder = path.join(guest.folder, 'catalog.d');
    fs.mkdirSync(folder);
    fs.copyFileSync(writeCatalog('a.json'), path.join(folder, 'a.txt'));
    expect(await install(guest, path.join(folder, 'a.txt'))).toEqual(['a.txt.json']);
    expect(await nameOf(guest, SECOND)).toBe('Example Appliance 1');
  });

  test('a catalog that lies in the folder already is installed', async () => {
    const guest = createTestGuest(null);
    const [name] = await install(guest, writeCatalog('a.json'));
    expect(await install(guest, path.join(guest.folder, 'catalog.d', name as string))).toEqual(['a.json']);
  });

  test('is cut where the file system would not take it', async () => {
    const guest = createTestGuest(null);
    const [name = ''] = await install(guest, writeCatalog(`${'ü'.repeat(120)}.json`));
    expect(name).toMatch(/^ü{50}\.json$/);
    expect(await nameOf(guest, SECOND)).toBe('Example Appliance 1');
  });

  test.each([
    ['a\nb.json', 'a_b.json'],
    ['\u202egnp.json', '_gnp.json'],
    ['..json', 'catalog.json'],
  ])('%j becomes %j', async (name, installed) => {
    expect(await install(createTestGuest(null), writeCatalog(name))).toEqual([installed]);
  });
});

test('a device as a catalog is an error, not a file without end', async () => {
  const service = await createTestGuest(null).open();
  expect((await failureOf(service.installLicense('/dev/zero'))).code).toBe('file-invalid');
});

describe('a signed catalog', () => {
  const ACME = testRoot('Acme');
  const OTHER = testRoot('Other');

  /** Installs one file after the other, each under that name in a folder of its own. */
  async function installAll(guest: TestGuest, ...contents: readonly unknown[]): Promise<string[]> {
    const outcomes: string[] = [];
    for (const content of contents) {
      const service = await guest.open();
      outcomes.push((await service.installLicense(writeJsonFile(content))).outcome);
    }
    return outcomes;
  }

  async function vendorOf(guest: TestGuest, productKey: string): Promise<string | undefined> {
    const { products } = await (await guest.open()).look();
    return products.find(({ product }) => product.productKey === productKey)?.product.vendor?.keyId;
  }

  test('takes the place of an unsigned one with the same products, under whichever name that is installed', async () => {
    const guest = createTestGuest(null);
    await install(guest, writeCatalog('acme.json', [vendorProduct(0)]));
    const signed = writeJsonFile(signedCatalog(ACME, [{}, {}]), tempFolder(), 'acme.catalog.json');
    expect(await install(guest, signed)).toEqual(['acme.json']);
    expect(await vendorOf(guest, FIRST)).toBe(ACME.keyId);
  });

  test('leaves an unsigned one alone that lists more than its own products', async () => {
    const guest = createTestGuest(null);
    await install(guest, writeCatalog('all.json', [vendorProduct(0), vendorProduct(1)]));
    const signed = writeJsonFile(signedCatalog(ACME), tempFolder(), 'acme.json');
    expect(await install(guest, signed)).toEqual(['acme.json', 'all.json']);
  });

  test('is not replaced by an unsigned one: catalog-unsigned, and nothing has changed', async () => {
    const guest = createTestGuest(null);
    await installAll(guest, signedCatalog(ACME));
    const file = writeCatalog('acme.json', [vendorProduct(0, { name: 'Free' })]);
    expect(await failureOf((await guest.open()).installLicense(file))).toMatchObject({
      code: 'catalog-unsigned',
      message: expect.stringContaining(`the catalog ${file} is unsigned`),
    });
    expect(await nameOf(guest, FIRST)).toBe('Example Appliance 0');
  });

  test('is replaced by a newer one, and an older one changes nothing', async () => {
    const guest = createTestGuest(null);
    const [older, newer] = [signedCatalog(ACME, [{}], 1), signedCatalog(ACME, [{ name: 'Newer' }], 2)];
    expect(await installAll(guest, older, newer, older, newer)).toEqual([
      'installed',
      'replaced',
      'older',
      'present',
    ]);
    expect(await nameOf(guest, FIRST)).toBe('Newer');
  });

  test("does not take another vendor's product: catalog-foreign, and nothing is installed", async () => {
    const guest = createTestGuest(null);
    await installAll(guest, signedCatalog(ACME));
    const failure = await failureOf(installAll(guest, signedCatalog(OTHER, [{}], 10 ** 12)));
    expect(failure.code).toBe('catalog-foreign');
    expect(await vendorOf(guest, FIRST)).toBe(ACME.keyId);
  });

  test('gives the graces: an unsigned file that grants more is refused', async () => {
    const guest = createTestGuest(null);
    await installAll(guest, signedCatalog(ACME, [{ additionalGraceDays: 3 }]));
    const generous = writeCatalog('z.json', [vendorProduct(0, { additionalGraceDays: 3650 })]);
    expect((await failureOf((await guest.open()).installLicense(generous))).code).toBe('catalog-unsigned');
  });
});
