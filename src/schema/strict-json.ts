/**
 * JSON that means the same to every reader: UTF-8 without a byte order mark, and no object with a member twice, of
 * which one reader takes the first and another the last. Undefined for everything else. Numbers are JavaScript's.
 */
export function parseStrictJson(json: Uint8Array | string): unknown {
  let text: string;
  let value: unknown;
  try {
    text =
      typeof json === 'string'
        ? json
        : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
    value = JSON.parse(text);
  } catch (thrown) {
    if (thrown instanceof TypeError || thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
  return membersOf(value) === colonsOf(text) ? value : undefined;
}

/** How many members all objects in a value have. Without recursion: a text may nest as deeply as it is long. */
function membersOf(value: unknown): number {
  let members = 0;
  const open = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    const values: unknown[] = Object.values(next);
    if (!Array.isArray(next)) members += values.length;
    for (const one of values) open.push(one);
  }
  return members;
}

/** How many members valid JSON spells out: each has one colon outside of strings. */
function colonsOf(json: string): number {
  let colons = 0;
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === ':') colons++;
    else if (character === '"') at = endOfString(json, at);
  }
  return colons;
}

/** Where the string that begins at `start` has its closing quotation mark. */
function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at;
}
