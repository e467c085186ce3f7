import { Command } from 'commander';
import { AvmaError } from '../../../errors/avma-error.ts';
import { counted } from '../../../schema/counted.ts';
import { replaceFile } from '../../../storage/atomic-file.ts';
import { type CheckedReports, checkReports } from '../../../vendor/report/check-reports.ts';
import { ANSWER_IS_NO, type Context } from '../context.ts';
import { collectTexts } from '../option-values.ts';
import { writeData, writeJson, writeTalk } from '../output.ts';
import { PLAIN, type Style } from '../style.ts';
import { formatFields } from '../table.ts';
import { reportFields, reportJson } from '../usage-report-text.ts';
import { read, readReportFiles } from './report-files.ts';
import { findingsText, readReportJson, reportsTable, usageJson, usageTable } from './report-text.ts';

interface InputOptions {
  readonly key: readonly string[];
  readonly trust: readonly string[];
  readonly json?: boolean;
}

interface ShowOptions extends InputOptions {
  readonly csv?: boolean;
  readonly html?: boolean;
  readonly out?: string;
}

/** `avma vendor report`. */
export function vendorReportCommand(context: Context): Command {
  const report = new Command('report').description('Read the usage reports that hosts make');
  report.addCommand(verifyCommand(context));
  report.addCommand(showCommand(context));
  report.addCommand(mergeCommand(context));
  return report;
}

