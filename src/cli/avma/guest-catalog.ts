import { Command } from 'commander';
import { loadCatalog, readCatalogFile } from '../../catalog/catalog.ts';
import type { Product } from '../../catalog/product.ts';
import { printable } from '../../schema/printable.ts';
import { listFiles } from '../../storage/atomic-file.ts';
import type { Context } from './context.ts';
import { openGuest, refreshLicense } from './guest-open.ts';
import { say, writeData, writeJson } from './output.ts';
import type { Style } from './style.ts';
import { formatTable } from './table.ts';

interface JsonOption {
  readonly json?: boolean;
}

/** `avma guest catalog`: what `slmgr /ilc` does, with each mistake named. */
export function catalogCommand(context: Context): Command {
  const catalog = new Command('catalog').description(
    'Manage the product catalogs, which list what can be licensed',
  );
  catalog
    .command('add')
    .description('Install a catalog, as slmgr /ilc does')
    .argument('<file>', "the vendor's catalog")
    .option('--json', 'print the result as JSON')
    .action((file: string, { json }: JsonOption) => addCatalog(context, file, json === true));
  catalog
    .command('list')
    .description('List the installed catalogs and their products')
    .option('--json', 'print the list as JSON')
    .action(({ json }: JsonOption) => listCatalogs(context, json === true));
  catalog
    .command('check')
    .description('Check a catalog file without installing it')
    .argument('<file>', 'the catalog')
    .option('--json', 'print the result as JSON')
    .action((file: string, { json }: JsonOption) => checkCatalog(context, file, json === true));
  return catalog;
}

async function addCatalog(context: Context, file: string, json: boolean): Promise<void> {
  const products = readCatalogFile(file);
  const service = await openGuest(context);
  await service.installLicense(file);
  await refreshLicense(context);
  if (json) {
    writeJson('avma.guest-catalog-add/1', { file, products: products.map(productJson) });
    return;
  }
  say(
    `Installed the catalog ${file} with ${countOf(products)}: ${namesOf(products)}.`,
    'Next: avma guest install-key KEY',
  );
}

function listCatalogs(context: Context, json: boolean): void {
  const files = context.settings().guestCatalogFolders.flatMap((folder) => listFiles(folder, '.json'));
  const catalogs = files.map((file) => ({ file, products: readCatalogFile(file) }));
  if (json) {
    const entries = catalogs.map(({ file, products }) => ({ file, products: products.map(productJson) }));
    writeJson('avma.guest-catalog-list/1', { catalogs: entries });
    return;
  }
  writeData(catalogs.map((catalog) => formatCatalog(catalog, context.style)).join('\n\n'));
}

/** The file's path and its products. With the editions the rows would be wider than a terminal; `--json` has them. */
function formatCatalog(
  { file, products }: { readonly file: string; readonly products: readonly Product[] },
  style: Style,
): string {
  const rows = products.map(({ name, version, channel, activationId }) => [
    name,
    version,
    channel,
    activationId,
  ]);
  const table = formatTable(['NAME', 'VERSION', 'CHANNEL', 'ACTIVATION ID'], rows, style);
  return `${style.paint('strong', printable(file))}\n${table}`;
}

/** Checks the file itself, and that it agrees with the installed catalogs. */
function checkCatalog(context: Context, file: string, json: boolean): void {
  const products = readCatalogFile(file);
  loadCatalog(context.settings().guestCatalogFolders, { instead: file, read: file });
  if (json) {
    writeJson('avma.guest-catalog-check/1', { file, products: products.map(productJson) });
    return;
  }
  say(`${file} is a catalog with ${countOf(products)}: ${namesOf(products)}.`);
}

function namesOf(products: readonly Product[]): string {
  return products.map(({ name }) => `"${name}"`).join(', ');
}

function countOf(products: readonly Product[]): string {
  return products.length === 1 ? '1 product' : `${products.length} products`;
}

/** A product without its key. */
function productJson({ productKey: _productKey, ...product }: Product): object {
  return product;
}
