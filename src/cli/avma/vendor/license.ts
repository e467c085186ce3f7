import { Command, Option } from 'commander';
import type { LoadedProduct } from '../../../catalog/product.ts';
import { PRODUCT_ARGUMENT, resolveProduct } from '../../../catalog/product-name.ts';
import { AvmaError } from '../../../errors/avma-error.ts';
import { type CustomerLicense, OVERAGES, openCustomerLicense } from '../../../protocol/customer-license.ts';
import { customerLicenseJson } from '../../../protocol/document-json.ts';
import { DocumentEnvelope, PAYLOAD_TYPES, parseJson } from '../../../protocol/envelope.ts';
import { validityState } from '../../../schema/validity.ts';
import { licensableProducts } from '../../../vendor/catalogs-beside.ts';
import { grantDates, MAX_GRACE_DAYS } from '../../../vendor/grant-dates.ts';
import { newLicense } from '../../../vendor/new-license.ts';
import { signAndLog } from '../../../vendor/sign-and-log.ts';
import { readRootSet } from '../../../vendor/trust-chain.ts';
import { identityOf, type VendorRoot } from '../../../vendor/trust-root.ts';
import { readVendorLogIfAny } from '../../../vendor/vendor-log.ts';
import type { Context } from '../context.ts';
import { licenseFields } from '../customer-license-text.ts';
import { readAs } from '../file-kinds.ts';
import { readInput } from '../input.ts';
import { collectTexts, parseDate, parseWholeNumber } from '../option-values.ts';
import { say, writeData, writeJson } from '../output.ts';
import { formatFields } from '../table.ts';
import { addRootOptions, openRoot, type RootOptions } from './root.ts';
import {
  addSignedOutputOptions,
  refuseExisting,
  refuseMixedOutput,
  type SignedOutputOptions,
  saySigned,
  writeSigned,
} from './signed-output.ts';

const DEFAULT_GRACE_DAYS = '14';
const MAX_GUESTS = 1_000_000_000;

/** The most customers that a message lists. */
const MAX_NAMES = 12;

interface NewOptions extends RootOptions, SignedOutputOptions {
  readonly customer: string;
  readonly product: string;
  readonly catalog?: string;
  readonly feature: readonly string[];
  readonly guests?: string;
  readonly overage?: CustomerLicense['overage'];
  readonly from?: string;
  readonly until: string;
  readonly graceDays: string;
  readonly site: readonly string[];
  readonly host: readonly string[];
}

/** `avma vendor license`. */
export function vendorLicenseCommand(context: Context): Command {
  const license = new Command('license').description('Sign licenses for customers, and show them');
  license.addCommand(newCommand());
  license
    .command('show')
    .description('Show what a license grants, and check that its vendor signed it')
    .argument('<file>', 'the license; - for stdin')
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      `
Example:
  avma vendor license show bank.license.json`,
    )
    .action((file: string, options: { json?: boolean }) => show(context, file, options.json === true));
  return license;
}

function newCommand(): Command {
  const command = addRootOptions(
    new Command('new').description(
      'Sign a license for a customer; it goes to stdout, and what was signed is shown on stderr',
    ),
  )
    .requiredOption('--customer <name>', "the customer, as in the certificates of the customer's hosts")
    .requiredOption('--product <product>', PRODUCT_ARGUMENT)
    .option('--catalog <file>', 'the catalog that lists it (default: those signed with this key before)')
    .option(
      '--feature <name[=number]>',
      'a feature that it grants; may be given several times',
      collectTexts,
      [],
    )
    .option('--guests <number>', 'how many guests may be licensed by it (default: any number)')
    .addOption(
      new Option('--overage <what>', 'what a host does with more guests (default: report)').choices(OVERAGES),
    )
    .requiredOption('--until <date>', 'the last day of the license, 2027-12-31 for example, in UTC')
    .option(
      '--grace-days <number>',
      'how many days it goes on to count after that, with a notice',
      DEFAULT_GRACE_DAYS,
    )
    .option('--from <date>', 'its first day (default: now)')
    .option('--site <id>', 'only hosts of this site; may be given several times', collectTexts, [])
    .option('--host <hardware-id>', 'only this host; may be given several times', collectTexts, [])
    .option('--out <file>', 'write the license to this new file instead of stdout');
  return addSignedOutputOptions(command)
    .addHelpText(
      'after',
      `
Example:
  avma vendor license new --key v/root.key --customer "Bank Ltd" --product acme-gateway \\
    --feature vpn --feature throughput=10 --guests 50 --until 2027-12-31 > bank.license.json`,
    )
    .action(signNew);
}

