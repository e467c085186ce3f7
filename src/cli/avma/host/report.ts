import { Command } from 'commander';
import { loadCatalog } from '../../../catalog/catalog.ts';
import { AvmaError } from '../../../errors/avma-error.ts';
import { HoldingsReader } from '../../../host/holdings/holdings-reader.ts';
import { openHost } from '../../../host/host-store.ts';
import { type HostReport, hostReport } from '../../../host/report/host-report.ts';
import {
  ALL_VENDORS,
  namedByCatalogs,
  scopeOf,
  signatureFor,
  vendorToReport,
} from '../../../host/report/report-scope.ts';
import { areOfOneVendor } from '../../../protocol/vendor-trust.ts';
import { formatMinute } from '../../../schema/format-time.ts';
import { replaceFile } from '../../../storage/atomic-file.ts';
import { STDERR } from '../../terminal.ts';
import type { Context } from '../context.ts';
import { say, writeData, writeJson, writeTalk } from '../output.ts';
import { parseEnd, parseSince } from '../since.ts';
import { styleFor } from '../style.ts';
import { formatFields } from '../table.ts';
import { reportFields, reportJson } from '../usage-report-text.ts';
import { type LedgerFlag, ledgerOption, withLedger } from './ledger-option.ts';

interface ReportOptions extends LedgerFlag {
  readonly vendor?: string;
  readonly allVendors?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly names?: boolean;
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `avma host report`. */
export function hostReportCommand(context: Context): Command {
  return new Command('report')
    .description('Make a signed report of what was used, for the vendor; it goes to stdout')
    .option('--from <day>', 'the beginning (default: where the last report ended)')
    .option('--to <day>', 'the end, a day to its last moment (default: now)')
    .option('--vendor <name>', 'the vendor it is for, by name or key ID (default: the only one)')
    .option(
      '--all-vendors',
      'report the products of all vendors, which shows each what is used of the others',
    )
    .option('--names', 'also say which VM each pseudonym stands for')
    .option('-o, --out <file>', 'write the report to this file instead of stdout')
    .option('--dry-run', 'show what would be reported, and keep nothing')
    .option('--json', 'print what was reported as JSON; needs --out or --dry-run')
    .addOption(ledgerOption())
    .addHelpText(
      'after',
      `
The report has, for each day and product, how many guests had a lease, what was approved and what
was refused, under which license. It is for one vendor and has its products only. VM IDs are in it
as pseudonyms. Each report names the one before:
without --from and --to, a row of reports has no gap. A period that was reported gives the same
report again.

Examples:
  avma host report -o 2026-11.report.json
  avma host report --vendor "Acme Ltd" -o 2026-11.report.json
  avma host report --from 2026-11-01 --to 2026-11-30 -o 2026-11.report.json`,
    )
    .action((options: ReportOptions) => makeReport(context, options));
}

async function makeReport(context: Context, options: ReportOptions): Promise<void> {
  const { from, to, names, out, dryRun = false, json, allVendors = false } = options;
  if (json === true && out === undefined && !dryRun) {
    throw new AvmaError('argument-invalid', '--json and the report would both go to stdout', {
      hint: 'Name a file for the report: --out usage.report.json.',
    });
  }
  const { hostFolder: folder, hostCatalogFolders } = context.settings();
  const host = openHost(folder);
  const now = Date.now();
  const held = new HoldingsReader(folder, host).current;
  const sameVendor = (a: string, b: string) => areOfOneVendor(held.vendors, a, b);
  // A report of everything does not need to know whose a product is: a broken catalog is no obstacle.
  const products = allVendors ? [] : loadCatalog(hostCatalogFolders, { sameVendor }).products;
  const holdings = { ...held, vendors: namedByCatalogs(held.vendors, products) };
  const vendor = vendorToReport(holdings.vendors, { vendor: options.vendor, allVendors });
  const { certificates, cannotCheck } = signatureFor(holdings, vendor, now);
  const made = await withLedger(context, host, options, (reader) =>
    hostReport({
      folder,
      reader,
      host: { ...host, ...certificates[0]?.keys },
      scope: vendor === null ? ALL_VENDORS : scopeOf(vendor, holdings, products),
      certificates: certificates.map(({ envelope, certificate: { serial } }) => ({ envelope, serial })),
      from: from === undefined ? null : parseSince(from, now, '--from'),
      to: to === undefined ? null : parseEnd(to, now, '--to'),
      names: names === true,
      dryRun,
      now: Date.now,
    }),
  );
  const text = `${JSON.stringify(made.file, null, 2)}\n`;
  if (out !== undefined && !dryRun) replaceFile(out, text, 0o644);
  if (json === true) {
    const file = dryRun ? null : (out ?? null);
    const { isKept, leftOut } = made;
    writeJson('avma.host-report/1', { dryRun, file, isKept, leftOut, report: reportJson(made.report) });
    return;
  }
  await show(made, cannotCheck, options);
  if (out === undefined && !dryRun) writeData(text);
}

async function show(
  { report, isKept, overlaps, leftOut }: HostReport,
  cannotCheck: readonly string[],
  { out, dryRun }: ReportOptions,
): Promise<void> {
  const heading =
    dryRun === true
      ? 'This would be reported:'
      : isKept
        ? 'This period was reported before; the same report again:'
        : 'Reported:';
  const table = formatFields(reportFields(report), await styleFor(STDERR));
  writeTalk([heading, ...table.split('\n').map((line) => `  ${line}`)].join('\n'));
  if (leftOut.length > 0) {
    say(`Left out, since they are not this vendor's: ${leftOut.join(', ')}. The report does not say so.`);
  }
  for (const name of cannotCheck) {
    say(
      `Note: "${name}" has certified other keys of this host, and cannot check this report: make one with --vendor.`,
    );
  }
  if (overlaps !== null) {
    say(
      `Note: an earlier report goes up to ${formatMinute(overlaps)}. The vendor is shown that the two overlap.`,
    );
  }
  if (dryRun !== true) say(`Next: send ${out ?? 'it'} to the vendor, who reads it with avma vendor report.`);
}
