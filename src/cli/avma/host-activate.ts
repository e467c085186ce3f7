import { Command } from 'commander';
import { installCertificate, installedCertificate } from '../../host/certificate.ts';
import { openHost } from '../../host/host-store.ts';
import { windowsText } from '../../protocol/host-certificate.ts';
import { formatMinute } from '../../schema/format-time.ts';
import type { Context } from './context.ts';
import { readInput } from './input.ts';
import { certificateJson } from './lease-report.ts';
import { say, writeJson } from './output.ts';

interface ActivateOptions {
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `avma host activate`. */
export function activateCommand(context: Context): Command {
  return new Command('activate')
    .description(
      'Install the certificate that the vendor made for this host; a running host takes it at once',
    )
    .argument('<certificate>', 'the file from avma vendor certify; - for stdin')
    .option('--force', 'install it even if it ends earlier or allows less than the present one')
    .option('--dry-run', 'say whether it could be installed, and install nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
To renew a certificate: avma host request > request.json, have it certified, and run this again.`,
    )
    .action((file: string, options: ActivateOptions) => activate(context, file, options));
}

function activate(context: Context, file: string, { force, dryRun = false, json }: ActivateOptions): void {
  const { hostFolder } = context.settings();
  const host = openHost(hostFolder);
  const replaced = installedCertificate(hostFolder, host)?.certificate ?? null;
  const certificate = installCertificate({
    folder: hostFolder,
    host,
    bytes: readInput(file),
    from: file,
    now: Date.now(),
    force: force === true,
    dryRun,
  });
  if (json === true) {
    writeJson('avma.host-activate/1', {
      dryRun,
      certificate: certificateJson(certificate),
      replaced: replaced === null ? null : certificateJson(replaced),
    });
    return;
  }
  const { hostName, notAfter } = certificate;
  const windows = windowsText(certificate);
  const grant = `${windows === null ? '' : `${windows}, `}until ${formatMinute(notAfter)}`;
  if (dryRun) {
    say(`The certificate can be installed on host ${hostName}: ${grant}. Nothing was changed.`);
    return;
  }
  say(
    `Host ${hostName} is activated: ${grant}.`,
    ...(replaced === null ? ['Next: avma host serve --listen unix:/run/avma/host.sock'] : []),
  );
}
