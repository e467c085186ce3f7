import { Command } from 'commander';
import { HoldingsReader } from '../../../host/holdings/holdings-reader.ts';
import { openHost } from '../../../host/host-store.ts';
import { hostVendorJson } from '../../../host/status/held-documents.ts';
import { keyIdOf } from '../../../protocol/vendor-trust.ts';
import type { Context } from '../context.ts';
import { say, writeData, writeJson } from '../output.ts';
import { formatTable } from '../table.ts';
import { addDocumentCommand } from './add-document.ts';
import type { InstallOptions } from './install.ts';

/** `avma host trust`. */
export function hostTrustCommand(context: Context): Command {
  const trust = new Command('trust').description(
    'Manage the trust updates of vendors who have replaced their roots; the host hands them on to its guests',
  );
  trust.addCommand(
    addDocumentCommand(context, {
      kind: 'trust-update',
      schema: 'avma.host-trust-add/1',
      about: "the vendor's trust-update.json; - for stdin",
      notes: `Updates are taken version by version, none left out.

Example:
  avma host trust add trust-update.json`,
    }),
  );
  trust
    .command('list')
    .description('List the vendors who certified this host, with their roots')
    .option('--json', 'print them as JSON')
    .action((options: InstallOptions) => listVendors(context, options));
  return trust;
}

function listVendors(context: Context, { json }: InstallOptions): void {
  const folder = context.settings().hostFolder;
  const { vendors } = new HoldingsReader(folder, openHost(folder)).current;
  if (json === true) {
    writeJson('avma.host-trust-list/1', { vendors: vendors.map(hostVendorJson) });
    return;
  }
  if (vendors.length === 0) {
    say('No vendor has certified this host. Have it certified: avma host request');
    return;
  }
  const rows = vendors.map(({ name, roots, retiredRoots, trustVersion }) => [
    name,
    `${trustVersion}`,
    roots.map(({ keyId }) => keyId).join(' '),
    retiredRoots.map(keyIdOf).join(' '),
  ]);
  writeData(formatTable(['VENDOR', 'VERSION', 'ROOTS', 'RETIRED ROOTS'], rows, context.style));
}
