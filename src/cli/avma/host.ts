import { Command, Option } from 'commander';
import { AvmaError } from '../../errors/avma-error.ts';
import { DEFAULT_LIMIT, type ThrottleLimit } from '../../host/answering/throttle.ts';
import { createHost, hostRequest, installCertificate, openHost } from '../../host/host-store.ts';
import { installedCertificate } from '../../host/serve.ts';
import { findVmId } from '../../machine/vm-id.ts';
import { MAX_LEASE } from '../../protocol/answer.ts';
import { machineName } from '../settings.ts';
import type { Context } from './context.ts';
import { parseConnectEndpoint, parseListenEndpoint } from './endpoint-arguments.ts';
import { runHost, type ServeFlags } from './host-serve.ts';
import { readInput } from './input.ts';
import { formatInstant, formatRows, say, writeData, writeJson } from './output.ts';

export function hostCommand(context: Context): Command {
  const host = new Command('host').description('the virtualization host: it answers its guests');

  host
    .command('init')
    .description("make this machine's host: its name, hardware ID and keys")
    .option('--name <name>', "the host's name, as guests show it (default: this machine's)")
    .action(({ name }: { name?: string }) => {
      const folder = context.settings().hostFolder;
      const made = createHost(folder, name ?? machineName(), ownMachineId(), Date.now());
      say(
        `Made host ${made.name}, hardware ID ${made.hardwareId}, in ${folder}.`,
        'Next: avma host request > request.json, and have the vendor certify it.',
      );
    });

  host
    .command('request')
    .description('ask the vendor to certify this host: the request goes to stdout')
    .action(() => {
      const opened = openHost(context.settings().hostFolder);
      writeData(JSON.stringify(hostRequest(opened, Date.now()), null, 2));
    });

  host
    .command('activate')
    .description('install the certificate that the vendor made for this host')
    .argument('<certificate>', 'the file from avma vendor certify; - for stdin')
    .action((file: string) => {
      const folder = context.settings().hostFolder;
      const certificate = installCertificate(folder, openHost(folder), readInput(file), file, Date.now());
      say(
        `Host ${certificate.hostName} is activated: ${certificate.edition} ${certificate.osVersion}, ${certificate.licensing}, until ${formatInstant(certificate.notAfter)}.`,
        'Next: avma host serve --listen unix:/run/avma/host.sock',
      );
    });

  host
    .command('serve')
    .description('answer guests until told to stop (SIGTERM, SIGINT)')
    .option(
      '--listen <socket>',
      'a socket of its own: unix:PATH[,vm=UUID][,mode=0660], on Windows npipe://./pipe/NAME[,vm=UUID]; or the Hyper-V pool files of a guest: kvp:FOLDER[,vm=UUID]; may be given several times. With vm=, it serves that VM alone',
      collect(parseListenEndpoint),
    )
    .option(
      '--connect <socket>',
      "a socket of QEMU's or libvirt's (server=on, mode='bind'), there already or not: unix:PATH[,vm=UUID]; may be given several times",
      collect(parseConnectEndpoint),
    )
    .option(
      '--libvirt [folder]',
      "every libvirt domain that has the channel org.avma.activation.0, from virsh, or from a folder's *.xml",
    )
    .addOption(
      new Option('--libvirt-interval <seconds>', 'from one look for new and gone domains to the next')
        .argParser(parseInterval)
        .default(5000, '5'),
    )
    .addOption(
      new Option('--throttle <limit>', 'requests a channel may send, as COUNT/SECONDS')
        .argParser(parseThrottle)
        .default(DEFAULT_LIMIT, `${DEFAULT_LIMIT.burst}/${DEFAULT_LIMIT.window / 1000}`),
    )
    .addOption(
      new Option('--lease-minutes <number>', 'grant shorter leases than 7 days')
        .argParser(parseLease)
        .default(MAX_LEASE, `${MAX_LEASE / 60_000}`),
    )
    .action((options: ServeFlags) => runHost(context, options));

  host
    .command('status')
    .description('show who this host is and whether it is activated')
    .option('--json', 'as JSON')
    .action(({ json }: { json?: boolean }) => showStatus(context, json === true));

  return host;
}

function showStatus(context: Context, json: boolean): void {
  const folder = context.settings().hostFolder;
  const opened = openHost(folder);
  const certificate = installedCertificate(folder)?.certificate;
  const now = Date.now();
  const state =
    certificate === undefined
      ? 'not activated'
      : now < certificate.notBefore
        ? 'not yet valid'
        : now > certificate.notAfter
          ? 'expired'
          : 'activated';
  if (json) {
    const { name, hardwareId } = opened;
    writeJson('avma.host-status/1', {
      folder,
      name,
      hardwareId,
      state,
      certificate: certificate ?? null,
    });
    return;
  }
  writeData(
    formatRows([
      ['Host', opened.name],
      ['Hardware ID', opened.hardwareId],
      ['Folder', folder],
      ['State', state],
      ...(certificate === undefined
        ? []
        : ([
            ['Edition', `${certificate.edition} ${certificate.osVersion}`],
            ['Licensing', certificate.licensing],
            ['Valid', `${formatInstant(certificate.notBefore)} to ${formatInstant(certificate.notAfter)}`],
          ] as [string, string][])),
    ]),
  );
}

/** What the hardware ID is derived from; a machine without any ID gets a random one. */
function ownMachineId(): string | undefined {
  try {
    return findVmId(undefined).value;
  } catch {
    return undefined;
  }
}

function collect<T>(parse: (text: string) => T): (text: string, earlier?: T[]) => T[] {
  return (text, earlier = []) => [...earlier, parse(text)];
}

function parseInterval(text: string): number {
  const seconds = Number(text);
  if (seconds >= 1 && seconds <= 3600) return seconds * 1000;
  throw new AvmaError(
    'argument-invalid',
    `--libvirt-interval is "${text}", not a number of seconds from 1 to 3600`,
  );
}

function parseThrottle(text: string): ThrottleLimit {
  const match = /^([1-9]\d{0,6})\/([1-9]\d{0,4})s?$/.exec(text);
  if (match === null) {
    throw new AvmaError('argument-invalid', `--throttle is "${text}"`, {
      hint: 'Write it as COUNT/SECONDS: 60/60 is sixty a minute.',
    });
  }
  return { burst: Number(match[1]), window: Number(match[2]) * 1000 };
}

function parseLease(text: string): number {
  const minutes = Number(text);
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > MAX_LEASE / 60_000) {
    throw new AvmaError('argument-invalid', `--lease-minutes is "${text}", not a number from 1 to 10080`);
  }
  return minutes * 60_000;
}
