import { STDERR, STDOUT, writeOutput } from '../terminal.ts';

/** stdout is data, stderr is talk. */

/** Writes data for the next program, or for a person who asked for just that. */
export function writeData(text: string): void {
  writeOutput(STDOUT, text.endsWith('\n') ? text : `${text}\n`);
}

/** JSON with the name and version of its schema in front. */
export function writeJson(schema: string, data: object): void {
  writeData(JSON.stringify({ schema, ...data }, null, 2));
}

/** Says what was changed and what to do next. */
export function say(...lines: readonly string[]): void {
  writeOutput(STDERR, `${lines.join('\n')}\n`);
}

/** `2026-11-24 11:08:55 UTC`: for people, the same on every machine. */
export function formatInstant(milliseconds: number): string {
  return new Date(milliseconds)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');
}

/** Two columns, the first as wide as its widest. */
export function formatRows(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd()).join('\n');
}
