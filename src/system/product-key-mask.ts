/** Product keys in a text down to their last five characters, the part that Windows shows too. */
export function maskProductKeys(text: string): string {
  return text.replace(
    /(?<![a-z\d])(?:[a-z\d]{5}-){4}([a-z\d]{5})(?![a-z\d])/gi,
    '*****-*****-*****-*****-$1',
  );
}
