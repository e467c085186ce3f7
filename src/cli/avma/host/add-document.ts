import { Command } from 'commander';
import type { Given } from '../../../host/holdings/intake.ts';
import { describeGiven } from '../../../host/holdings/receive.ts';
import { hostVendorJson } from '../../../host/status/held-documents.ts';
import type { Context } from '../context.ts';
import { say, writeJson } from '../output.ts';
import { type InstallOptions, installFiles } from './install.ts';

/** What an `add` command takes, and how it is described. */
interface AddedKind {
  readonly kind: 'revocations' | 'trust-update';
  readonly schema: 'avma.host-revocations-add/1' | 'avma.host-trust-add/1';
  /** Of the argument. */
  readonly about: string;
  /** After the options in the help text. */
  readonly notes: string;
}

/** The `add` of `avma host revocations` and `avma host trust`: a document that the host hands on to its guests. */
export function addDocumentCommand(context: Context, added: AddedKind): Command {
  return new Command('add')
    .description('Take one from its vendor, and hand it on')
    .argument('<file>', added.about)
    .option('--dry-run', 'say whether it could be taken, and take nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', `\n${added.notes}`)
    .action((file: string, options: InstallOptions) => add(context, added, file, options));
}

async function add(
  context: Context,
  { kind, schema }: AddedKind,
  file: string,
  { dryRun = false, json }: InstallOptions,
): Promise<void> {
  const { installed, after } = await installFiles(context, kind, [file], dryRun);
  const [one] = installed;
  if (one === undefined) throw new TypeError('nothing was installed');
  const { given, outcome } = one;
  if (json === true) {
    const vendors = after.holdings.vendors.map(hostVendorJson);
    writeJson(schema, { dryRun, outcome, ...documentJson(given), vendors });
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
