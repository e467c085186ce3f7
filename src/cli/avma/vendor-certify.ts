import path from 'node:path';
import { Command, Option } from 'commander';
import { loadCatalog } from '../../catalog/catalog.ts';
import { AvmaError } from '../../errors/avma-error.ts';
import { HOST_EDITIONS } from '../../policy/windows.ts';
import type { Envelope } from '../../protocol/envelope.ts';
import {
  HOST_LICENSING,
  type HostCertificate,
  type HostLicensing,
  windowsText,
} from '../../protocol/host-certificate.ts';
import { formatMinute } from '../../schema/format-time.ts';
import { compareVersions } from '../../schema/version.ts';
import { createFile } from '../../storage/atomic-file.ts';
import { certifyHost } from '../../vendor/certify-host.ts';
import { logSigned } from '../../vendor/sign-and-log.ts';
import { STDERR } from '../terminal.ts';
import type { Context } from './context.ts';
import { readInput } from './input.ts';
import { certificateJson } from './lease-report.ts';
import { say, writeData, writeJson, writeTalk } from './output.ts';
import { styleFor } from './style.ts';
import { type Field, formatFields } from './table.ts';
import { addRootOptions, openRoot, type RootOptions } from './vendor-root.ts';

/** What a host with Windows is certified for where an option leaves it open. */
const DEFAULT_EDITION = 'ServerDatacenter';
const DEFAULT_LICENSING: HostLicensing = 'MAK';
const DEFAULT_DAYS = 365;
const DEFAULT_GRACE_DAYS = 14;
const MAX_DAYS = 36_500;

