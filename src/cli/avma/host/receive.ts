import { Command } from 'commander';
import { changeHost } from '../../../host/holdings/install.ts';
import { type Received, receive } from '../../../host/holdings/receive.ts';
import { gapSentence, subjectsOf } from '../../../host/holdings/subjects.ts';
import { counted } from '../../../schema/counted.ts';
import { ANSWER_IS_NO, type Context } from '../context.ts';
import { say, writeData, writeJson } from '../output.ts';
import type { Tone } from '../style.ts';
import { formatTable } from '../table.ts';
import type { InstallOptions } from './install.ts';

/** `avma host receive`. */
export function receiveCommand(context: Context): Command {
  return new Command('receive')
    .description('Take what is for this host of what a vendor sent, for hundreds of hosts perhaps')
    .argument('<path...>', 'files, and folders whose *.json are looked at, with the folders in them')
    .option('--dry-run', 'say what would be taken, and take nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Takes certificates, licenses, revocation lists, trust updates and signed catalogs, each only if
it is of a vendor who certified this host and fits this host. Files of other hosts are left
alone. It may be run again at any time: what the host has already is not changed.

Examples:
  avma host receive /media/usb --dry-run
  avma host receive certificates bank.license.json acme.catalog.json

Exit status: 0 if all that is for this host could be taken, ${ANSWER_IS_NO} if some of it cannot be used.`,
    )
    .action((paths: string[], options: InstallOptions) => receivePaths(context, paths, options));
}

async function receivePaths(
  context: Context,
  paths: readonly string[],
  { dryRun = false, json }: InstallOptions,
): Promise<void> {
  const { hostFolder, hostCatalogFolders, ownHostCatalogFolder } = context.settings();
  const now = Date.now();
  const catalogs = { folders: hostCatalogFolders, ownFolder: ownHostCatalogFolder };
  const { received, after } = await changeHost(hostFolder, dryRun, (snapshot) =>
    receive({ paths, snapshot, catalogs, now, dryRun }),
  );
  const warnings = subjectsOf(after.holdings, now).flatMap((subject) =>
    subject.coverage.gaps.map((gap) => gapSentence(subject, gap, now)),
  );
  if (json === true) {
    writeJson('avma.host-receive/1', {
      dryRun,
      host: hostJson(after.holdings.host),
      files: received,
      warnings,
    });
  } else {
    showReceived(context, received);
    say(summary(received, dryRun), ...warnings.map((warning) => `Warning: ${warning}`));
  }
  if (received.some(({ outcome }) => outcome === 'failed')) context.setExitStatus(ANSWER_IS_NO);
}

function hostJson({ name, hardwareId }: { readonly name: string; readonly hardwareId: string }): object {
  return { name, hardwareId };
}

const TONES: Record<Received['outcome'], Tone> = {
  taken: 'good',
  present: 'plain',
  failed: 'bad',
  'not ours': 'dim',
};

/** Files of other hosts are only counted: there may be hundreds. An unsigned catalog is nobody's. */
function showReceived(context: Context, received: readonly Received[]): void {
  const shown = received.filter(({ outcome, code }) => outcome !== 'not ours' || code === 'catalog-unsigned');
  const rows = shown.map(({ file, outcome, code, message }) => [
    { tone: TONES[outcome], text: outcome },
    file,
    code === null ? message : `${message} [${code}]`,
  ]);
  writeData(formatTable(['OUTCOME', 'FILE', 'WHAT'], rows, context.style));
}

function summary(received: readonly Received[], dryRun: boolean): string {
  const count = (outcome: Received['outcome']) => received.filter((one) => one.outcome === outcome).length;
  const [present, failed, others] = [count('present'), count('failed'), count('not ours')];
  const parts = [
    `${dryRun ? 'Would take' : 'Took'} ${counted(count('taken'), 'file')}`,
    ...(present === 0 ? [] : [`${present} ${present === 1 ? 'was' : 'were'} there already`]),
    ...(failed === 0 ? [] : [`${failed} cannot be used`]),
    ...(others === 0 ? [] : [`${counted(others, 'other file')} left alone`]),
  ];
  return `${parts.join(', ')}.`;
}
