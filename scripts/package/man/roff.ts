// The few requests of man(7) that the pages need, and how text is written in them.

/** A page of the manual. */
export interface ManPage {
  readonly name: string;
  readonly section: 1 | 5 | 8;
  /** The page in man(7), with its title line. */
  readonly text: string;
}

/** What the title line of each page says besides its name. */
export interface PageSetting {
  readonly version: string;
  /** `YYYY-MM-DD`. */
  readonly date: string;
}

const SECTIONS = { 1: 'User commands', 5: 'File formats', 8: 'System administration' };

/** The page of these lines. */
export function manPage(
  { name, section }: Pick<ManPage, 'name' | 'section'>,
  summary: string,
  { version, date }: PageSetting,
  lines: readonly string[],
): ManPage {
  const text = [
    `.TH ${quoted(name.toUpperCase())} ${section} "${date}" ${quoted(`avma ${version}`)} ${quoted(SECTIONS[section])}`,
    '.SH NAME',
    `${escaped(name)} \\- ${escaped(summary)}`,
    ...lines,
    '',
  ].join('\n');
  return { name, section, text };
}

/** Text that roff takes as it is. */
export function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replace(/^\./, '\\&.')
    .replace(/[^\x20-\x7e]/gu, (character) => SPECIAL[character] ?? `\\[u${codePoint(character)}]`);
}

const SPECIAL: Record<string, string> = {
  '→': '\\(->',
  '…': '...',
  '·': '\\(bu',
  '×': '\\(mu',
  '±': '\\(+-',
};

function codePoint(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
}

/** An argument of a request. */
function quoted(text: string): string {
  return `"${escaped(text).replaceAll('"', '\\(dq')}"`;
}

/** Text in bold: what is typed as it stands. */
export function bold(text: string): string {
  return `\\fB${escaped(text)}\\fR`;
}

/** `<file>` and `[id]` in italics, the rest in bold. */
export function syntax(text: string): string {
  return text
    .split(/([<[][^\]>]+[\]>](?:\.{3})?)/)
    .filter((part) => part !== '')
    .map((part) => (/^[<[]/.test(part) ? placeholder(part) : bold(part)))
    .join('');
}

function placeholder(part: string): string {
  const optional = part.startsWith('[');
  const name = part.replace(/[<>[\]]/g, '');
  const italic = `\\fI${escaped(name)}\\fR`;
  return optional ? `[${italic}]` : italic;
}

/** The heading of a section. */
export function section(title: string): string {
  return `.SH ${quoted(title.toUpperCase())}`;
}

/** The heading of a part of a section. */
export function subsection(title: string): string {
  return `.SS ${quoted(title)}`;
}

/** A term with what is said of it; both are in roff already. */
export function term(tag: string, text: string): string[] {
  return ['.TP', tag || '\\&', text || '\\&'];
}

/** Lines that are shown as they are. */
export function verbatim(text: string): string[] {
  const lines = text.split('\n').map((line) => escaped(line) || '\\&');
  return ['.PP', '.RS 4', '.nf', ...lines, '.fi', '.RE'];
}
