import { Command } from 'commander';
import { HoldingsReader } from '../../host/holdings/holdings-reader.ts';
import type { Given, GivenKind } from '../../host/holdings/intake.ts';
import { describeGiven } from '../../host/holdings/receive.ts';
import { openHost } from '../../host/host-store.ts';
import { keyIdOf } from '../../protocol/vendor-trust.ts';
import { formatMinute } from '../../schema/format-time.ts';
import type { Context } from './context.ts';
import { hostVendorJson } from './host-holdings-text.ts';
import { type InstallOptions, installFiles } from './host-install.ts';
import { say, writeData, writeJson } from './output.ts';
import { formatTable } from './table.ts';

/** `avma host revocations`. */
export function revocationsCommand(context: Context): Command {
  const revocations = new Command('revocations').description(
    'Manage what vendors have withdrawn; the host hands it on to its guests',
  );
  revocations.addCommand(addCommand(context, 'revocations', "the vendor's revocations.json; - for stdin"));
  revocations
    .command('list')
    .description('List the revocation lists that count, one a vendor')
    .option('--json', 'print them as JSON')
    .action((options: InstallOptions) => listRevocations(context, options));
  return revocations;
}

/** `avma host trust`. */
export function hostTrustCommand(context: Context): Command {
  const trust = new Command('trust').description(
    'Manage the trust updates of vendors who have replaced their roots; the host hands them on to its guests',
  );
  trust.addCommand(addCommand(context, 'trust-update', "the vendor's trust-update.json; - for stdin"));
  trust
    .command('list')
    .description('List the vendors who certified this host, with their roots')
    .option('--json', 'print them as JSON')
    .action((options: InstallOptions) => listVendors(context, options));
  return trust;
}

const SCHEMAS = {
  revocations: 'avma.host-revocations-add/1',
  'trust-update': 'avma.host-trust-add/1',
} as const satisfies Partial<Record<GivenKind, string>>;

const NOTES: Record<keyof typeof SCHEMAS, string> = {
  revocations: `Lists are never taken back: one with a lower number than the present is refused.

Example:
  avma host revocations add revocations.json`,
  'trust-update': `Updates are taken version by version, none left out.

Example:
  avma host trust add trust-update.json`,
};

function addCommand(context: Context, kind: keyof typeof SCHEMAS, about: string): Command {
  return new Command('add')
    .description('Take one from its vendor, and hand it on')
    .argument('<file>', about)
    .option('--dry-run', 'say whether it could be taken, and take nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', `\n${NOTES[kind]}`)
    .action((file: string, options: InstallOptions) => add(context, kind, file, options));
}

async function add(
  context: Context,
  kind: keyof typeof SCHEMAS,
  file: string,
  { dryRun = false, json }: InstallOptions,
): Promise<void> {
  const { installed, after } = await installFiles(context, kind, [file], dryRun);
  const [one] = installed;
  if (one === undefined) throw new TypeError('nothing was installed');
  const { given, outcome } = one;
  if (json === true) {
    const vendors = after.holdings.vendors.map(hostVendorJson);
    writeJson(SCHEMAS[kind], { dryRun, outcome, ...documentJson(given), vendors });
    return;
  }
  const what = describeGiven(given);
  const said = {
    taken: dryRun
      ? `The ${what} can be taken. Nothing was changed.`
      : `The ${what} is taken, and handed on to guests.`,
    present: `The ${what} is there already.`,
  };
  say(said[outcome]);
}

function documentJson(given: Given): object {
  if (given.kind === 'revocations') return { sequence: given.content.list.sequence };
  return given.kind === 'trust-update' ? { version: given.content.verified.update.version } : {};
}

function listRevocations(context: Context, { json }: InstallOptions): void {
  const { vendors } = read(context);
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

function listVendors(context: Context, { json }: InstallOptions): void {
  const { vendors } = read(context);
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

function read(context: Context) {
  const folder = context.settings().hostFolder;
  return new HoldingsReader(folder, openHost(folder)).current;
}
