import { Command } from 'commander';
import { loadCatalog } from '../../../catalog/catalog.ts';
import { type LoadedCatalog, readCatalogFile } from '../../../catalog/catalog-file.ts';
import type { CatalogInstallation } from '../../../catalog/catalog-installation.ts';
import { loadTrust } from '../../../guest/trust/trust-reader.ts';
import { areOfOneVendor } from '../../../protocol/vendor-trust.ts';
import { printable } from '../../../schema/printable.ts';
import { listFiles } from '../../../storage/atomic-file.ts';
import { catalogJson, countProducts, productNames, signerText } from '../catalog-text.ts';
import type { Context } from '../context.ts';
import { misplaced, readAs } from '../file-kinds.ts';
import { say, writeData, writeJson } from '../output.ts';
import type { Style } from '../style.ts';
import { formatTable } from '../table.ts';
import { openGuest, refreshLicense } from './open.ts';

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
    .argument('<file>', "the vendor's catalog, signed or unsigned")
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
The products of a signed catalog are licensed by hosts of its vendor only. A newer one takes its
place, an older one changes nothing, and an unsigned one of the same products is refused.

Example:
  avma guest catalog add acme.catalog.json`,
    )
    .action((file: string, { json }: JsonOption) => addCatalog(context, file, json === true));
  catalog
    .command('list')
    .description('List the installed catalogs, who signed them, and their products')
    .option('--json', 'print the list as JSON')
    .action(({ json }: JsonOption) => listCatalogs(context, json === true));
  catalog
    .command('check')
    .description('Check a catalog file without installing it')
    .argument('<file>', 'the catalog')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Example:
  avma guest catalog check acme.catalog.json`,
    )
    .action((file: string, { json }: JsonOption) => checkCatalog(context, file, json === true));
  return catalog;
}

async function addCatalog(context: Context, file: string, json: boolean): Promise<void> {
  const service = await openGuest(context);
  const {
    outcome,
    file: installed,
    catalog,
  } = await service.installLicense(file).catch((thrown) => {
    throw misplaced(thrown, file, 'catalog');
  });
  await refreshLicense(context);
  if (json) {
    writeJson('avma.guest-catalog-add/1', { file, outcome, installed, ...catalogJson(catalog) });
    return;
  }
  say(
    outcomeText(file, { outcome, file: installed, catalog }),
    signerText(catalog, loadTrust(context.settings())),
    ...(outcome === 'older' ? [] : ['Next: avma guest install-key KEY']),
  );
}

function outcomeText(file: string, { outcome, file: installed, catalog }: CatalogInstallation): string {
  const what = `the catalog ${file} with ${countProducts(catalog)}: ${productNames(catalog)}`;
  switch (outcome) {
    case 'installed':
    case 'replaced':
      return `Installed ${what}.`;
    case 'present':
      return `Nothing to do: ${installed} is ${what}.`;
    case 'older':
      return `Nothing was changed: ${installed} is a newer catalog of the same vendor than ${file}.`;
  }
}

function listCatalogs(context: Context, json: boolean): void {
  const files = context.settings().guestCatalogFolders.flatMap((folder) => listFiles(folder, '.json'));
  const catalogs = files.map((file) => ({ file, catalog: readCatalogFile(file) }));
  if (json) {
    const entries = catalogs.map(({ file, catalog }) => ({ file, ...catalogJson(catalog) }));
    writeJson('avma.guest-catalog-list/1', { catalogs: entries });
    return;
  }
  writeData(catalogs.map(({ file, catalog }) => formatCatalog(file, catalog, context.style)).join('\n\n'));
}

/** The file's path and its products. With the editions the rows would be wider than a terminal; `--json` has them. */
function formatCatalog(file: string, { vendor, products }: LoadedCatalog, style: Style): string {
  const rows = products.map(({ name, version, channel, activationId }) => [
    name,
    version,
    channel,
    activationId,
  ]);
  const table = formatTable(['NAME', 'VERSION', 'CHANNEL', 'ACTIVATION ID'], rows, style);
  const signer = vendor === null ? 'unsigned' : `signed by "${printable(vendor.name)}" (${vendor.keyId})`;
  return `${style.paint('strong', printable(file))}\n${signer}\n${table}`;
}

/** Checks the file itself, and that it agrees with the installed catalogs. */
function checkCatalog(context: Context, file: string, json: boolean): void {
  const catalog = readAs(file, ['catalog'], () => readCatalogFile(file));
  const settings = context.settings();
  const trust = loadTrust(settings);
  loadCatalog(settings.guestCatalogFolders, {
    candidate: { instead: file, file, catalog },
    sameVendor: (a, b) => areOfOneVendor(trust, a, b),
  });
  if (json) {
    writeJson('avma.guest-catalog-check/1', { file, ...catalogJson(catalog) });
    return;
  }
  say(
    `${file} is a catalog with ${countProducts(catalog)}: ${productNames(catalog)}.`,
    signerText(catalog, trust),
  );
}