async function signNew(options: NewOptions): Promise<void> {
  refuseMixedOutput(options, 'license');
  refuseExisting(options);
  const now = Date.now();
  // The arguments before the key: nobody should have to type a passphrase for a mistake.
  const validity = grantDates(
    {
      from: options.from === undefined ? undefined : parseDate('--from', options.from, 'first'),
      until: parseDate('--until', options.until, 'last'),
      graceDays: parseWholeNumber('--grace-days', options.graceDays, 0, MAX_GRACE_DAYS),
    },
    '--until',
    now,
  );
  const guests =
    options.guests === undefined ? null : parseWholeNumber('--guests', options.guests, 1, MAX_GUESTS);
  if (guests === null && options.overage !== undefined) {
    throw new AvmaError('argument-invalid', '--overage says what to do above --guests, which is not given');
  }
  const root = await openRoot(options);
  const license = newLicense(
    {
      customer: options.customer,
      product: findProduct(root, options),
      hosts: options.host,
      sites: options.site,
      features: options.feature,
      guests,
      overage: options.overage ?? 'report',
      validity,
    },
    identityOf(root),
    now,
  );
  if (options.dryRun === true) return showSigned(license, root, options);
  const envelope = await signAndLog(root, PAYLOAD_TYPES.license, license, now);
  if (options.out !== undefined) writeSigned(envelope, options.out);
  await showSigned(license, root, options);
  if (options.out === undefined) writeSigned(envelope, undefined);
}

/** @throws {AvmaError} `argument-invalid` with the products that there are; `catalog-foreign`. */
function findProduct(root: VendorRoot, { product, catalog }: NewOptions): LoadedProduct {
  const products = licensableProducts(root.folder, catalog);
  if (products.length === 0 && catalog === undefined) {
    throw new AvmaError('argument-invalid', `no catalog was signed with the key in ${root.folder} yet`, {
      hint: 'Sign one first, avma vendor catalog sign FILE --key root.key, or name one: --catalog FILE.',
    });
  }
  const found = resolveProduct(products, product);
  const { vendor } = found;
  if (vendor === null) return found;
  const { roots, retiredRoots } = readRootSet(root, readVendorLogIfAny(root.logFile));
  if ([...roots, ...retiredRoots].includes(vendor.publicKey)) return found;
  throw new AvmaError(
    'catalog-foreign',
    `"${found.name}" is a product of "${vendor.name}", signed with the key ${vendor.keyId}`,
    { hint: 'License your own products: no guest would take this license.' },
  );
}

/**
 * Says so where nobody of that name has a certified host: names are compared to the letter, and a slip would show on
 * the customer's host only.
 */
function sayUnknownCustomer({ customer }: CustomerLicense, root: VendorRoot): void {
  const certified = new Set(
    readVendorLogIfAny(root.logFile)
      .filter(({ payloadType }) => payloadType === PAYLOAD_TYPES.hostCertificate)
      .flatMap(({ statement }) => (typeof statement['customer'] === 'string' ? [statement['customer']] : [])),
  );
  if (certified.size === 0 || certified.has(customer)) return;
  const names = [...certified].slice(0, MAX_NAMES).map((name) => `"${name}"`);
  const more = certified.size > MAX_NAMES ? ` and ${certified.size - MAX_NAMES} more` : '';
  say(`No host was certified for "${customer}" yet. Hosts were certified for ${names.join(', ')}${more}.`);
}

async function showSigned(
  license: CustomerLicense,
  root: VendorRoot,
  { json, out, dryRun }: NewOptions,
): Promise<void> {
  if (json === true) {
    const file = dryRun === true ? null : (out ?? null);
    writeJson('avma.vendor-license-new/1', {
      signed: dryRun !== true,
      file,
      license: customerLicenseJson(license),
    });
    return;
  }
  await saySigned(licenseFields(license), dryRun);
  sayUnknownCustomer(license, root);
  if (dryRun !== true) {
    say(`Next: on each host of the customer's, avma host license add ${out ?? 'LICENSE'}`);
  }
}

function readLicense(file: string): CustomerLicense {
  const envelope = DocumentEnvelope.safeParse(parseJson(readInput(file)));
  if (envelope.success) return openCustomerLicense(envelope.data);
  throw new AvmaError('license-invalid', `${file} is not a license`, {
    hint: `See what it is: avma inspect ${file}`,
  });
}

function show({ style }: Context, file: string, json: boolean): void {
  const license = readAs(file, ['license'], () => readLicense(file));
  const state = validityState(license, Date.now());
  if (json) {
    writeJson('avma.vendor-license-show/1', { state, license: customerLicenseJson(license) });
    return;
  }
  writeData(formatFields([...licenseFields(license), ['Now', STATE_TEXT[state]]], style));
}

const STATE_TEXT = {
  'not yet valid': 'not valid yet',
  valid: 'valid',
  'in grace': 'in its renewal grace',
  ended: 'ended',
} as const;
