import { bold, escaped, section, subsection, term, verbatim } from './roff.ts';

/**
 * The part of a document under some of its headings of the second level, in the order that is given.
 *
 * @throws {Error} for a heading that the document does not have.
 */
export function partsOf(markdown: string, headings: readonly string[]): string {
  const parts = markdown.split(/^(?=## )/m);
  return headings
    .map((heading) => {
      const part = parts.find((text) => text.startsWith(`## ${heading}\n`));
      if (part === undefined) throw new Error(`no heading "${heading}"`);
      return part;
    })
    .join('\n');
}

/** A document in the Markdown that docs/ is written in, as lines of man(7). Pictures and comments are left out. */
export function manOfMarkdown(markdown: string): string[] {
  const blocks = markdown
    .replace(/<!--[\s\S]*?-->\n?/g, '')
    .split(/(^```[\s\S]*?^```$)/m)
    .flatMap((part) => (part.startsWith('```') ? [part] : part.split(/\n\s*\n/)));
  return withoutIdleParagraphs(blocks.map((block) => block.replace(/^\n+|\s+$/g, '')).flatMap(blockLines));
}

function blockLines(block: string): string[] {
  if (block === '' || block.startsWith('![')) return [];
  if (block.startsWith('```')) return verbatim(block.split('\n').slice(1, -1).join('\n'));
  const heading = /^(#{2,4}) (.*)\n?/.exec(block);
  if (heading !== null) {
    const [whole, level = '', title = ''] = heading;
    const line = level === '##' ? section(plain(title)) : subsection(plain(title));
    return [line, ...blockLines(block.slice(whole.length).trim())];
  }
  if (block.startsWith('|')) return tableLines(block);
  if (/^([-*]|\d+\.) /.test(block)) return listLines(block);
  return ['.PP', ...textLines(block)];
}

/** A table becomes a list: its first column names what the others say. */
function tableLines(table: string): string[] {
  const [header = [], , ...rows] = table.split('\n').map(cellsOf);
  return rows.flatMap(([first = '', ...cells]) => {
    const said = cells
      .map((cell, index) => {
        const name = header[index + 1] ?? '';
        return cell === '' ? '' : `${cells.length > 1 && name !== '' ? `${name}: ` : ''}${cell}`;
      })
      .filter((cell) => cell !== '');
    return term(inline(first), inline(said.join('; ')));
  });
}

function cellsOf(row: string): string[] {
  return row
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

function listLines(list: string): string[] {
  return list.split(/\n(?=(?:[-*]|\d+\.) )/).flatMap((item) => {
    const [mark = ''] = /^([-*]|\d+\.)/.exec(item) ?? [];
    return [/\d/.test(mark) ? `.IP ${mark} 4` : '.IP \\(bu 2', ...textLines(item.slice(mark.length))];
  });
}

function textLines(text: string): string[] {
  return inline(text.trim().replace(/\s*\n\s*/g, '\n')).split('\n');
}

/** Bold words, code and links in a line of text. */
function inline(text: string): string {
  return text
    .split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)]+\))/)
    .filter((part) => part !== '')
    .map((part) => {
      if (part.startsWith('`')) return bold(part.slice(1, -1));
      if (part.startsWith('**')) return bold(plain(part.slice(2, -2)));
      const link = /^\[([^\]]+)\]\(([^)]+)\)$/.exec(part);
      return link === null ? escapedLines(part) : inline(link[1] ?? '');
    })
    .join('');
}

function escapedLines(text: string): string {
  return text.split('\n').map(escaped).join('\n');
}

function plain(text: string): string {
  return text.replace(/`|\*\*/g, '').replace(/\[([^\]]+)\]\([^)]+\)/g, '$1');
}

/** mandoc says that a paragraph right after a heading does nothing. */
function withoutIdleParagraphs(lines: readonly string[]): string[] {
  return lines.filter((line, index) => line !== '.PP' || !/^\.S[HS] /.test(lines[index - 1] ?? '.SH '));
}
