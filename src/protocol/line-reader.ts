import { MAX_FRAME_LENGTH, type ParsedLine, parseLine } from './frame.ts';

/**
 * Cuts a byte stream into lines and parses each, whatever the pieces it arrives in. Keeps at most one frame's length:
 * a longer line is dropped up to its newline. Lines that are no frames count as noise.
 */
export class LineReader {
  #pending = '';
  #overlong = false;
  #noise = 0;

  /** Bytes since the last frame, an unfinished line included. The caller gives up past a limit of its own. */
  get noise(): number {
    return this.#noise + this.#pending.length;
  }

  /** Takes the next bytes. Returns the frames that they completed, in their order; noise is counted only. */
  push(chunk: Uint8Array): Exclude<ParsedLine, { kind: 'noise' }>[] {
    const found: Exclude<ParsedLine, { kind: 'noise' }>[] = [];
    // latin1 keeps one character a byte, so lengths are bytes and no sequence can be cut in the middle.
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      const line = this.#pending + text.slice(start, end);
      const parsed: ParsedLine = this.#overlong ? { kind: 'noise' } : parseLine(line);
      this.#pending = '';
      this.#overlong = false;
      start = end + 1;
      if (parsed.kind === 'noise') {
        this.#noise += line.length + 1;
      } else {
        this.#noise = 0;
        found.push(parsed);
      }
    }
    const rest = text.slice(start);
    if (this.#overlong || this.#pending.length + rest.length >= MAX_FRAME_LENGTH) {
      this.#noise += this.#pending.length + rest.length;
      this.#pending = '';
      this.#overlong = true;
    } else {
      this.#pending += rest;
    }
    return found;
  }
}
