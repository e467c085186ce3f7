import { parseStrictJson } from '../schema/strict-json.ts';

/**
 * What a program gave as evidence or document: JSON text, its bytes, or an object, which goes through its JSON so that
 * an object and its text are judged alike. Undefined for everything else; throws nothing.
 */
export function strictJsonOf(given: unknown): unknown {
  try {
    return parseStrictJson(
      typeof given === 'string' || given instanceof Uint8Array ? given : JSON.stringify(given),
    );
  } catch {
    // Of an object that has no JSON: one with itself in it, or with a toJSON that throws.
    return undefined;
  }
}
