import { printable } from '../../schema/printable.ts';
import { isTerminal, mayColor, STDERR, STDOUT, writeOutput } from '../terminal.ts';
import type { Advice } from './commands/handler.ts';
import { joinLines } from './run.ts';

/** How lines end: `\r\n` where cscript was called. */
export type LineEnd = '\n' | '\r\n';

/** How slmgr's lines are written. */
export interface OutputForm {
  readonly eol: LineEnd;
  /** Nothing at all is printed. */
  readonly batch: boolean;
  /** UTF-16LE without a byte order mark, as cscript writes it; a terminal gets its own encoding all the same. */
  readonly unicode: boolean;
}

/**
 * Where slmgr's lines go. slmgr.vbs writes its whole output at the end of its run, and so does this to a file or a
 * pipe. On a terminal each line is written when it is known, so that "Activating ..." stands there during the wait.
 */
export class SlmgrOutput {
  readonly #form: OutputForm;
  readonly #colored: (text: string) => string;
  /** Whether lines are written as they come. */
  readonly #live: boolean;
  readonly #held: string[] = [];
  #closed = false;
  #cutShort = false;

  private constructor(form: OutputForm, live: boolean, colored: (text: string) => string) {
    this.#form = form;
    this.#live = live;
    this.#colored = colored;
  }

  static async open(form: OutputForm): Promise<SlmgrOutput> {
    if (!isTerminal(STDOUT)) return new SlmgrOutput(form, false, (text) => text);
    // chalk is loaded on terminals only.
    const colored = mayColor(STDOUT) ? (await import('./color.ts')).colorReport : (text: string) => text;
    return new SlmgrOutput(form, true, colored);
  }

  print(...lines: readonly string[]): void {
    // A file's name is printed as it was given, but must not move the cursor.
    if (this.#live) this.#write(this.#joined(lines.map((line) => printable(line))));
    else this.#held.push(...lines);
  }

  /** Prints lines that come before everything else, also when the run never ends by itself. */
  printNow(...lines: readonly string[]): void {
    this.#write(this.#joined(lines));
  }

  /** Passes on what another machine's slmgr printed. */
  pass(output: Uint8Array): void {
    this.#write(remoteOutput(output, this.#form));
  }

  /** Writes what was held back. What is printed from now on is dropped. */
  close(): void {
    if (this.#held.length > 0) this.#write(this.#joined(this.#held));
    this.#closed = true;
  }

  /** Drops what was held back and prints these lines last: the run was ended from outside. */
  closeWith(lines: readonly string[]): void {
    this.#held.length = 0;
    this.#held.push(...lines);
    this.close();
    this.#cutShort = true;
  }

  /** Whether a person reads what is written to stderr. */
  get explains(): boolean {
    return !this.#form.batch && !this.#cutShort && isTerminal(STDERR);
  }

  /** Says on a terminal why something failed and what to do now. No script ever sees it. */
  advise(advice: readonly Advice[]): void {
    if (advice.length === 0 || !this.explains) return;
    writeOutput(STDERR, advice.map(adviceText).join(''));
  }

  #joined(lines: readonly string[]): string {
    return this.#colored(joinLines(lines, this.#form.eol));
  }

  #write(output: string | Uint8Array): void {
    if (this.#form.batch || this.#closed) return;
    const encoded =
      typeof output === 'string' && this.#form.unicode && !this.#live
        ? Buffer.from(output, 'utf16le')
        : output;
    writeOutput(STDOUT, encoded);
  }
}

function adviceText({ reason, nextStep }: Advice): string {
  return `slmgr: ${printable(reason)}.\n       ${printable(nextStep)}\n`;
}

/** Another machine's output: byte for byte, unless this machine has to write CRLF or UTF-16LE. */
export function remoteOutput(
  output: Uint8Array,
  { eol, unicode }: Pick<OutputForm, 'eol' | 'unicode'>,
): string | Uint8Array {
  const bytes = Buffer.from(output);
  if (unicode) return bytes.toString('utf8').replace(/\r?\n/g, eol);
  if (eol === '\n') return output;
  // latin1 keeps every byte, whatever the encoding is.
  return Buffer.from(bytes.toString('latin1').replace(/\r?\n/g, eol), 'latin1');
}
