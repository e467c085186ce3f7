import { normalizeProductKey } from '../catalog/product-key.ts';
import { printable } from '../schema/printable.ts';
import { maskProductKeys } from '../system/product-key-mask.ts';

/** What a text is that stands where a product key should stand. */
export type KeyText =
  | { readonly kind: 'key'; readonly key: string; readonly why: string }
  | { readonly kind: 'nothing' | 'placeholder' | 'malformed'; readonly why: string };

/** The longest placeholder that a message shows; a longer one is cut. */
const SHOWN_LENGTH = 40;

/** The longest text that may be a placeholder. It bounds what the regular expressions below have to try. */
const MAX_PLACEHOLDER_LENGTH = 400;

/** Five groups of five letters or digits: the form of a key, whether or not keys use these characters. */
const KEY_FORM = /^[a-z0-9]{5}(-[a-z0-9]{5}){4}$/i;

/** What Windows Setup, and `avma guest apply --scrub`, put in the place of a key that was used. */
export const SCRUBBED = '*SENSITIVE*DATA*DELETED*';

/** Why a text that is {@link SCRUBBED} is no key. */
export const SCRUBBED_WHY = 'the key was used, and then removed from the file';

/**
 * Marks of templates and scripts around a name, in the languages that answer files are made with: Jinja, Go and
 * Mustache, shell, PowerShell, make, batch files, ERB, T4, Python, C and hand-written ones.
 */
