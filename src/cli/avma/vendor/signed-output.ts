import fs from 'node:fs';
import type { Command } from 'commander';
import { AvmaError } from '../../../errors/avma-error.ts';
import type { CosignedEnvelope } from '../../../protocol/envelope.ts';
import { createFile } from '../../../storage/atomic-file.ts';
import { STDERR } from '../../terminal.ts';
import { writeData, writeTalk } from '../output.ts';
import { styleFor } from '../style.ts';
import { type Field, formatFields } from '../table.ts';

/** The options of a command that signs one file. */
export interface SignedOutputOptions {
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `--dry-run` and `--json` of a command that signs; each names its `--out` itself. */
export function addSignedOutputOptions(command: Command): Command {
  return command
    .option('--dry-run', 'show what would be signed, and sign nothing')
    .option('--json', 'print what was signed as JSON; needs --out or --dry-run');
}

/**
 * @param what - The noun for what is signed.
 * @throws {AvmaError} `argument-invalid` for JSON that would mix with what was signed.
 */
export function refuseMixedOutput({ json, out, dryRun }: SignedOutputOptions, what: string): void {
  if (json === true && out === undefined && dryRun !== true) {
    throw new AvmaError('argument-invalid', `--json and the ${what} would both go to stdout`, {
      hint: `Name a file for the ${what}: --out ${what}.json.`,
    });
  }
}

/**
 * Before anything is signed: a file that is there would be noticed after the signature only.
 *
 * @throws {AvmaError} `file-exists`.
 */
export function refuseExisting({ out, dryRun }: SignedOutputOptions): void {
  if (out === undefined || dryRun === true || !fs.existsSync(out)) return;
  throw new AvmaError('file-exists', `${out} is there already`);
}

/** A signed file's text. */
export function signedText(envelope: CosignedEnvelope): string {
  return `${JSON.stringify(envelope, null, 2)}\n`;
}

/** Writes what was signed to the new file of `--out`, or to stdout. @throws {AvmaError} as `createFile`. */
export function writeSigned(envelope: CosignedEnvelope, out: string | undefined): void {
  if (out === undefined) writeData(signedText(envelope));
  else createFile(out, signedText(envelope), 0o644);
}

/** Shows on stderr what was signed, or would be. */
export async function saySigned(fields: readonly Field[], dryRun: boolean | undefined): Promise<void> {
  const table = formatFields(fields, await styleFor(STDERR));
  const heading = dryRun === true ? 'This would be signed:' : 'Signed:';
  writeTalk([heading, ...table.split('\n').map((line) => `  ${line}`)].join('\n'));
}
