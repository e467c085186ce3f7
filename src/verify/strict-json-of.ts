import { parseStrictJson } from '../schema/strict-json.ts';

/**
 * What a program gave as evidence or document: JSON text, its bytes, or an object, which goes through its JSON so that
 * an object and its text are judged alike. Undefined for everything else; throws nothing.
 */
export function strictJsonOf(given: unknown): unknown {
  try {
    if (typeof given === 'string') return parseStrictJson(given);
    // Not instanceof: a test runner gives a program its own Uint8Array.
    if (ArrayBuffer.isView(given)) {
      return parseStrictJson(new Uint8Array(given.buffer, given.byteOffset, given.byteLength));
    }
    return parseStrictJson(JSON.stringify(given));
  } catch {
    // Of an object that has no JSON: one with itself in it, or with a toJSON that throws.
    return undefined;
  }
}
