import { printable } from '../../schema/printable.ts';
import type { Style, Tone } from './style.ts';

/**
 * Text in a table: plain, or with a tone and, unless it is bare, the tone's symbol. Whatever it holds, it is printed on
 * one line without control characters.
 */
export type Cell = string | { readonly tone: Tone; readonly text: string; readonly bare?: boolean };

/** A name and its value; an empty name continues the row above it. */
export type Field = readonly [name: string, value: Cell | readonly Cell[]];

/** Two columns: the names, padded to the longest, and the values. */
export function formatFields(fields: readonly Field[], style: Style): string {
  const width = Math.max(0, ...fields.map(([name]) => name.length));
  return fields
    .map(([name, value]) => {
      const cells = isCell(value) ? [value] : value;
      const text = cells.map((cell) => paintCell(cell, style)).join('');
      return `${style.paint('dim', name.padEnd(width))}  ${text}`.trimEnd();
    })
    .join('\n');
}

/** Columns with a heading each; the last one is not padded. */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  style: Style,
): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => cellText(row[column] ?? '', style).length)),
  );
  const line = (cells: readonly Cell[], toneOf: (cell: Cell) => Tone) =>
    cells
      .map((cell, column) => {
        const text = cellText(cell, style);
        const padding = column === cells.length - 1 ? '' : ' '.repeat((widths[column] ?? 0) - text.length);
        return style.paint(toneOf(cell), text) + padding;
      })
      .join('  ')
      .trimEnd();
  return [line(headings, () => 'dim'), ...rows.map((row) => line(row, cellTone))].join('\n');
}

function isCell(value: Cell | readonly Cell[]): value is Cell {
  return !Array.isArray(value);
}

function paintCell(cell: Cell, style: Style): string {
  return style.paint(cellTone(cell), cellText(cell, style));
}

/** The symbol of the cell's tone and its text. */
function cellText(cell: Cell, style: Style): string {
  if (typeof cell === 'string') return printable(cell);
  return (cell.bare === true ? '' : style.symbol(cell.tone)) + printable(cell.text);
}

function cellTone(cell: Cell): Tone {
  return typeof cell === 'string' ? 'plain' : cell.tone;
}
