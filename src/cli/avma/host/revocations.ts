import { Command } from 'commander';
import { HoldingsReader } from '../../../host/holdings/holdings-reader.ts';
import { openHost } from '../../../host/host-store.ts';
import { hostVendorJson } from '../../../host/status/held-documents.ts';
import { formatMinute } from '../../../schema/format-time.ts';
import type { Context } from '../context.ts';
import { say, writeData, writeJson } from '../output.ts';
import { formatTable } from '../table.ts';
import { addDocumentCommand } from './add-document.ts';
import type { InstallOptions } from './install.ts';

/** `avma host revocations`. */
export function revocationsCommand(context: Context): Command {
  const revocations = new Command('revocations').description(
    'Manage what vendors have withdrawn; the host hands it on to its guests',
  );
  revocations.addCommand(
    addDocumentCommand(context, {
      kind: 'revocations',
      schema: 'avma.host-revocations-add/1',
      about: "the vendor's revocations.json; - for stdin",
      notes: `Lists are never taken back: one with a lower number than the present is refused.

Example:
  avma host revocations add revocations.json`,
    }),
  );
  revocations
    .command('list')
    .description('List the revocation lists that count, one a vendor')
    .option('--json', 'print them as JSON')
    .action((options: InstallOptions) => listRevocations(context, options));
  return revocations;
}

function listRevocations(context: Context, { json }: InstallOptions): void {
  const folder = context.settings().hostFolder;
  const { vendors } = new HoldingsReader(folder, openHost(folder)).current;
  if (json === true) {
    writeJson('avma.host-revocations-list/1', { vendors: vendors.map(hostVendorJson) });
    return;
  }
  const rows = vendors.flatMap(({ name, revocations }) => {
    if (revocations === null) return [];
    const { sequence, issuedAt, hosts, licenses } = revocations;
    return [[name, `${sequence}`, formatMinute(issuedAt), `${hosts.length}`, `${licenses.length}`]];
  });
  if (rows.length === 0) {
    say('This host has no revocation list. Take one: avma host revocations add FILE');
    return;
  }
  writeData(formatTable(['VENDOR', 'SEQUENCE', 'ISSUED', 'HOSTS', 'LICENSES'], rows, context.style));
}
