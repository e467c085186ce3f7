import path from 'node:path';
import { Command, Option } from 'commander';
import { loadCatalog } from '../../../catalog/catalog.ts';
import { AvmaError } from '../../../errors/avma-error.ts';
import { HOST_EDITIONS } from '../../../policy/windows.ts';
import {
  HOST_LICENSING,
  type HostCertificate,
  type HostLicensing,
} from '../../../protocol/host-certificate.ts';
import { compareVersions } from '../../../schema/version.ts';
import type { Grant } from '../../../vendor/certify-host.ts';
import { isFolder } from '../../../vendor/certify-many.ts';
import { MAX_GRACE_DAYS } from '../../../vendor/grant-dates.ts';
import { parseCustomer, parseSite } from '../../../vendor/new-license.ts';
import type { Context } from '../context.ts';
import { parseDate, parseWholeNumber } from '../option-values.ts';
import { certifyRequests } from './certify-many.ts';
import { type CertifyOrder, certifyRequest } from './certify-one.ts';
import { addRootOptions, openRoot, type RootOptions } from './root.ts';
import { addSignedOutputOptions, type SignedOutputOptions } from './signed-output.ts';

/** What a host with Windows is certified for where an option leaves it open. */
const DEFAULT_EDITION = 'ServerDatacenter';
const DEFAULT_LICENSING: HostLicensing = 'MAK';
const DEFAULT_DAYS = '365';
const DEFAULT_GRACE_DAYS = '14';
const MAX_DAYS = 36_500;

interface CertifyOptions extends RootOptions, SignedOutputOptions {
  readonly days: string;
  readonly graceDays: string;
  readonly from?: string;
  readonly customer?: string;
  readonly site?: string;
  readonly edition?: string;
  readonly osVersion?: string;
  readonly licensing?: HostLicensing;
  /** The option's earlier name. */
  readonly channel?: HostLicensing;
  readonly allowAnyEdition?: boolean;
}

/** `avma vendor certify`. */
export function certifyCommand(context: Context): Command {
  const command = addRootOptions(
    new Command('certify')
      .description('Sign certificates for hosts, and show what was signed')
      .argument('<request...>', 'requests from avma host request, or folders with them; - for stdin'),
  )
    .option('--days <number>', 'how long the certificate is valid', DEFAULT_DAYS)
    .option(
      '--grace-days <number>',
      'how many days the host goes on to approve after that, with a notice',
      DEFAULT_GRACE_DAYS,
    )
    .option('--from <date>', 'its first day (default: now)')
    .option(
      '--customer <name>',
      'the customer that the host belongs to; licenses of other customers do not count on it',
    )
    .option('--site <id>', "the host's site (default: what its request says)");
  addWindowsOptions(command).option(
    '--out <path>',
    'a new file for the certificate; for several requests, a folder',
  );
  return addSignedOutputOptions(command)
    .addHelpText(
      'after',
      () => `
Without --out, the certificate goes to stdout, and what was signed is shown on stderr.
Guests with Windows need a host of the edition ${HOST_EDITIONS.join(' or ')};
other vendors' products ask for none of the options about Windows.
Newest version in the packaged catalog: ${newestVersion(context)}.
Exit status for several requests: 0 all are certified, 1 at least one is not.

Examples:
  avma vendor certify request.json --key v/root.key --customer "Bank Ltd" > certificate.json
  avma vendor certify requests/ --key v/root.key --days 90 --out certificates
  avma vendor certify request.json --key v/root.key --edition ${DEFAULT_EDITION} > certificate.json`,
    )
    .action((requests: string[], options: CertifyOptions) => certify(context, requests, options));
}

function addWindowsOptions(command: Command): Command {
  return (
    command
      .option(
        '--edition <edition>',
        `the edition of Windows on the host; it may then activate guests with Windows (for example ${DEFAULT_EDITION})`,
      )
      .option(
        '--os-version <version>',
        'the newest version of Windows that the host may activate, for example 10.0.26100 (with --edition: the newest that the packaged catalog lists)',
      )
      .addOption(
        new Option(
          '--licensing <licensing>',
          `how Windows on the host is licensed (with --edition: ${DEFAULT_LICENSING})`,
        ).choices(HOST_LICENSING),
      )
      // The option's earlier name; scripts that use it go on working.
      .addOption(new Option('--channel <licensing>').choices(HOST_LICENSING).hideHelp())
      .option('--allow-any-edition', 'also sign an edition that may not activate guests')
  );
}

async function certify(
  context: Context,
  requests: readonly string[],
  options: CertifyOptions,
): Promise<void> {
  const now = Date.now();
  const grant = grantOf(context, options);
  const [request = '-'] = requests;
  const many = requests.length > 1 || isFolder(request) || namesFolder(options.out);
  if (many && options.out === undefined && options.dryRun !== true) {
    throw new AvmaError('argument-invalid', 'several certificates cannot go to stdout', {
      hint: 'Name a folder for them: --out certificates.',
    });
  }
  // The arguments before the key: nobody should have to type a passphrase for a mistake.
  const order: CertifyOrder = { grant, options, openRoot: () => openRoot(options), now };
  if (many) await certifyRequests(context, requests, order);
  else await certifyRequest(request, order);
}

function namesFolder(out: string | undefined): boolean {
  return out !== undefined && (/[/\\]$/.test(out) || isFolder(out));
}

function grantOf(context: Context, options: CertifyOptions): Grant {
  const { customer, site, from, days, graceDays, allowAnyEdition } = options;
  return {
    windows: windowsOf(context, options),
    anyEdition: allowAnyEdition === true,
    from: from === undefined ? undefined : parseDate('--from', from, 'first'),
    days: parseWholeNumber('--days', days, 1, MAX_DAYS),
    graceDays: parseWholeNumber('--grace-days', graceDays, 0, MAX_GRACE_DAYS),
    customer: customer === undefined ? null : parseCustomer(customer),
    site: site === undefined ? undefined : parseSite(site),
  };
}

/** What the certificate says of Windows: nothing, unless one of the options about it is given. */
function windowsOf(
  context: Context,
  { edition, osVersion, licensing, channel }: CertifyOptions,
): HostCertificate['windows'] {
  const given = [edition, osVersion, licensing, channel].some((option) => option !== undefined);
  if (!given) return null;
  return {
    edition: edition ?? DEFAULT_EDITION,
    osVersion: osVersion ?? newestVersion(context),
    licensing: channel ?? licensing ?? DEFAULT_LICENSING,
  };
}

/** The newest version of a product in the catalogs that come with the package. */
function newestVersion({ launcher }: Context): string {
  const { products } = loadCatalog([path.join(launcher.packageRoot, 'keys')]);
  return products.map(({ version }) => version).reduce((a, b) => (compareVersions(a, b) < 0 ? b : a));
}
