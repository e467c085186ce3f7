/** Microsoft's 24 letters and digits for product keys, and the N that keys since Windows 8 have besides. */
const PRODUCT_KEY = /^[BCDFGHJKMNPQRTVWXY2346789]{5}(-[BCDFGHJKMNPQRTVWXY2346789]{5}){4}$/;

/** A key as it is compared: upper case, without blanks around it; undefined if it is not shaped like one. */
export function normalizeProductKey(typed: string): string | undefined {
  const key = typed.trim().toUpperCase();
  return PRODUCT_KEY.test(key) ? key : undefined;
}

/** The last five characters, the only part of a key that is ever shown. */
export function partialProductKey(key: string): string {
  return key.slice(-5);
}
