import { Command } from 'commander';
import { HoldingsReader } from '../../../host/holdings/holdings-reader.ts';
import { removeLicense } from '../../../host/holdings/install.ts';
import { openHost } from '../../../host/host-store.ts';
import { seatsFromLedger } from '../../../host/presence/seen-guests.ts';
import { heldLicenseJson, licenseState } from '../../../host/status/held-documents.ts';
import type { CustomerLicense } from '../../../protocol/customer-license.ts';
import { featureText } from '../../../protocol/features.ts';
import { counted } from '../../../schema/counted.ts';
import { formatMinute } from '../../../schema/format-time.ts';
import type { Context } from '../context.ts';
import { say, writeData, writeJson } from '../output.ts';
import { formatTable } from '../table.ts';
import { seatsCell, stateCell } from './holdings-text.ts';
import { gapWarnings, type InstallOptions, installFiles } from './install.ts';
import { type LedgerFlag, ledgerOption, withLedger } from './ledger-option.ts';

interface ListOptions extends LedgerFlag {
  readonly json?: boolean;
}

/** `avma host license`. */
export function licenseCommand(context: Context): Command {
  const license = new Command('license').description(
    'Manage the licenses that vendors sold to this host; a running host takes changes at once',
  );
  license
    .command('add')
    .description('Install licenses, beside those that the host has')
    .argument('<file...>', 'files from avma vendor license new; - for stdin')
    .option('--dry-run', 'say whether they could be installed, and install nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
A license that begins later lies beside the present one until it is due; only a gap is warned of.
One that has ended keeps nothing from being installed.

Examples:
  avma host license add bank.license.json
  avma host license add bank.license.json --dry-run`,
    )
    .action((files: string[], options: InstallOptions) => addLicenses(context, files, options));
  license
    .command('list')
    .description('List the licenses, with the guests that use them')
    .option('--json', 'print the list as JSON')
    .addOption(ledgerOption())
    .action((options: ListOptions) => listLicenses(context, options));
  license
    .command('remove')
    .description('Remove a license; guests that were activated by it keep it until their leases end')
    .argument('<license-id>', 'the ID that avma host license list shows')
    .option('--dry-run', 'say which one it is, and remove nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Example:
  avma host license remove 4a831847e5a019f3`,
    )
    .action((id: string, options: InstallOptions) => remove(context, id, options));
  return license;
}

async function addLicenses(
  context: Context,
  files: readonly string[],
  { dryRun = false, json }: InstallOptions,
): Promise<void> {
  const now = Date.now();
  const installation = await installFiles(context, 'license', files, dryRun);
  const licenses = installation.installed.flatMap(({ given, outcome }) =>
    given.kind === 'license' ? [{ outcome, license: given.content.license }] : [],
  );
  const ids = licenses.map(({ license }) => license.licenseId);
  const warnings = gapWarnings(installation, 'license', ids, now);
  if (json === true) {
    const shown = licenses.map(({ outcome, license }) => ({ outcome, ...licenseJson(license) }));
    writeJson('avma.host-license-add/1', { dryRun, licenses: shown, warnings });
    return;
  }
  const said = { taken: dryRun ? 'can be installed' : 'is installed', present: 'is there already' };
  say(
    ...licenses.map(({ outcome, license }) => `${licenseText(license)} ${said[outcome]}.`),
    ...warnings.map((warning) => `Warning: ${warning}`),
    ...(dryRun ? ['Nothing was changed.'] : []),
  );
}

/** `License 0011223344556677 of "Bank Ltd" for "Acme Gateway" (vpn, throughput=10; 50 guests), ... to ...,`. */
function licenseText({
  licenseId,
  customer,
  product,
  features,
  guests,
  notBefore,
  notAfter,
}: CustomerLicense) {
  const grants = [
    features.map(featureText).join(', '),
    guests === null ? '' : counted(guests, 'guest'),
  ].filter((text) => text !== '');
  const granted = grants.length === 0 ? '' : ` (${grants.join('; ')})`;
  return `License ${licenseId} of "${customer}" for "${product.name}"${granted}, ${formatMinute(notBefore)} to ${formatMinute(notAfter)},`;
}

function licenseJson({ licenseId, customer, product }: CustomerLicense) {
  return { licenseId, customer, product };
}

async function listLicenses(context: Context, options: ListOptions): Promise<void> {
  const { json } = options;
  const folder = context.settings().hostFolder;
  const now = Date.now();
  const host = openHost(folder);
  const holdings = new HoldingsReader(folder, host).current;
  const seats = await withLedger(context, host, options, (reader) => seatsFromLedger(reader, now));
  if (json === true) {
    const licenses = holdings.licenses.map((held) =>
      heldLicenseJson(held, holdings, { used: seats.guestsOf(held.license.licenseId, now), now }),
    );
    writeJson('avma.host-license-list/1', { licenses });
    return;
  }
  if (holdings.licenses.length === 0) {
    say('This host has no license. Add one: avma host license add FILE');
    return;
  }
  const rows = holdings.licenses.map(({ license }) => [
    license.licenseId,
    license.customer,
    license.product.name,
    license.features.map(featureText).join(', '),
    formatMinute(license.notAfter),
    seatsCell(seats.guestsOf(license.licenseId, now), license.guests),
    stateCell(licenseState(license, holdings, now), license, now),
  ]);
  writeData(
    formatTable(
      ['LICENSE', 'CUSTOMER', 'PRODUCT', 'FEATURES', 'UNTIL', 'GUESTS', 'STATE'],
      rows,
      context.style,
    ),
  );
}

async function remove(context: Context, id: string, { dryRun = false, json }: InstallOptions): Promise<void> {
  const { license } = await removeLicense(context.settings().hostFolder, id, dryRun);
  if (json === true) {
    writeJson('avma.host-license-remove/1', { dryRun, license: licenseJson(license) });
    return;
  }
  const what = `License ${id} of "${license.customer}" for "${license.product.name}"`;
  say(dryRun ? `${what} would be removed. Nothing was changed.` : `${what} was removed.`);
}