interface CertifyOptions extends RootOptions {
  readonly edition?: string;
  readonly osVersion?: string;
  readonly licensing?: HostLicensing;
  /** The option's earlier name. */
  readonly channel?: HostLicensing;
  readonly days: number;
  readonly allowAnyEdition?: boolean;
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `avma vendor certify`. */
export function certifyCommand(context: Context): Command {
  return (
    addRootOptions(
      new Command('certify')
        .description(
          'Sign a certificate for a host; it goes to stdout, and what was signed is shown on stderr',
        )
        .argument('<request>', "the host's request, from avma host request; - for stdin"),
    )
      .option(
        '--edition <edition>',
        `the edition of Windows on the host; it may then activate guests with Windows (for example ${DEFAULT_EDITION})`,
      )
      .option(
        '--os-version <version>',
        'the newest version of Windows that the host may activate, for example 10.0.26100 (with --edition: the newest that the packaged catalog lists)',
      )
      .addOption(
        new Option(
          '--licensing <licensing>',
          `how Windows on the host is licensed (with --edition: ${DEFAULT_LICENSING})`,
        ).choices(HOST_LICENSING),
      )
      // The option's earlier name; scripts that use it go on working.
      .addOption(new Option('--channel <licensing>').choices(HOST_LICENSING).hideHelp())
      .addOption(
        new Option('--days <number>', 'how long the certificate is valid')
          .argParser(parseDays)
          .default(DEFAULT_DAYS),
      )
      .option('--allow-any-edition', `also sign an edition that may not activate guests`)
      .option('--out <file>', 'write the certificate to this new file instead of stdout')
      .option('--dry-run', 'show what would be signed, and sign nothing')
      .option('--json', 'print what was signed as JSON; needs --out or --dry-run')
      .addHelpText(
        'after',
        () => `
Guests with Windows need a host of the edition ${HOST_EDITIONS.join(' or ')};
other vendors' products ask for none of the three options about Windows.
Newest version in the packaged catalog: ${newestVersion(context)}.

Examples:
  avma vendor certify request.json --key root.key > certificate.json
  avma vendor certify request.json --key root.key --days 90 --out certificate.json
  avma vendor certify request.json --key root.key --edition ${DEFAULT_EDITION} > certificate.json`,
      )
      .action((request: string, options: CertifyOptions) => certify(context, request, options))
  );
}

async function certify(context: Context, request: string, options: CertifyOptions): Promise<void> {
  refuseContradictions(options);
  const now = Date.now();
  const root = await openRoot(options);
  const { envelope, certificate } = certifyHost({
    request: readInput(request),
    from: request,
    root: root.keyPair,
    grant: {
      windows: windowsOf(context, options),
      anyEdition: options.allowAnyEdition === true,
      days: options.days,
      graceDays: DEFAULT_GRACE_DAYS,
      customer: null,
    },
    now,
  });
  if (options.dryRun !== true) await logSigned(root, [envelope], now);
  const text = `${JSON.stringify(envelope, null, 2)}\n`;
  if (options.out !== undefined && options.dryRun !== true) createFile(options.out, text, 0o644);
  await showSigned(envelope, certificate, options);
  if (options.out === undefined && options.dryRun !== true) writeData(text);
}

/** What the certificate says of Windows: nothing, unless one of the options about it is given. */
function windowsOf(
  context: Context,
  { edition, osVersion, licensing, channel }: CertifyOptions,
): HostCertificate['windows'] {
  const given = [edition, osVersion, licensing, channel].some((option) => option !== undefined);
  if (!given) return null;
  return {
    edition: edition ?? DEFAULT_EDITION,
    osVersion: osVersion ?? newestVersion(context),
    licensing: channel ?? licensing ?? DEFAULT_LICENSING,
  };
}

/** @throws {AvmaError} `argument-invalid` for JSON that would mix with the certificate. */
function refuseContradictions({ json, out, dryRun }: CertifyOptions): void {
  if (json === true && out === undefined && dryRun !== true) {
    throw new AvmaError('argument-invalid', '--json and the certificate would both go to stdout', {
      hint: 'Name a file for the certificate: --out certificate.json.',
    });
  }
}

async function showSigned(
  envelope: Envelope,
  certificate: HostCertificate,
  { json, out, dryRun }: CertifyOptions,
): Promise<void> {
  const keyId = envelope.signatures[0]?.keyid ?? '';
  const file = dryRun === true ? null : (out ?? null);
  if (json === true) {
    const shown = certificateJson(certificate);
    writeJson('avma.vendor-certify/1', { signed: dryRun !== true, keyId, file, certificate: shown });
    return;
  }
  const table = formatFields(signedFields(certificate, keyId), await styleFor(STDERR));
  const heading = dryRun === true ? 'This would be signed:' : 'Signed:';
  writeTalk([heading, ...table.split('\n').map((line) => `  ${line}`)].join('\n'));
  if (dryRun !== true) say(`Next: on the host, avma host activate ${out ?? 'CERTIFICATE'}`);
}

function signedFields(certificate: HostCertificate, keyId: string): Field[] {
  const { hostName, hardwareId, serial, notBefore, notAfter, graceUntil } = certificate;
  return [
    ['Host', hostName],
    ['Hardware ID', hardwareId],
    ['Windows', windowsText(certificate) ?? 'no guests with Windows'],
    ['Serial', serial],
    ['From', formatMinute(notBefore)],
    ['To', formatMinute(notAfter)],
    ['Grace', `to ${formatMinute(graceUntil)}`],
    ['Key ID', keyId],
  ];
}

/** The newest version of a product in the catalogs that come with the package. */
function newestVersion({ launcher }: Context): string {
  const { products } = loadCatalog([path.join(launcher.packageRoot, 'keys')]);
  return products.map(({ version }) => version).reduce((a, b) => (compareVersions(a, b) < 0 ? b : a));
}

function parseDays(text: string): number {
  const days = Number(text);
  if (Number.isInteger(days) && days >= 1 && days <= MAX_DAYS) return days;
  throw new AvmaError('argument-invalid', `--days is "${text}", not a whole number from 1 to ${MAX_DAYS}`);
}
