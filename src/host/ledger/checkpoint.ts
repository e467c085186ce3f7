import type { KeyPair } from '../../protocol/curve-keys.ts';
import { type NoteKey, openNote, signNote } from '../../protocol/signed-note.ts';
import { isoInstant } from '../../schema/format-time.ts';
import { hardwareId } from '../../schema/shapes.ts';

/** The first line of every checkpoint: no other text that a host signs begins with it. */
const ORIGIN = 'avma ledger checkpoint v1';

const TEXT =
  /^avma ledger checkpoint v1\n([0-9A-F-]{19})\n([1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\n$/;

/** What {@link checkpointLine} writes, anywhere in a line of a log. */
const LOG_LINE =
  /\bcheckpoint ([0-9A-F-]{19}) (\d{1,16}) ([A-Za-z0-9+/]{43}=) (\S{24}) ([A-Za-z0-9+/]{91}=)(?![A-Za-z0-9+/=])/;

/** The last record of a ledger at a time, as a host has signed it. */
export interface CheckpointClaim {
  readonly hardwareId: string;
  /** The number and the digest, in hex, of the last record. */
  readonly seq: number;
  readonly digest: string;
  /** When it was signed, milliseconds since 1970 UTC. */
  readonly time: number;
}

/** What a note says, and whether a host has signed it. */
export type ReadCheckpoint =
  | { readonly kind: 'signed'; readonly claim: CheckpointClaim }
  | { readonly kind: 'malformed' | 'changed' | 'unknown-key' };

/** The name that a host signs notes with. */
function signerName(id: string): string {
  return `avma-host/${id}`;
}

/** The key of a host as the signer of notes. */
export function checkpointKey(id: string, publicKey: Uint8Array): NoteKey {
  return { name: signerName(id), publicKey };
}

/**
 * A signed note that says that the ledger's last record is this one.
 *
 * @param now - Milliseconds since 1970 UTC.
 */
export function signCheckpoint(
  host: { readonly hardwareId: string; readonly signing: KeyPair },
  { seq, digest }: { readonly seq: number; readonly digest: string },
  now: number,
): string {
  const base64 = Buffer.from(digest, 'hex').toString('base64');
  const text = `${ORIGIN}\n${host.hardwareId}\n${seq}\n${base64}\n${isoInstant(now)}\n`;
  return signNote(text, signerName(host.hardwareId), host.signing);
}

/** What a note says of a ledger, if one of the keys has signed it. */
export function readCheckpoint(note: string, keys: readonly NoteKey[]): ReadCheckpoint {
  const opened = openNote(note, keys);
  if (opened.kind !== 'signed') return { kind: opened.kind };
  const claim = parseText(opened.text);
  return claim === undefined ? { kind: 'malformed' } : { kind: 'signed', claim };
}

/** The record that a note names, whoever signed it, for a quick look; NaN for none. */
export function claimedRecord(note: string): number {
  return Number(note.split('\n')[2]);
}

function parseText(text: string): CheckpointClaim | undefined {
  const [, id, seq, base64, at] = TEXT.exec(text) ?? [];
  const time = Date.parse(at ?? '');
  if (id === undefined || base64 === undefined || Number.isNaN(time)) return undefined;
  if (!hardwareId.safeParse(id).success || !Number.isSafeInteger(Number(seq))) return undefined;
  return { hardwareId: id, seq: Number(seq), digest: Buffer.from(base64, 'base64').toString('hex'), time };
}

/** A note on one line, as the operator's log has it: `checkpoint HARDWARE-ID SEQ DIGEST TIME SIGNATURE`. */
export function checkpointLine(note: string): string {
  const [, id, seq, digest, time, , signature = ''] = note.split('\n');
  return `checkpoint ${id} ${seq} ${digest} ${time} ${signature.split(' ').at(-1)}`;
}

/**
 * The notes in a text: a file of checkpoints, or a log with lines of checkpoints. All else is passed over, also the
 * part of a note that a power cut left at the end.
 */
export function notesIn(text: string): string[] {
  const notes: string[] = [];
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  for (const [index, line] of lines.entries()) {
    if (line === ORIGIN) {
      const end = lines.findIndex((one, nth) => nth > index + 5 && !one.startsWith('— '));
      if (end > index + 6) notes.push(`${lines.slice(index, end).join('\n')}\n`);
      continue;
    }
    const [, id, seq, digest, time, signature] = LOG_LINE.exec(line) ?? [];
    if (id === undefined) continue;
    notes.push(`${ORIGIN}\n${id}\n${seq}\n${digest}\n${time}\n\n— ${signerName(id)} ${signature}\n`);
  }
  return notes;
}
