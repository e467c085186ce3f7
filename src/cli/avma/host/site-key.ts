import { Command } from 'commander';
import { openHost } from '../../../host/host-store.ts';
import { exportSiteKey, importSiteKey } from '../../../host/report/site-key.ts';
import type { Context } from '../context.ts';
import { readAs } from '../file-kinds.ts';
import { readInput } from '../input.ts';
import { say, writeJson } from '../output.ts';

interface ExportOptions {
  readonly out: string;
  readonly json?: boolean;
}

interface ImportOptions {
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `avma host site-key`. */
export function siteKeyCommand(context: Context): Command {
  const siteKey = new Command('site-key').description(
    'Share the key that makes pseudonyms of guests, so that a guest that moves between hosts counts once',
  );
  siteKey
    .command('export')
    .description('Write the site key of this host to a new file, for the other hosts of the site')
    .requiredOption('--out <file>', 'the new file; only its owner may read it')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
The key is secret: whoever has it and a list of VM IDs finds them in reports.

The second line is for each other host.

Examples:
  avma host site-key export --out site.key
  avma host site-key import site.key`,
    )
    .action((options: ExportOptions) => exportKey(context, options));
  siteKey
    .command('import')
    .description("Make another host's site key this host's own")
    .argument('<file>', 'the file from avma host site-key export; - for stdin')
    .option('--force', 'replace another site key: guests get other pseudonyms, and count as other guests')
    .option('--dry-run', 'say what would happen, and change nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Example:
  avma host site-key import site.key`,
    )
    .action((file: string, options: ImportOptions) => importKey(context, file, options));
  return siteKey;
}

function exportKey(context: Context, { out, json }: ExportOptions): void {
  const folder = context.settings().hostFolder;
  openHost(folder);
  const { id } = exportSiteKey(folder, out, Date.now());
  if (json === true) {
    writeJson('avma.host-site-key-export/1', { siteKeyId: id, file: out });
    return;
  }
  say(
    `Wrote the site key ${id} to ${out}. It is secret.`,
    `Next: on each other host of the site, avma host site-key import ${out}; then remove the file.`,
  );
}

function importKey(context: Context, file: string, { force, dryRun = false, json }: ImportOptions): void {
  const folder = context.settings().hostFolder;
  openHost(folder);
  const given = {
    folder,
    bytes: readInput(file),
    from: file,
    now: Date.now(),
    force: force === true,
    dryRun,
  };
  const { site, changed } = readAs(file, ['site-key'], () => importSiteKey(given));
  if (json === true) {
    writeJson('avma.host-site-key-import/1', { siteKeyId: site.id, changed, dryRun });
    return;
  }
  if (!changed) say(`This host has the site key ${site.id} already.`);
  else if (dryRun) say(`The site key ${site.id} can be imported. Nothing was changed.`);
  else say(`The site key of this host is ${site.id} now.`);
}
