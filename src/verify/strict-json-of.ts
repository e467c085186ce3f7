import { parseStrictJson } from '../schema/strict-json.ts';

/** The most JSON that is looked at, in bytes: several times what the largest license takes. */
const MAX_JSON_BYTES = 1024 * 1024;

/**
 * What a program gave as evidence or document: JSON text, its bytes, or an object, which goes through its JSON so that
 * an object and its text are judged alike. Undefined for everything else; throws nothing.
 */
export function strictJsonOf(given: unknown): unknown {
  try {
    const json = jsonOf(given);
    return Buffer.byteLength(json) > MAX_JSON_BYTES ? undefined : parseStrictJson(json);
  } catch {
    // Of an object that has no JSON: one with itself in it, or with a toJSON that throws.
    return undefined;
  }
}

function jsonOf(given: unknown): string | Uint8Array {
  if (typeof given === 'string') return given;
  // Not instanceof: a test runner gives a program its own Uint8Array.
  if (ArrayBuffer.isView(given)) return new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
  return JSON.stringify(given);
}
