/** Microsoft's 24 letters and digits for product keys, which leave out those that are easily confused, and N. */
const LETTERS = 'BCDFGHJKMNPQRTVWXY';
const DIGITS = '2346789';
const GROUP = `[${LETTERS}${DIGITS}]{5}`;
const PRODUCT_KEY = new RegExp(`^${GROUP}(-${GROUP}){4}$`);

/** How a product key is written, for messages: as the rest of a sentence after "must be". */
export const PRODUCT_KEY_RULE = `five groups of five characters with hyphens between them, made of the letters ${LETTERS} and the digits ${DIGITS} only`;

/** A key in upper case, without blanks around it, as keys are compared; undefined for another shape. */
export function normalizeProductKey(typed: string): string | undefined {
  const key = typed.trim().toUpperCase();
  return PRODUCT_KEY.test(key) ? key : undefined;
}

/** A new key. @param random - A whole number from 0 to below its argument, which nobody can foresee. */
export function randomProductKey(random: (below: number) => number): string {
  const characters = LETTERS + DIGITS;
  const group = () => Array.from({ length: 5 }, () => characters[random(characters.length)]).join('');
  return Array.from({ length: 5 }, group).join('-');
}

/** The last five characters, the only part of a key that is ever shown. */
export function partialProductKey(key: string): string {
  return key.slice(-5);
}
