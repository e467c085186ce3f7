import { Command } from 'commander';
import { AvmaError } from '../../../errors/avma-error.ts';
import { createHost, type HostIdentity, openHost } from '../../../host/host-store.ts';
import { findVmId } from '../../../machine/vm-id.ts';
import { machineName } from '../../settings.ts';
import type { Context } from '../context.ts';
import { say, writeJson } from '../output.ts';
import { activateCommand } from './activate.ts';
import { hostEventsCommand } from './events.ts';
import { guestsCommand } from './guests.ts';
import { ledgerCommand } from './ledger.ts';
import { licenseCommand } from './license.ts';
import { loadCommand } from './load.ts';
import { receiveCommand } from './receive.ts';
import { reloadCommand } from './reload.ts';
import { hostReportCommand } from './report.ts';
import { requestCommand } from './request.ts';
import { revocationsCommand } from './revocations.ts';
import { releaseCommand, seatsCommand } from './seats.ts';
import { serveCommand } from './serve.ts';
import { siteKeyCommand } from './site-key.ts';
import { statusCommand } from './status.ts';
import { topCommand } from './top.ts';
import { hostTrustCommand } from './trust.ts';

interface InitOptions {
  readonly name?: string;
  readonly json?: boolean;
}

/** `avma host`. */
export function hostCommand(context: Context): Command {
  const host = new Command('host').description('Set up and run the activation host');
  host.addCommand(initCommand(context));
  host.addCommand(requestCommand(context));
  host.addCommand(activateCommand(context));
  host.addCommand(serveCommand(context));
  host.addCommand(reloadCommand(context));
  host.addCommand(seatsCommand(context));
  host.addCommand(releaseCommand(context));
  host.addCommand(statusCommand(context));
  host.addCommand(ledgerCommand(context));
  host.addCommand(guestsCommand(context));
  host.addCommand(hostEventsCommand(context));
  host.addCommand(topCommand(context));
  host.addCommand(hostReportCommand(context));
  host.addCommand(siteKeyCommand(context));
  host.addCommand(receiveCommand(context));
  host.addCommand(licenseCommand(context));
  host.addCommand(revocationsCommand(context));
  host.addCommand(hostTrustCommand(context));
  host.addCommand(loadCommand(context));
  return host;
}

function initCommand(context: Context): Command {
  return new Command('init')
    .description("Create this host's identity: name, hardware ID, keys")
    .option('--name <name>', "the host's name, as guests show it (default: this machine's name)")
    .option('--json', 'print the identity as JSON')
    .addHelpText(
      'after',
      `
The four steps of a new host:
  avma host init
  avma host request > request.json       send it to the vendor, who answers with a certificate
  avma host activate certificate.json
  avma host serve --listen unix:/run/avma/host.sock`,
    )
    .action((options: InitOptions) => init(context, options));
}

function init(context: Context, { name, json }: InitOptions): void {
  const folder = context.settings().hostFolder;
  const made = createOnce(folder, name ?? machineName());
  if (json === true) {
    writeJson('avma.host-init/1', { folder, name: made.name, hardwareId: made.hardwareId });
    return;
  }
  say(
    `Created host ${made.name} with the hardware ID ${made.hardwareId} in ${folder}`,
    'Next: avma host request > request.json, and send request.json to the vendor.',
  );
}

/** @throws {AvmaError} `file-exists`, which names the present host and the commands that may have been meant. */
function createOnce(folder: string, name: string): HostIdentity {
  try {
    return createHost({ folder, name, machineId: ownMachineId(), now: Date.now() });
  } catch (thrown) {
    if (!(thrown instanceof AvmaError) || thrown.code !== 'file-exists') throw thrown;
    const { name: present, hardwareId } = openHost(folder);
    throw new AvmaError('file-exists', `host ${present} (${hardwareId}) is in ${folder} already`, {
      cause: thrown,
      hint:
        'To have it certified or its certificate renewed: avma host request. For its state: avma host status. ' +
        'A second host needs a folder of its own: set AVMA_HOST_DIR. For a new name or new keys, move that folder away first; the new host needs a new certificate.',
    });
  }
}

/** What the hardware ID is derived from; undefined for a machine without any ID, which gets a random one. */
function ownMachineId(): string | undefined {
  try {
    return findVmId(undefined).value;
  } catch (thrown) {
    if (thrown instanceof AvmaError && thrown.code === 'vm-id-unknown') return undefined;
    throw thrown;
  }
}
