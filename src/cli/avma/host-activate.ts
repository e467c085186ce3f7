import { Command } from 'commander';
import { installCertificate, openHost } from '../../host/host-store.ts';
import { installedCertificate } from '../../host/serve.ts';
import type { Context } from './context.ts';
import { readInput } from './input.ts';
import { certificateJson } from './lease-report.ts';
import { say, writeJson } from './output.ts';
import { formatMinute } from './time-text.ts';

interface ActivateOptions {
  readonly json?: boolean;
}

/** `avma host activate`. */
export function activateCommand(context: Context): Command {
  return new Command('activate')
    .description(
      'Install the certificate that the vendor made for this host; a running host takes it at once',
    )
    .argument('<certificate>', 'the file from avma vendor certify; - for stdin')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
To renew a certificate: avma host request > request.json, have it certified, and run this again.`,
    )
    .action((file: string, options: ActivateOptions) => activate(context, file, options));
}

function activate(context: Context, file: string, { json }: ActivateOptions): void {
  const { hostFolder } = context.settings();
  const replaced = installedCertificate(hostFolder)?.certificate ?? null;
  const certificate = installCertificate(hostFolder, openHost(hostFolder), readInput(file), file, Date.now());
  if (json === true) {
    writeJson('avma.host-activate/1', {
      certificate: certificateJson(certificate),
      replaced: replaced === null ? null : certificateJson(replaced),
    });
    return;
  }
  const { hostName, edition, osVersion, licensing, notAfter } = certificate;
  say(
    `Host ${hostName} is activated: ${edition} ${osVersion}, ${licensing}, until ${formatMinute(notAfter)}.`,
    ...(replaced === null ? ['Next: avma host serve --listen unix:/run/avma/host.sock'] : []),
  );
}
