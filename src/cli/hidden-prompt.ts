import fs from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import type { ReadStream } from 'node:tty';
import { errnoOf } from '../system/errno.ts';

const END_OF_LINE = /[\r\n]/;
const CTRL_C = '\x03';
const CTRL_D = '\x04';
const CTRL_U = '\x15';
const ERASE = new Set(['\x7f', '\b']);

/**
 * Asks for secrets on the terminal itself, whatever stdin and stdout are, and shows nothing of what is typed. Between
 * {@link open} and {@link close} the terminal is in raw mode.
 */
export class HiddenPrompt {
  readonly #terminal: ReadStream;
  readonly #fd: number;
  readonly #decoder = new StringDecoder('utf8');
  #typed = '';
  #ended = false;
  #wake = () => {};

  /** @returns null where the process has no terminal. */
  static open(): HiddenPrompt | null {
    const tty = process.getBuiltinModule('node:tty');
    let fd: number;
    try {
      fd = fs.openSync(process.platform === 'win32' ? '\\\\.\\CONIN$' : '/dev/tty', 'r+');
    } catch (thrown) {
      // ENXIO: no terminal; ENOENT: no such device in this container.
      if (errnoOf(thrown) === undefined) throw thrown;
      return null;
    }
    if (!tty.isatty(fd)) {
      fs.closeSync(fd);
      return null;
    }
    return new HiddenPrompt(new tty.ReadStream(fd), fd);
  }

  private constructor(terminal: ReadStream, fd: number) {
    this.#terminal = terminal;
    this.#fd = fd;
    terminal.setRawMode(true);
    terminal.on('data', (bytes) => {
      this.#typed += this.#decoder.write(bytes as unknown as Buffer);
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    terminal.on('end', end);
    terminal.on('error', end);
  }

  /** One line, without its end; null for Ctrl-D, and for a terminal that is gone. Ctrl-C ends the process. */
  async ask(question: string): Promise<string | null> {
    this.#write(question);
    let line = '';
    for (;;) {
      for (const key of this.#take()) {
        if (key === CTRL_C) this.#interrupt();
        if (key === CTRL_D || END_OF_LINE.test(key)) {
          this.#write('\n');
          return key === CTRL_D && line === '' ? null : line;
        }
        if (ERASE.has(key)) line = [...line].slice(0, -1).join('');
        else if (key === CTRL_U) line = '';
        else if (key >= ' ') line += key;
      }
      if (this.#ended) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#terminal.setRawMode(false);
    this.#terminal.destroy();
  }

  /** The characters that were typed, each taken once: what is left after a line is the beginning of the next. */
  *#take(): Generator<string> {
    while (this.#typed !== '') {
      const [key = ''] = this.#typed;
      this.#typed = this.#typed.slice(key.length);
      yield key;
    }
  }

  #interrupt(): never {
    this.#write('\n');
    this.close();
    process.kill(process.pid, 'SIGINT');
    process.exit(130);
  }

  // Raw mode does not make a newline of '\n' alone.
  #write(text: string): void {
    fs.writeSync(this.#fd, text.replaceAll('\n', '\r\n'));
  }
}
