import { Command } from 'commander';
import { type CatalogCheck, type CatalogMistake, checkCatalog } from '../../../catalog/catalog-check.ts';
import { counted } from '../../../schema/counted.ts';
import { formatMinute } from '../../../schema/format-time.ts';
import { printable } from '../../../schema/printable.ts';
import { catalogJson, countProducts } from '../catalog-text.ts';
import { ANSWER_IS_NO, type Context } from '../context.ts';
import { readAs } from '../file-kinds.ts';
import { readInput } from '../input.ts';
import { say, writeData, writeJson } from '../output.ts';
import { formatTable } from '../table.ts';
import { signCommand } from './catalog-sign.ts';

/** `avma vendor catalog`. */
export function vendorCatalogCommand(context: Context): Command {
  const catalog = new Command('catalog').description("Check and sign the vendor's catalogs");
  catalog
    .command('check')
    .description('Name every mistake in a catalog, with its place and how it is written')
    .argument('<file>', 'the catalog, signed or unsigned; - for stdin')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Exit status: 0 for a catalog without a mistake, ${ANSWER_IS_NO} for one with mistakes.
Notes are about what is allowed and may surprise.

Example:
  avma vendor catalog check acme.json`,
    )
    .action((file: string, { json }: { json?: boolean }) => check(context, file, json === true));
  catalog.addCommand(signCommand());
  return catalog;
}

function check(context: Context, file: string, json: boolean): void {
  const result = readAs(file, ['catalog'], () => checkCatalog(readInput(file), file));
  if (result.catalog === null) context.setExitStatus(ANSWER_IS_NO);
  if (json) {
    const { catalog, mistakes, notes } = result;
    const content = catalog === null ? { vendor: null, issuedAt: null, products: [] } : catalogJson(catalog);
    writeJson('avma.vendor-catalog-check/1', {
      file,
      valid: catalog !== null,
      mistakes: mistakes.map(mistakeJson),
      notes,
      ...content,
    });
    return;
  }
  show(context, file, result);
}

function mistakeJson({ place, member, message }: CatalogMistake): object {
  return { line: place?.line ?? null, column: place?.column ?? null, member, message };
}

function show({ style }: Context, file: string, { catalog, mistakes, notes }: CatalogCheck): void {
  if (catalog === null) {
    writeData(mistakes.map((mistake) => mistakeLine(file, mistake)).join('\n'));
    say(`${file} has ${counted(mistakes.length, 'mistake')}.`);
    return;
  }
  const rows = catalog.products.map(({ name, version, edition, activationId }) => [
    name,
    version,
    edition,
    activationId,
  ]);
  writeData(formatTable(['NAME', 'VERSION', 'SHORT NAME', 'ACTIVATION ID'], rows, style));
  const signer =
    catalog.vendor === null
      ? 'it is not signed yet'
      : `it is signed by "${catalog.vendor.name}" (key ${catalog.vendor.keyId}) on ${formatMinute(catalog.issuedAt ?? 0)}`;
  say(
    `${file} has no mistake: ${countProducts(catalog)}, and ${signer}.`,
    ...notes.map((note) => `Note: ${note}`),
  );
}

/** As compilers write it, so that editors find the place: `acme.json:7:14: products.0.version: ...`. */
function mistakeLine(file: string, { place, member, message }: CatalogMistake): string {
  const where = place === null ? '' : `:${place.line}:${place.column}`;
  return printable(`${file}${where}: ${member === null ? '' : `${member}: `}${message}`);
}