function verifyCommand(context: Context): Command {
  return withInputs(
    new Command('verify').description('Check who signed reports, and that none is missing between them'),
  )
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Among the files may be licenses, which the use is held against.

Exit status: 0 when every report holds and follows the one before, ${ANSWER_IS_NO} when not. What is only to be
known, a limit that was exceeded for example, does not count.

Example:
  avma vendor report verify /media/usb --key v/root.pub.json
  avma vendor report verify reports/*.json bank.license.json --key v/root.pub.json`,
    )
    .action((files: string[], options: InputOptions) => verify(context, files, options));
}

function showCommand(context: Context): Command {
  return withOutputs(
    withInputs(new Command('show').description('Show what each report says; without --key, unchecked')),
  )
    .addHelpText(
      'after',
      `
Example:
  avma vendor report show 2026-11.report.json --key v/root.pub.json`,
    )
    .action((files: string[], options: ShowOptions) => show(context, files, options));
}

function mergeCommand(context: Context): Command {
  return withOutputs(
    withInputs(
      new Command('merge').description(
        'Add up the reports of several hosts and periods, by day, product and license',
      ),
    ),
  )
    .addHelpText(
      'after',
      `
A guest that moved between hosts with one site key counts once. Among the files may be licenses,
whose limits are shown. A report that does not hold is refused.

Examples:
  avma vendor report merge reports/*.json bank.license.json --key v/root.pub.json
  avma vendor report merge reports/*.json --key v/root.pub.json --html -o usage.html`,
    )
    .action((files: string[], options: ShowOptions) => merge(context, files, options));
}

function withInputs(command: Command): Command {
  return command
    .argument('<files...>', 'reports from avma host report, licenses, and folders with their *.json')
    .option('--key <file>', "the vendor's trust anchor, root.pub.json; may be repeated", collectTexts, [])
    .option(
      '--trust <file>',
      'a trust update, for reports of before a new root; may be repeated',
      collectTexts,
      [],
    );
}

function withOutputs(command: Command): Command {
  return command
    .option('--csv', 'print a table for spreadsheets, a row for each day')
    .option('--html', 'print a page with plots that needs no network')
    .option('-o, --out <file>', 'write to this file instead of stdout')
    .option('--json', 'print as JSON');
}

function verify(context: Context, files: readonly string[], options: InputOptions): void {
  if (options.key.length === 0) throw keyMissing();
  const checked = readAll(files, options);
  if (options.json === true) {
    writeJson('avma.vendor-report-verify/1', {
      holds: checked.holds,
      reports: checked.reports.map(readReportJson),
      findings: checked.findings,
    });
  } else {
    const verdict = context.style.paint(checked.holds ? 'good' : 'bad', verdictText(checked));
    const parts = [
      reportsTable(checked.reports, context.style),
      findingsText(checked.findings, context.style),
      verdict,
    ];
    writeData(parts.filter((part) => part !== '').join('\n\n'));
  }
  if (!checked.holds) context.setExitStatus(ANSWER_IS_NO);
}

function verdictText({ holds, usage, reports }: CheckedReports): string {
  const count = counted(reports.length, 'report');
  const hosts = counted(usage.hosts.length, 'host');
  return holds ? `${count} of ${hosts}: all hold.` : 'These reports do not hold.';
}

async function show(context: Context, files: readonly string[], options: ShowOptions): Promise<void> {
  const checked = readAll(files, options);
  refuseBroken(checked);
  if (options.csv === true || options.html === true) return writeUsage(context, checked, options);
  if (options.json === true) {
    const reports = checked.reports.map((read) => ({
      ...readReportJson(read),
      report: reportJson(read.report),
    }));
    return writeJson('avma.vendor-report-show/1', { verified: checked.verifiedBy !== null, reports });
  }
  sayUnchecked(checked);
  const texts = checked.reports.map(({ report }) =>
    formatFields(reportFields(report), styleOf(context, options)),
  );
  return writeOut(texts.join('\n\n'), options);
}

async function merge(context: Context, files: readonly string[], options: ShowOptions): Promise<void> {
  if (options.key.length === 0) throw keyMissing();
  const checked = readAll(files, options);
  refuseBroken(checked);
  if (options.json === true) return writeJson('avma.vendor-report-merge/1', usageJson(checked));
  return writeUsage(context, checked, options);
}

/** The usage of all files together: a page, a table for spreadsheets, or one for the terminal. */
async function writeUsage(context: Context, checked: CheckedReports, options: ShowOptions): Promise<void> {
  const { usage, findings, verifiedBy } = checked;
  if (options.csv === true && options.html === true) {
    throw new AvmaError('argument-invalid', '--csv and --html would both go to one place', {
      hint: 'Give one of them.',
    });
  }
  if (options.html === true) {
    const { usageHtml } = await import('../../../vendor/report/usage-html.ts');
    return writeOut(usageHtml({ usage, findings, verifiedBy, now: Date.now() }), options);
  }
  if (options.csv === true) {
    const { usageCsv } = await import('../../../vendor/report/usage-csv.ts');
    return writeOut(usageCsv(usage), options);
  }
  const style = styleOf(context, options);
  const notes = findingsText(findings, style);
  return writeOut([usageTable(usage, style), notes].filter((part) => part !== '').join('\n\n'), options);
}

function readAll(paths: readonly string[], { key, trust }: InputOptions): CheckedReports {
  const { files, updates } = readReportFiles(paths);
  return checkReports(
    files,
    key.length === 0 ? null : { anchors: key.map(read), updates: [...trust.map(read), ...updates] },
  );
}

/** @throws {AvmaError} the first reason why a report does not count: its numbers are not to be seen beside others. */
function refuseBroken({ unreadable }: CheckedReports): void {
  const [first] = unreadable;
  if (first === undefined) return;
  throw new AvmaError(first.code, first.message);
}

function keyMissing(): AvmaError {
  return new AvmaError('argument-invalid', 'without a trust anchor nobody can say whose reports these are', {
    hint: 'Name it: --key root.pub.json. avma vendor report show shows a report unchecked.',
  });
}

function sayUnchecked({ verifiedBy }: CheckedReports): void {
  if (verifiedBy === null)
    writeTalk('Signatures were not checked: name the trust anchor with --key root.pub.json.');
}

function styleOf({ style }: Context, { out }: ShowOptions): Style {
  return out === undefined ? style : PLAIN;
}

function writeOut(text: string, { out }: ShowOptions): void {
  if (out === undefined) {
    writeData(text);
    return;
  }
  replaceFile(out, text.endsWith('\n') ? text : `${text}\n`, 0o644);
  writeTalk(`Wrote ${out}.`);
}
