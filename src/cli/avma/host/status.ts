import { Command } from 'commander';
import { AvmaError } from '../../../errors/avma-error.ts';
import { callHost } from '../../../host/control/call-host.ts';
import { openHost } from '../../../host/host-store.ts';
import { statusFromFiles } from '../../../host/status/files-status.ts';
import { HostStatus } from '../../../host/status/host-status.ts';
import { isActivated, WARNING_DAYS } from '../../../host/status/host-validity.ts';
import { packageVersion } from '../../settings.ts';
import { ANSWER_IS_NO, type Context } from '../context.ts';
import { writeData, writeJson } from '../output.ts';
import { formatFields } from '../table.ts';
import { type LedgerFlag, ledgerOption, ledgerPlace, openLedgerOf } from './ledger-option.ts';
import { statusFields } from './status-text.ts';

interface StatusOptions extends LedgerFlag {
  readonly check?: boolean;
  readonly json?: boolean;
}

/** `avma host status`. */
export function statusCommand(context: Context): Command {
  return new Command('status')
    .description('Show how this host is: activated, running, its guests, its ledger, what to do next')
    .option('--check', `exit with ${ANSWER_IS_NO} unless this host is activated and can write its ledger`)
    .addOption(ledgerOption())
    .option('--json', 'print the status as JSON')
    .addHelpText(
      'after',
      `
A running host answers for itself, with what it did since it started; of a host that does not
run, the files and the ledger are read. Times are UTC.

Exit status: 0 when the status could be read; with --check, 0 only when a certificate counts
now, in its renewal grace too, and the ledger can be written, or read where no host runs; else ${ANSWER_IS_NO}.
A certificate or a license that ends within ${WARNING_DAYS} days without a next one is shown with a warning,
and passes --check.
Those that have ended are shown only where nothing follows, the last one; --json has all.
Whether avma host serve runs is shown, and does not count for --check.`,
    )
    .action((options: StatusOptions) => showHostStatus(context, options));
}

async function showHostStatus(context: Context, options: StatusOptions): Promise<void> {
  const status = await readHostStatus(context, options);
  if (options.json === true) writeJson('avma.host-status/2', status);
  else writeData(formatFields(statusFields(status), context.style));
  const works = isActivated(status) && status.ledger?.ok === true;
  if (options.check === true && !works) context.setExitStatus(ANSWER_IS_NO);
}

/**
 * The status of this machine's host: as it says itself where it runs, else of its files.
 *
 * @throws {AvmaError} What `statusFromFiles` throws.
 */
async function readHostStatus(context: Context, flag: LedgerFlag): Promise<HostStatus> {
  const { hostFolder: folder, hostCatalogFolders: catalogFolders } = context.settings();
  return (
    (await askRunningHost(folder)) ??
    statusFromFiles({
      folder,
      version: packageVersion(context.launcher.packageRoot),
      ledgerUri: ledgerPlace(context, flag),
      isOwnLedger: flag.ledger === undefined,
      catalogFolders,
      openReader: () => openLedgerOf(context, openHost(folder), flag),
      now: Date.now(),
    })
  );
}

/** What the running host says; undefined where none can be asked, or where it is of another version. */
async function askRunningHost(folder: string): Promise<HostStatus | undefined> {
  try {
    return HostStatus.safeParse(await callHost(folder, { do: 'status' })).data;
  } catch (thrown) {
    // Whatever keeps it from answering: its files have the most of it.
    if (thrown instanceof AvmaError && thrown.code !== 'internal') return undefined;
    throw thrown;
  }
}
