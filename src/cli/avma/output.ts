import { printable, printableJson } from '../../schema/printable.ts';
import { STDERR, STDOUT, writeOutput } from '../terminal.ts';

/** stdout is data, stderr is talk. */

/** Writes to stdout what the command was asked for. */
export function writeData(text: string): void {
  writeOutput(STDOUT, text.endsWith('\n') ? text : `${text}\n`);
}

/** Writes JSON that begins with the name and version of its schema; docs/schemas has one file for each name. */
export function writeJson(schema: `avma.${string}/${number}`, data: object): void {
  writeData(printableJson({ schema, ...data }));
}

/** Says on stderr what was changed and what to do next. Each argument is printed as one line, whatever it holds. */
export function say(...lines: readonly string[]): void {
  writeOutput(STDERR, lines.map((line) => `${printable(line)}\n`).join(''));
}

/** Writes text to stderr that is printable already and may be colored: a table, for example. */
export function writeTalk(text: string): void {
  writeOutput(STDERR, text.endsWith('\n') ? text : `${text}\n`);
}
