import { type ChildProcess, spawn } from 'node:child_process';
import { debug } from '../system/debug.ts';
import { findProgram } from '../system/find-program.ts';

/** Where systemd's journal takes entries. */
const JOURNAL_SOCKET = '/run/systemd/journal/socket';

/** How many entries may be on their way. Beyond it the helper hangs, or the journal does. */
const MAX_UNSENT = 1000;

/**
 * Sends what comes on stdin, up to each NUL, as a datagram, and writes a dot for each that the journal has. It ends
 * with its stdin: the service manager's signals are for the service.
 */
const PERL = `use Socket; $SIG{$_} = 'IGNORE' for qw(TERM INT HUP);
socket(S, AF_UNIX, SOCK_DGRAM, 0) or exit 1; my $to = sockaddr_un($ARGV[0]); $/ = "\\0";
while (<STDIN>) { chomp or last; defined send(S, $_, 0, $to) or exit 1; syswrite(STDOUT, '.') or exit 1 }`;

/** The same, where there is no Perl. */
const PYTHON = `import os, signal, socket, sys
for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(one, signal.SIG_IGN)
to = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); rest = b''
while True:
    more = os.read(0, 65536)
    if not more: break
    *whole, rest = (rest + more).split(b'\\0')
    for entry in whole:
        to.sendto(entry, sys.argv[1]); os.write(1, b'.')`;

/** An entry on its way to the journal. */
export interface JournalEntry {
  /** The fields in the journal's native form. */
  readonly text: string;
  /** Called where the entry did not get there. */
  lost(): void;
}

/** What runs the helper, and where the journal's socket is. */
export interface HelperOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly socket?: string;
}

/**
 * Sends entries to systemd's journal, fields and all. Node has no datagram sockets of the file system, so one small
 * program does it for as long as the service runs, in Perl or Python: a program for each entry, as `logger --journald`
 * is, would cost more than an answer does, and be gone before the journal looks which unit it belongs to.
 */
export class JournalHelper {
  readonly #child: ChildProcess;
  readonly #unsent: JournalEntry[] = [];
  readonly #ended: Promise<void>;
  #isGone = false;

  /** @returns Undefined on a machine with neither Perl nor Python. */
  static start({ env, socket = JOURNAL_SOCKET }: HelperOptions): JournalHelper | undefined {
    for (const [name, option, script] of [
      ['perl', '-e', PERL],
      ['python3', '-c', PYTHON],
    ] as const) {
      const file = findProgram(name, env);
      if (file !== null) return new JournalHelper(file, [option, script, socket], env);
    }
    return undefined;
  }

  private constructor(file: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#child = spawn(file, args, { env, stdio: ['pipe', 'pipe', 'ignore'], windowsHide: true });
    this.#child.unref();
    // As sockets, which the streams of a child are, they would keep the process alive.
    for (const stream of [this.#child.stdin, this.#child.stdout]) (stream as { unref?(): void }).unref?.();
    this.#child.stdin?.on('error', () => {});
    this.#child.stdout?.on('data', (dots: Buffer) => this.#unsent.splice(0, dots.length));
    this.#ended = new Promise((resolve) => {
      const end = (why: unknown) => {
        debug('exec', () => `the program that writes to the journal has ended: ${why}`);
        this.#isGone = true;
        for (const entry of this.#unsent.splice(0)) entry.lost();
        resolve();
      };
      this.#child.once('error', end);
      this.#child.once('close', end);
    });
  }

  /** Whether it takes no more entries. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Takes an entry, unless too many are on their way. @returns Whether it did. */
  send(entry: JournalEntry): boolean {
    if (this.#isGone || this.#unsent.length >= MAX_UNSENT) return false;
    this.#unsent.push(entry);
    this.#child.stdin?.write(`${entry.text}\0`);
    return true;
  }

  /** Resolves when all entries are there or lost. */
  async close(patienceMs: number): Promise<void> {
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), patienceMs);
    await this.#ended;
    clearTimeout(timer);
  }
}
