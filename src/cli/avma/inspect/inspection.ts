import { type AvmaError, toAvmaError } from '../../../errors/avma-error.ts';
import { CODES } from '../../../errors/codes.ts';
import type { FileKind } from '../../../protocol/identify-file.ts';
import { keyIdOf, type VendorTrust, vendorOfKeyId } from '../../../protocol/vendor-trust.ts';
import { formatDuration } from '../../../schema/format-duration.ts';
import { formatMinute, isoInstant } from '../../../schema/format-time.ts';
import { type Validity, validityState } from '../../../schema/validity.ts';
import type { Cell, Field } from '../table.ts';

/** What `avma inspect` finds out about one file. */
export interface Inspection {
  readonly kind: FileKind;
  /** Null for a file that nobody signs, and for one that is damaged. */
  readonly signature: SignatureCheck | null;
  /** Null for a file without dates of its own. */
  readonly validity: Validity | null;
  /** What the file says, for JSON; null for a secret one and for one that cannot be read. */
  readonly content: object | null;
  /** The same for people. */
  readonly fields: readonly Field[];
  /** Why the file is not what it is meant to be. */
  readonly problems: readonly Problem[];
  /** What else is to be known: none of it makes the file wrong. */
  readonly notes: readonly string[];
}

/** Why a file is not what it is meant to be. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** Whether a signature holds, and whether its key is trusted: two questions. */
export interface SignatureCheck {
  /** Checked with the key that the file itself names. */
  readonly holds: boolean;
  readonly signers: readonly Signer[];
}

/** Who signed, by the file's own word. */
export interface Signer {
  readonly name: string | null;
  readonly keyId: string;
  /** Whether this machine trusts the key; null where it trusts nobody. */
  readonly trusted: boolean | null;
}

/** What an inspection knows of the machine that it runs on. */
export interface InspectionContext {
  /** The vendors whom this machine trusts; empty where it has no anchors, or where this user cannot read them. */
  readonly trust: VendorTrust;
  /** By the wall clock, milliseconds since 1970 UTC. */
  readonly now: number;
  /** The file's name, for messages and commands. */
  readonly file: string;
  /** Whether users besides its owner may read the file; null where that cannot be known. */
  readonly isOpenToOthers: boolean | null;
}

/** An inspection that has found nothing yet. */
export function inspection(kind: FileKind, found: Partial<Omit<Inspection, 'kind'>> = {}): Inspection {
  return {
    signature: null,
    validity: null,
    content: null,
    fields: [],
    problems: [],
    notes: [],
    ...found,
    kind,
  };
}

/** An error as what is wrong with a file. */
export function problemOf(thrown: unknown): Problem {
  // A hostile file may have more in it than the stack has room for.
  if (thrown instanceof RangeError) {
    return {
      code: 'file-invalid',
      message: 'it has too much in it to be read',
      hint: CODES['file-invalid'].hint,
    };
  }
  const { code, message, hint }: AvmaError = toAvmaError(thrown, 'the file cannot be read');
  if (code === 'internal') throw thrown;
  return { code, message, hint };
}

/** The signer whose public key, in base64url, a file names. */
export function signerOf(publicKey: string, name: string | null, { trust }: InspectionContext): Signer {
  const keyId = keyIdOf(publicKey);
  const isRoot = trust.some(({ roots }) => roots.some((root) => root.keyId === keyId));
  return {
    name: vendorOfKeyId(trust, keyId)?.name ?? name,
    keyId,
    trusted: trust.length === 0 ? null : isRoot,
  };
}

/** A validity as JSON shows it. @param now - As the inspection's. */
export function validityJson(validity: Validity, now: number): object {
  const { notBefore, notAfter, graceUntil } = validity;
  return {
    notBefore: isoInstant(notBefore),
    notAfter: isoInstant(notAfter),
    graceUntil: isoInstant(graceUntil),
    state: validityState(validity, now),
  };
}

/** The rows of a validity. @param now - As the inspection's. */
export function validityFields(validity: Validity, now: number): Field[] {
  const { notBefore, notAfter, graceUntil } = validity;
  const grace = graceUntil > notAfter ? `, renewal grace until ${formatMinute(graceUntil)}` : '';
  return [
    ['Valid', `${formatMinute(notBefore)} to ${formatMinute(notAfter)}${grace}`],
    ['Now', stateCell(validity, now)],
  ];
}

function stateCell(validity: Validity, now: number): Cell {
  const { notBefore, notAfter, graceUntil } = validity;
  switch (validityState(validity, now)) {
    case 'not yet valid':
      return { tone: 'warn', text: `it begins in ${formatDuration(notBefore - now)}` };
    case 'valid':
      return { tone: 'good', text: `it is valid for ${formatDuration(notAfter - now)} more` };
    case 'in grace':
      return {
        tone: 'warn',
        text: `it has ended, and is in its renewal grace for ${formatDuration(graceUntil - now)} more`,
      };
    case 'ended':
      return { tone: 'bad', text: `it ended ${formatDuration(now - graceUntil)} ago` };
  }
}

/** The rows of a signature: one for each signer. */
export function signatureFields({ holds, signers }: SignatureCheck): Field[] {
  if (!holds) {
    return [['Signature', { tone: 'bad', text: 'does not hold: the file was changed after it was signed' }]];
  }
  return signers.map((signer, index) => [index === 0 ? 'Signature' : '', signerCells(signer)]);
}

function signerCells({ name, keyId, trusted }: Signer): Cell[] {
  const by = `holds, by key ${keyId}${name === null ? '' : ` of "${name}"`}`;
  if (trusted === true) return [{ tone: 'good', text: `${by}, which is trusted here` }];
  if (trusted === false) return [{ tone: 'warn', text: `${by}, which is not trusted here` }];
  return [{ tone: 'good', text: by }];
}
