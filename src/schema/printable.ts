/**
 * Characters that must not reach a screen or a log as they are, because text that holds one does not read as what it
 * is: control characters (C0, C1), line and paragraph separators, characters that change the direction of the text
 * around them, invisible characters, tags, and halves of surrogate pairs.
 */
const UNPRINTABLE =
  '[\\p{Cc}\\p{Cs}\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2064\\u2066-\\u206f\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}]';

/**
 * Every character of {@link UNPRINTABLE}, and every one outside the basic plane. Nearly all text has none of them, and
 * so the regular expressions with Unicode properties, which cost 0.3 ms of a start, are compiled for few texts only.
 */
const SUSPECT =
  /[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]/;

let oneUnprintable: RegExp | undefined;
let allUnprintable: RegExp | undefined;

/** True if `text` can be shown on one line as it is: no control, direction-changing or invisible character. */
export function isPrintable(text: string): boolean {
  if (!SUSPECT.test(text)) return true;
  oneUnprintable ??= new RegExp(UNPRINTABLE, 'u');
  return !oneUnprintable.test(text);
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
  if (!SUSPECT.test(cut) && cut.length <= maxLength) return cut;
  allUnprintable ??= new RegExp(UNPRINTABLE, 'gu');
  const safe = cut.replace(allUnprintable, (found) => `\\u{${found.codePointAt(0)?.toString(16)}}`);
  if (safe.length <= maxLength) return safe;
  let kept = '';
  for (const [character] of safe.matchAll(/\\u\{[0-9a-f]+\}|./gu)) {
    if (kept.length + character.length > maxLength - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/**
 * JSON of two columns' indentation that is safe on a screen: each unprintable character of a string is written as
 * JSON's own escape, so that a reader gets the text unchanged.
 */
export function printableJson(value: unknown): string {
  const json = JSON.stringify(value, null, 2);
  return json.split('\n').map(escapeLine).join('\n');
}

/** As {@link printableJson}, on one line: for output of one object a line. */
export function printableJsonLine(value: unknown): string {
  return escapeLine(JSON.stringify(value));
}

/** A line of JSON has unprintable characters in its strings only. */
function escapeLine(line: string): string {
  if (isPrintable(line)) return line;
  allUnprintable ??= new RegExp(UNPRINTABLE, 'gu');
  return line.replace(allUnprintable, (found) =>
    [...Array(found.length).keys()]
      .map((at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
