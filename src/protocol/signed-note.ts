import { sha256 } from '../system/sha256.ts';
import { type KeyPair, signEd25519, verifyEd25519 } from './curve-keys.ts';

/**
 * Signed notes in the form of C2SP (c2sp.org/signed-note): a text that ends with a newline, an empty line, and a line
 * for each signature, `— NAME BASE64`. The base64 is four bytes that name the key and an Ed25519 signature of the text
 * with its last newline.
 */

/** Whose signature a note may have: the signer's name without spaces and plus signs, and a public key of 32 bytes. */
export interface NoteKey {
  readonly name: string;
  readonly publicKey: Uint8Array;
}

/** What became of opening a note. */
export type OpenedNote =
  /** At least one of the keys has signed it, and no signature in the name of one of them is wrong. */
  | { readonly kind: 'signed'; readonly text: string; readonly signer: NoteKey }
  /** It is no signed note. */
  | { readonly kind: 'malformed' }
  /** A signature in the name of one of the keys is wrong: the text was changed. */
  | { readonly kind: 'changed' }
  /** None of the keys has signed it. */
  | { readonly kind: 'unknown-key' };

/** The type of an Ed25519 key in the digest that names it. */
const ED25519 = 0x01;

/** The most signatures of one note that are looked at. */
const MAX_SIGNATURES = 16;

// The dash is written as its number: bundles are read as Latin-1, and a regular expression has no escapes of its own.
/** A text's last line and all before it; the empty line; the signatures. */
const NOTE = /^([\s\S]*\n)\n((?:\u2014 [^\n]*\n)+)$/;

const SIGNATURE_LINE = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u;

/** What a note's text may not have: control characters besides the newline. */
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;

/** The four bytes that name a key in a signature. */
export function noteKeyId({ name, publicKey }: NoteKey): Buffer {
  return sha256(Buffer.concat([Buffer.from(`${name}\n`), Buffer.from([ED25519]), publicKey])).subarray(0, 4);
}

/**
 * A note with one signature.
 *
 * @param text - Ends with a newline, and has no control characters besides.
 * @param name - The signer's name, without spaces and plus signs.
 */
export function signNote(text: string, name: string, pair: KeyPair): string {
  const id = noteKeyId({ name, publicKey: pair.publicKey });
  const signature = Buffer.concat([id, signEd25519(pair, Buffer.from(text))]);
  return `${text}\n— ${name} ${signature.toString('base64')}\n`;
}

/** The text of a note, if one of the keys has signed it. */
export function openNote(note: string, keys: readonly NoteKey[]): OpenedNote {
  const [, text, signatures] = NOTE.exec(note) ?? [];
  if (text === undefined || signatures === undefined || CONTROL.test(note)) return { kind: 'malformed' };
  const lines = signatures.slice(0, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) return { kind: 'malformed' };
  let signer: NoteKey | undefined;
  for (const line of lines) {
    const [, name, base64] = SIGNATURE_LINE.exec(line) ?? [];
    const bytes = Buffer.from(base64 ?? '', 'base64');
    if (name === undefined || bytes.length < 5 || bytes.toString('base64') !== base64) {
      return { kind: 'malformed' };
    }
    const key = keys.find((one) => one.name === name && noteKeyId(one).equals(bytes.subarray(0, 4)));
    if (key === undefined) continue;
    if (!verifyEd25519(key.publicKey, Buffer.from(text), bytes.subarray(4))) return { kind: 'changed' };
    signer ??= key;
  }
  return signer === undefined ? { kind: 'unknown-key' } : { kind: 'signed', text, signer };
}
