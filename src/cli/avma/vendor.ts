import { Command, Option } from 'commander';
import { AvmaError } from '../../errors/avma-error.ts';
import { HOST_LICENSING, type HostLicensing } from '../../protocol/host-certificate.ts';
import { certifyHost } from '../../vendor/certify-host.ts';
import { createVendorRoot, openVendorRoot } from '../../vendor/trust-root.ts';
import type { Context } from './context.ts';
import { readInput } from './input.ts';
import { formatInstant, say, writeData } from './output.ts';

export function vendorCommand(_context: Context): Command {
  const vendor = new Command('vendor').description("the vendor's tools: trust root and host certificates");

  vendor
    .command('init')
    .description('make a trust root: a private key, and the trust anchor that goes to the guests')
    .requiredOption('--out <folder>', 'where to put root.key and root.pub.json')
    .option('--name <name>', "the vendor's name, as guests show it", 'vendor')
    .action(({ out, name }: { out: string; name: string }) => {
      const root = createVendorRoot(out, name, Date.now());
      say(
        `Made the trust root ${root.keyId}:`,
        `  ${root.keyFile}  the private key. It stays with you: who has it can license anything as you.`,
        `  ${root.anchorFile}  the trust anchor. It goes to every guest: avma guest trust add ${root.anchorFile}`,
      );
    });

  vendor
    .command('certify')
    .description('certify a host: its certificate goes to stdout')
    .argument('<request>', "the host's request, from avma host request; - for stdin")
    .requiredOption('--key <file>', 'the private key, root.key')
    .requiredOption('--edition <edition>', "the host's edition; only ServerDatacenter may activate guests")
    .requiredOption('--os-version <version>', 'the newest guest version that it may activate, 10.0.26100 say')
    .addOption(
      new Option('--licensing <licensing>', 'how the host itself is licensed')
        .choices(HOST_LICENSING)
        .default('MAK'),
    )
    // The option's earlier name; scripts that use it go on working.
    .addOption(new Option('--channel <licensing>').choices(HOST_LICENSING).hideHelp())
    .requiredOption('--days <number>', 'how long the certificate is valid', parseDays)
    .action(
      (
        request: string,
        {
          channel,
          ...options
        }: {
          key: string;
          edition: string;
          osVersion: string;
          licensing: HostLicensing;
          channel?: HostLicensing;
          days: number;
        },
      ) => {
        const { envelope, certificate } = certifyHost(
          readInput(request),
          request,
          openVendorRoot(options.key),
          { ...options, licensing: channel ?? options.licensing },
          Date.now(),
        );
        writeData(JSON.stringify(envelope, null, 2));
        say(
          `Certified host ${certificate.hostName} (${certificate.hardwareId}) as ${certificate.edition} ${certificate.osVersion} until ${formatInstant(certificate.notAfter)}.`,
          'On the host: avma host activate CERT.',
        );
      },
    );

  return vendor;
}

function parseDays(text: string): number {
  const days = Number(text);
  if (!Number.isInteger(days) || days < 1 || days > 36_500) {
    throw new AvmaError('argument-invalid', `--days is "${text}", not a whole number from 1 to 36500`);
  }
  return days;
}
