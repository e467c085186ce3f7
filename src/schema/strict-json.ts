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
    for (const one of values) if (typeof one === 'object') open.push(one);
  }
  return members;
}

/** A string of valid JSON, with its quotation marks. */
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/g;

/**
 * How many members valid JSON spells out: each has one colon outside of strings. By a regular expression, because each
 * start of a command reads a catalog by this, and a loop over its characters would take a tenth of that.
 */
function colonsOf(json: string): number {
  return json.replace(STRING, '').split(':').length - 1;
}
