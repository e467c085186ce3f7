import { Command } from 'commander';
import { AvmaError } from '../../../errors/avma-error.ts';
import { counted } from '../../../schema/counted.ts';
import { addProduct, type NewProduct } from '../../../vendor/catalog-source.ts';
import { STDERR } from '../../terminal.ts';
import { readAs } from '../file-kinds.ts';
import { say, writeData, writeJson, writeTalk } from '../output.ts';
import { styleFor } from '../style.ts';
import { type Field, formatFields } from '../table.ts';

interface AddOptions {
  readonly catalog: string;
  readonly name: string;
  readonly productVersion: string;
  readonly edition?: string;
  readonly description?: string;
  readonly initialGraceDays?: number;
  readonly additionalGraceDays?: number;
  readonly requiresLicense?: boolean;
  readonly addOn?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `avma vendor product`. */
export function productCommand(): Command {
  const product = new Command('product').description("Describe the vendor's products");
  product
    .command('add')
    .description('Add a product to a catalog file: makes its key and its IDs, and prints the key')
    .requiredOption('--catalog <file>', 'the unsigned catalog; made if it is not there')
    .requiredOption('--name <name>', 'as users read it, for example "Acme Gateway"')
    .requiredOption('--product-version <version>', "in your own numbers, for example '3.2' or '2026.1-rc1'")
    .option('--edition <short-name>', 'the name for commands and scripts (default: made from --name)')
    .option('--description <text>', 'as slmgr shows it (default: the name)')
    .option('--initial-grace-days <days>', 'how long it runs before it is activated (default: 30)', days)
    .option('--additional-grace-days <days>', 'how long it runs after a lease has ended (default: 0)', days)
    .option('--requires-license', 'activate it only with a customer license of yours')
    .option('--add-on', 'its key stands beside that of another product, and does not take its place')
    .option('--dry-run', 'show what would be added, and write nothing')
    .option('--json', 'print the product as JSON')
    .addHelpText(
      'after',
      `
The key names the product, and is the same for all customers. It licenses nothing by itself.

Examples:
  avma vendor product add --catalog acme.json --name "Acme Gateway" --product-version 3.2
  avma vendor product add --catalog acme.json --name "Acme Audit" --product-version 1.0 \\
    --add-on --requires-license --initial-grace-days 0`,
    )
    .action(add);
  return product;
}

async function add({ catalog, productVersion, addOn, dryRun, json, ...rest }: AddOptions): Promise<void> {
  const wanted: NewProduct = { ...rest, version: productVersion, isAddon: addOn };
  const { product, created, sameName } = readAs(catalog, ['catalog'], () =>
    addProduct(catalog, wanted, dryRun === true),
  );
  if (json === true) {
    writeJson('avma.vendor-product-add/1', { file: catalog, created, added: dryRun !== true, product });
    return;
  }
  const fields: Field[] = [
    ['Short name', product.edition],
    ['Activation ID', product.activationId],
    ['Application ID', product.applicationId],
    ['Initial grace', counted(product.initialGraceDays, 'day')],
    ['Additional grace', counted(product.additionalGraceDays, 'day')],
    ['Customer license', product.requiresLicense ? 'required' : 'not required'],
  ];
  const table = formatFields(fields, await styleFor(STDERR));
  const what = `"${product.name}" ${product.version}`;
  say(
    dryRun === true
      ? `${what} would be added to ${catalog}:`
      : `Added ${what} to ${catalog}${created ? ', which is new' : ''}:`,
  );
  writeTalk(
    table
      .split('\n')
      .map((line) => `  ${line}`)
      .join('\n'),
  );
  if (sameName > 0) {
    const others = counted(sameName, 'other product');
    say(
      `Note: ${others} of the catalog ${sameName === 1 ? 'has' : 'have'} this short name: it does not name one of them alone. --edition gives another.`,
    );
  }
  if (dryRun === true) return;
  say(
    `Next: avma vendor catalog sign ${catalog} --key root.key > ${signedName(catalog)}`,
    "The product's key:",
  );
  writeData(product.productKey);
}

/** `acme.catalog.json` for `acme.json`. */
function signedName(file: string): string {
  return `${file.replace(/\.json$/, '')}.catalog.json`;
}

/** @throws {AvmaError} `argument-invalid`. */
function days(text: string): number {
  if (/^\d{1,4}$/.test(text) && Number(text) <= 3650) return Number(text);
  throw new AvmaError('argument-invalid', `"${text}" is not a whole number of days from 0 to 3650`);
}
