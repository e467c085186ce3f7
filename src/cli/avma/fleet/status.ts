import { Argument, Command } from 'commander';
import { type FleetStatus, fleetStatus, whatIsWrong } from '../../../host/fleet/fleet-status.ts';
import { parseLedgerUri } from '../../../host/ledger/ledger-uri.ts';
import { ANSWER_IS_NO, type Context } from '../context.ts';
import { say, writeData, writeJson } from '../output.ts';
import { fleetJson, fleetText } from './status-text.ts';

interface FleetOptions {
  readonly check?: boolean;
  readonly json?: boolean;
}

/** `avma fleet status`. */
export function fleetStatusCommand(context: Context): Command {
  return new Command('status')
    .description('Show all hosts, those in trouble first')
    .addArgument(
      new Argument(
        '[place]',
        'a folder of collected outputs of avma host status --json, or the database of the hosts: postgres://USER@SERVER/DATABASE (default: AVMA_LEDGER)',
      ),
    )
    .option('--check', `exit with ${ANSWER_IS_NO} if anything is wrong with any host`)
    .option('--json', 'print the status as JSON')
    .addHelpText(
      'after',
      `
Examples:
  ssh hv01 avma host status --json > status/hv01.json; avma fleet status status
  avma fleet status postgres://avma@db.example/avma --check

Each *.json of the folder and of those below it is read; what is no host's status is named
and left aside. Of several of one host the newest counts. A host whose file is older than
26 hours, or which has not reported to the database for 5 minutes, is shown as silent.
A password stands in ~/.pgpass, in the file of PGPASSFILE, or in AVMA_LEDGER.

Exit status: 0 when the status could be read; with --check, ${ANSWER_IS_NO} if a host has a trouble, a
license has more seats taken than it is for, or something was left aside; the last line on
stderr says what, without --json.`,
    )
    .action((place: string | undefined, options: FleetOptions) => showFleet(context, place, options));
}

async function showFleet(
  context: Context,
  place: string | undefined,
  { check, json }: FleetOptions,
): Promise<void> {
  const { now, ...status } = await readFleet(place, process.env);
  if (json === true) writeJson('avma.fleet-status/1', fleetJson(status, now));
  else writeData(fleetText(status, now, context.style));
  const wrong = check === true ? whatIsWrong(status) : [];
  if (wrong.length === 0) return;
  context.setExitStatus(ANSWER_IS_NO);
  if (json !== true) say(`The check failed: ${wrong.join(', ')}.`);
}

async function readFleet(
  place: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<FleetStatus & { readonly now: number }> {
  const named = place ?? env['AVMA_LEDGER'] ?? '.';
  if (/^(postgres(ql)?|sqlite):/.test(named)) {
    const uri = parseLedgerUri(named, place === undefined);
    if (uri.engine === 'postgres') {
      const { collectDatabase } = await import('../../../host/fleet/database.ts');
      const collected = await collectDatabase(uri.url, env);
      return { ...fleetStatus(collected), now: collected.now };
    }
  }
  const { collectFiles } = await import('../../../host/fleet/collected-files.ts');
  const collected = collectFiles(named, Date.now());
  return { ...fleetStatus(collected), now: collected.now };
}
