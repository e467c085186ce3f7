import { printable } from '../../schema/printable.ts';

/** HTML that is safe as it is: made by {@link html}, never from outside. */
export interface Html {
  readonly html: string;
}

type Piece = string | number | Html | readonly (string | number | Html)[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * A template of HTML. What is filled in is text, and cannot be anything else: every character that HTML gives a meaning
 * is escaped, and unprintable ones are written as their code points. Only {@link Html} goes in as it is. Attributes
 * have to be in double quotes.
 */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  return { html: strings.map((part, index) => part + asHtml(pieces[index] ?? '')).join('') };
}

function asHtml(piece: Piece): string {
  if (typeof piece === 'number') return String(piece);
  if (typeof piece === 'string')
    return printable(piece).replace(/[&<>"']/g, (found) => ENTITIES[found] ?? '');
  return 'html' in piece ? piece.html : piece.map(asHtml).join('');
}
