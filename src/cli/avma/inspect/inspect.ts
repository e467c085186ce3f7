import fs from 'node:fs';
import { Command } from 'commander';
import { AvmaError, toAvmaError } from '../../../errors/avma-error.ts';
import { loadTrust } from '../../../guest/trust/trust-reader.ts';
import type { VendorTrust } from '../../../protocol/vendor-trust.ts';
import { printable } from '../../../schema/printable.ts';
import { debug } from '../../../system/debug.ts';
import { ANSWER_IS_NO, type Context } from '../context.ts';
import { KIND_NAMES } from '../file-kinds.ts';
import { readInput } from '../input.ts';
import { writeData, writeJson } from '../output.ts';
import type { Style } from '../style.ts';
import { type Field, formatFields } from '../table.ts';
import { inspectFile } from './inspect-file.ts';
import {
  type Inspection,
  inspection,
  problemOf,
  signatureFields,
  validityFields,
  validityJson,
} from './inspection.ts';

/** `avma inspect`. */
export function inspectCommand(context: Context): Command {
  return new Command('inspect')
    .description('Explain files of avma: what each is, whose, and what holds; for anybody, on any machine')
    .argument('<files...>', 'certificates, licenses, catalogs, reports and all others; - for stdin')
    .option('--json', 'print the files as JSON')
    .addHelpText(
      'after',
      `
Signatures are checked with the key that the file itself names. Whether that key is trusted is said
where this machine has trust anchors. Of private keys nothing is shown.

Exit status: 0 when every file is what it is meant to be and its signature holds, ${ANSWER_IS_NO} otherwise.
Dates and trust do not change it.

Examples:
  avma inspect bank.license.json
  avma inspect *.json --json`,
    )
    .action((files: readonly string[], { json }: { json?: boolean }) =>
      inspect(context, files, json === true),
    );
}

/** A file, and what was found. */
interface Inspected {
  readonly file: string;
  readonly found: Inspection;
}

function inspect(context: Context, files: readonly string[], json: boolean): void {
  const trust = trustHere(context);
  const now = Date.now();
  const inspected = files.map((file) => ({
    file,
    found: inspectOne(file, { trust, now, alone: files.length === 1 }),
  }));
  if (json) writeJson('avma.inspect/1', { files: inspected.map((one) => inspectedJson(one, now)) });
  else writeData(inspected.map((one) => formatInspected(one, now, context.style)).join('\n\n'));
  if (inspected.some(({ found }) => found.problems.length > 0)) context.setExitStatus(ANSWER_IS_NO);
}

/** Whom this machine trusts; nobody where that cannot be read: a file is explained all the same. */
function trustHere(context: Context): VendorTrust {
  try {
    return loadTrust(context.settings());
  } catch (thrown) {
    const { code, message } = toAvmaError(thrown, 'cannot read the trust anchors');
    if (code === 'internal') throw thrown;
    debug('trust', () => `the trust anchors are not read: ${message}`);
    return [];
  }
}

interface Circumstances {
  readonly trust: VendorTrust;
  readonly now: number;
  /** Whether no other file is asked about: then one that cannot be read is the command's own failure. */
  readonly alone: boolean;
}

function inspectOne(file: string, { trust, now, alone }: Circumstances): Inspection {
  let bytes: Buffer;
  try {
    bytes = readInput(file);
  } catch (thrown) {
    if (alone || !(thrown instanceof AvmaError)) throw thrown;
    return inspection('unknown', { problems: [problemOf(thrown)] });
  }
  return inspectFile(bytes, { trust, now, file, isOpenToOthers: isOpenToOthers(file) });
}

function isOpenToOthers(file: string): boolean | null {
  if (file === '-' || process.platform === 'win32') return null;
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? null : (stat.mode & 0o077) !== 0;
}

function inspectedJson({ file, found }: Inspected, now: number): object {
  const { kind, signature, validity, content, problems, notes } = found;
  return {
    file,
    kind,
    valid: problems.length === 0,
    signature,
    validity: validity === null ? null : validityJson(validity, now),
    content,
    problems,
    notes,
  };
}

function formatInspected({ file, found }: Inspected, now: number, style: Style): string {
  const { kind, signature, validity, fields, problems, notes } = found;
  const title = kind === 'unknown' ? '' : `: ${titleOf(found)}`;
  const rows: Field[] = [
    ...problems.flatMap(({ message, code, hint }): Field[] => [
      ['Problem', { tone: 'bad', text: `${message} [${code}]` }],
      ['Next', hint],
    ]),
    ...(signature === null ? [] : signatureFields(signature)),
    ...fields,
    ...(validity === null ? [] : validityFields(validity, now)),
    ...notes.map((note): Field => ['Note', note]),
  ];
  const lines = formatFields(rows, style).split('\n');
  return [`${style.paint('strong', printable(file))}${title}`, ...lines.map((line) => `  ${line}`)].join(
    '\n',
  );
}

function titleOf({ kind, signature }: Inspection): string {
  return kind === 'catalog' && signature !== null ? 'a signed catalog' : KIND_NAMES[kind];
}
