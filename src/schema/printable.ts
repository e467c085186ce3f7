/**
 * Characters that must not reach a screen or a log as they are, because text that holds one does not read as what it
 * is: control characters (C0, C1), line and paragraph separators, characters that change the direction of the text
 * around them, invisible characters, tags, and halves of surrogate pairs.
 */
const UNPRINTABLE =
  '[\\p{Cc}\\p{Cs}\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2064\\u2066-\\u206f\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}]';

const ONE_UNPRINTABLE = new RegExp(UNPRINTABLE, 'u');
const ALL_UNPRINTABLE = new RegExp(UNPRINTABLE, 'gu');

/** True if `text` can be shown on one line as it is: no control, direction-changing or invisible character. */
export function isPrintable(text: string): boolean {
  return !ONE_UNPRINTABLE.test(text);
}

/**
 * Text from outside (a file, an argument, the wire, another program) as one line that is safe on a screen and in a
 * log: each unprintable character is written as its code point, `\u{1b}`.
 *
 * @param maxLength - The longest result in UTF-16 units; a longer one is cut between characters and ends in `…`.
 */
export function printable(text: string, maxLength = Number.POSITIVE_INFINITY): string {
  // A text that is cut anyway is not escaped to its end: it may be megabytes long.
  const cut = text.length > maxLength ? text.slice(0, maxLength + 1) : text;
  const safe = cut.replace(ALL_UNPRINTABLE, (found) => `\\u{${found.codePointAt(0)?.toString(16)}}`);
  if (safe.length <= maxLength) return safe;
  let kept = '';
  for (const [character] of safe.matchAll(/\\u\{[0-9a-f]+\}|./gu)) {
    if (kept.length + character.length > maxLength - 1) break;
    kept += character;
  }
  return `${kept}…`;
}