const TEMPLATE_MARKS = [
  /\{\{.*\}\}/s,
  /\{%.*%\}/s,
  /<[%#?].*[%#?]>/s,
  /\$\{.*\}/s,
  /\$\(.*\)/s,
  /\$[a-z_][\w:.]*/i,
  /#\{.*\}/s,
  /%\{.*\}/s,
  /%%?[a-z_][\w.-]*%%?/i,
  /%\([\w.]+\)s|^%s$/,
  /<<.*>>/s,
  /<.*>/s,
  /\[\[?.*\]?\]/s,
  /^\{.*\}$/s,
  /@@?[a-z_][\w. -]*@@?/i,
  /##?[a-z_][\w. -]*##?/i,
  /!!?[a-z_][\w. -]*!!?/i,
  /~~?[a-z_][\w. -]*~~?/i,
  /\|\|?[a-z_][\w. -]*\|\|?/i,
  /__.*__/s,
  /^[:&?][a-z_]\w*$/i,
  /«.*»|‹.*›|＜.*＞/s,
];

/** Words of a note to whoever fills the file in. No key holds one: keys use neither A, E, I, L, O, S, U nor Z. */
const WORDS =
  /key|serial|licen[sc]e|product|your|insert|replac|change|placeholder|example|sample|dummy|template|variable|redact|sensitive|masked|censor|secret|fixme|(?<![a-z])(enter|here|paste|todo|tbd|fill|value|remov|delete|hidden|omit|none|null|undefined|empty|blank|optional|unset|goes|put)(?![a-z]{3})|n\/a|^(na|nil)$/i;

/** Words that say that this is no key on purpose, in tests for example: no note to anybody. */
const NO_KEY = /(^|[^a-z])(not|invalid|wrong|bad|broken|garbage|nonsense)([^a-z]|$)/i;

/**
 * Decides what stands in a place for a product key.
 *
 * A key is 29 characters with hyphens, in any case, with blanks and line ends around it and none inside: Windows takes
 * no other form. Pure; the reason never holds more of a key than its last five characters.
 */
export function readKeyText(text: string): KeyText {
  const trimmed = text.trim();
  if (trimmed === '') return { kind: 'nothing', why: 'there is no text' };
  if (trimmed.length > MAX_PLACEHOLDER_LENGTH) return { kind: 'malformed', why: otherForm(trimmed) };
  const filler = fillerReason(trimmed);
  if (filler !== undefined) return { kind: 'placeholder', why: filler };
  const key = normalizeProductKey(trimmed);
  if (key !== undefined)
    return { kind: 'key', key, why: `the text is a product key that ends in ${key.slice(-5)}` };
  return { kind: 'malformed', why: malformedReason(trimmed) };
}

/** A whole key with something around it, which nobody shall take for the key, nor print. */
const HOLDS_KEY = /(?<![a-z0-9])[a-z0-9]{5}(-[a-z0-9]{5}){4}(?![a-z0-9])/i;

/** Templates that may have a key as the value to use where there is no other. */
const WITH_DEFAULT = /\{\{|\{%|<%|\$\{|\$\(/;

/** Why the text is a placeholder; undefined for one that is none. */
function fillerReason(text: string): string | undefined {
  const shown = `"${printable(maskProductKeys(text), SHOWN_LENGTH)}"`;
  if (text === SCRUBBED) return SCRUBBED_WHY;
  if (KEY_FORM.test(text)) {
    return hasFillerGroups(text) ? `${shown} is a row of filler characters, not a key` : undefined;
  }
  if (HOLDS_KEY.test(text) && !WITH_DEFAULT.test(text)) return undefined;
  if (isFiller(text)) return `${shown} is a row of filler characters, not a key`;
  if (TEMPLATE_MARKS.some((mark) => mark.test(text)))
    return `${shown} is a template's variable that nothing replaced`;
  if (WORDS.test(text) && !NO_KEY.test(text)) return `${shown} is a note, not a key`;
  return undefined;
}

/**
 * Whether a text of a key's form is filler: one group of X or of a character that no key has (00000), five equal
 * groups, or characters that count up (ABCDE-FGHIJ-..., 12345-67890-...).
 */
function hasFillerGroups(text: string): boolean {
  const groups = text.toUpperCase().split('-');
  const uniform = groups.filter((group) => isOneCharacter(group));
  if (uniform.some((group) => /[XAEILOSUZ015]/.test(group))) return true;
  if (new Set(groups).size === 1) return true;
  // A, E, I, 1, 5 and others are in no key, so letters or digits in a row do not hit one.
  if (groups.some((group) => COUNTING.includes(group))) return true;
  // A note in groups of five: ENTER-YOURK-EYHER-E....
  return /PRODUCTKEY|YOUR|LICENSE|INSERT|ENTER|PLACEHOLDER|CHANGEME|REPLACE|EXAMPLE|SAMPLE|SERIAL/.test(
    groups.join(''),
  );
}

const COUNTING = '0123456789012345 ABCDEFGHIJKLMNOPQRSTUVWXYZABCDE 9876543210';

/** Whether letters and digits are all the same (XXXX-XXXX), or there are none (?????, *****-*****, ...). */
function isFiller(text: string): boolean {
  const characters = [...text.toUpperCase()].filter((character) => /[\p{L}\p{N}]/u.test(character));
  if (characters.length === 0) return true;
  // A masked key: *****-*****-*****-*****-DV9BG.
  if (/([*?#.•x_])\1{3}/i.test(text)) return true;
  return characters.length >= 2 && isOneCharacter(characters.join(''));
}

function isOneCharacter(text: string): boolean {
  return new Set(text).size === 1;
}

/** What is wrong with a text that is no key, without the text: it may be a key that somebody paid for. */
function malformedReason(text: string): string {
  if (KEY_FORM.test(text)) {
    const strange = [...new Set(text.toUpperCase())].filter((character) => 'AEILOSUZ015'.includes(character));
    const what = `${strange.length === 1 ? 'the character' : 'the characters'} ${strange.map((one) => `"${one}"`).join(', ')}`;
    return `the text has ${what}, which no product key has`;
  }
  const joined = text.replace(/\s+/g, '');
  if (joined !== text && normalizeProductKey(joined) !== undefined) {
    return 'the text has blanks inside, and a product key has none';
  }
  if (HOLDS_KEY.test(text)) return 'the text has a product key and something else';
  const letters = text.replace(/[^a-z0-9]/gi, '');
  if (letters.length === 25 && normalizeProductKey(letters.replace(/(.{5})(?=.)/g, '$1-')) !== undefined) {
    return 'the five groups of the key are not separated by one hyphen each';
  }
  return otherForm(text);
}

function otherForm(text: string): string {
  const length = text.length === 1 ? '1 character' : `${text.length} characters`;
  return `the text is no product key: it has ${length}, and a key has 29, five groups of five with hyphens between them`;
}
