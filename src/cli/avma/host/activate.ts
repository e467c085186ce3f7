import { Command } from 'commander';
import { readServing, type Serving } from '../../../host/serving-record.ts';
import { certificateJson } from '../../../protocol/document-json.ts';
import type { HostCertificate } from '../../../protocol/host-certificate.ts';
import { keyIdOf, vendorOfKeyId } from '../../../protocol/vendor-trust.ts';
import { formatMinute } from '../../../schema/format-time.ts';
import type { Context } from '../context.ts';
import { say, writeJson } from '../output.ts';
import { gapWarnings, type InstallOptions, installFiles } from './install.ts';

/** `avma host activate`. */
export function activateCommand(context: Context): Command {
  return new Command('activate')
    .description(
      'Install a certificate that the vendor made for this host, beside those that it has; a running host takes it at once',
    )
    .argument('<certificate>', 'the file from avma vendor certify; - for stdin')
    .option('--dry-run', 'say whether it could be installed, and install nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
To renew a certificate: avma host request > request.json, have the vendor certify it, run this
again. The next one may be installed before the present one ends: from its first day on it is
the one that is used. Only a time without any is warned of.

Example:
  avma host activate certificate.json`,
    )
    .action((file: string, options: InstallOptions) => activate(context, file, options));
}

async function activate(
  context: Context,
  file: string,
  { dryRun = false, json }: InstallOptions,
): Promise<void> {
  const now = Date.now();
  const installation = await installFiles(context, 'certificate', [file], dryRun);
  const [installed] = installation.installed;
  if (installed?.given.kind !== 'certificate') throw new TypeError('no certificate was installed');
  const { certificate } = installed.given.content;
  const warnings = gapWarnings(installation, 'certificate', [certificate.serial], now);
  if (json === true) {
    const { outcome } = installed;
    writeJson('avma.host-activate/1', {
      dryRun,
      outcome,
      certificate: certificateJson(certificate),
      warnings,
    });
    return;
  }
  const { holdings } = installation.after;
  const keyId = keyIdOf(certificate.vendorKey);
  const vendor = vendorOfKeyId(holdings.vendors, keyId)?.name;
  const changed = !dryRun && installed.outcome === 'taken';
  const isFirst = installation.before.holdings.certificates.length === 0;
  say(
    dryRun
      ? `The certificate can be installed on host ${certificate.hostName}: ${grantText(certificate)}. Nothing was changed.`
      : installed.outcome === 'present'
        ? `Host ${certificate.hostName} has this certificate already: ${grantText(certificate)}.`
        : `Host ${certificate.hostName} is activated by ${vendorText(vendor, keyId)}: ${grantText(certificate)}.`,
    ...warnings.map((warning) => `Warning: ${warning}`),
    ...(changed ? nextOf(await readServing(context.settings().hostFolder), isFirst) : []),
  );
}

/** What follows an installation. */
function nextOf({ state }: Serving, isFirst: boolean): readonly string[] {
  if (state === 'running') return ['The running host takes it within seconds.'];
  return isFirst ? ['Next: avma host serve --listen unix:/run/avma/host.sock'] : [];
}

/** A certificate has no name of its vendor: it comes with the first license, list or update. */
function vendorText(name: string | undefined, keyId: string): string {
  return name === undefined || name === keyId ? `the vendor with the key ${keyId}` : `"${name}"`;
}

/** `0011223344556677, 2026-12-01 11:08 UTC to ..., renewal grace until ...`. */
function grantText(certificate: HostCertificate): string {
  const { serial, notBefore, notAfter, graceUntil, customer, site, windows } = certificate;
  return [
    serial,
    `${formatMinute(notBefore)} to ${formatMinute(notAfter)}`,
    ...(graceUntil > notAfter ? [`renewal grace until ${formatMinute(graceUntil)}`] : []),
    ...(customer === null ? [] : [`customer "${customer}"`]),
    ...(site === null ? [] : [`site "${site}"`]),
    ...(windows === null ? [] : [`${windows.edition} ${windows.osVersion}, ${windows.licensing}`]),
  ].join(', ');
}
