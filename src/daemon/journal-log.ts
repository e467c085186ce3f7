import { printable } from '../schema/printable.ts';
import { isConnectedToJournal } from '../system/journal.ts';
import type { LogAbout, LogLevel, Notify } from '../system/notify.ts';
import { JournalHelper } from './journal-helper.ts';

/** How long the entries that are on their way may take when the service ends, in milliseconds. */
const CLOSE_PATIENCE_MS = 2000;

/** How long a helper that has ended is not started again, in milliseconds. */
const RESTART_MS = 60_000;

/** The priorities of syslog(3). */
const PRIORITIES: Readonly<Record<LogLevel, number>> = { error: 3, warning: 4, notice: 5, info: 6 };

/** A service's log. */
export interface ServiceLog {
  readonly write: Notify;
  /** Resolves when all that was written is where it belongs. */
  close(): Promise<void>;
}

/** Where a service's log goes. */
export interface LogOptions {
  readonly env: NodeJS.ProcessEnv;
  /** The name that the journal shows. */
  readonly identifier: string;
  /** Writes a line without a newline to stderr. */
  readonly stderr: (line: string) => void;
  /** Whether stderr is a terminal. */
  readonly isTerminal?: boolean;
  /** Whether stderr is the journal; by default as the system says. */
  readonly isJournal?: boolean;
  /** The journal's socket, where it is another one. */
  readonly socket?: string;
}

/**
 * The log of a service on stderr. Where that is systemd's journal, each sentence has its priority, and its fields where
 * a program can be started that sends them; without it, the line begins with its priority, as sd-daemon(3) has it.
 */
export function openServiceLog(options: LogOptions): ServiceLog {
  const { env, stderr, isTerminal = false } = options;
  if (!(options.isJournal ?? isConnectedToJournal(env, [2]))) {
    const write: Notify = (sentence, about) => {
      if (!isTerminal || about?.keptOnly !== true) stderr(printable(sentence));
    };
    return { write, close: async () => {} };
  }
  return new JournalLog(options);
}

class JournalLog implements ServiceLog {
  readonly #options: LogOptions;
  #helper: JournalHelper | undefined;
  #startedAt = Number.NEGATIVE_INFINITY;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  readonly write: Notify = (sentence, about = INFORMATION) => {
    const line = printable(sentence);
    const plain = () => this.#options.stderr(`<${PRIORITIES[about.level]}>${line}`);
    const text = journalEntry(this.#options.identifier, line, about);
    if (this.#current()?.send({ text, lost: plain }) !== true) plain();
  };

  async close(): Promise<void> {
    await this.#helper?.close(CLOSE_PATIENCE_MS);
  }

  #current(): JournalHelper | undefined {
    if (this.#helper?.isGone === false) return this.#helper;
    const now = performance.now();
    if (now - this.#startedAt < RESTART_MS) return undefined;
    this.#startedAt = now;
    this.#helper = JournalHelper.start(this.#options);
    return this.#helper;
  }
}

const INFORMATION: LogAbout = { level: 'info' };

/** An entry in the journal's native form: a field a line. Its values have no line breaks. */
function journalEntry(identifier: string, message: string, { level, fields = {} }: LogAbout): string {
  const all = {
    MESSAGE: message,
    PRIORITY: String(PRIORITIES[level]),
    SYSLOG_IDENTIFIER: identifier,
    SYSLOG_PID: String(process.pid),
    ...fields,
  };
  return Object.entries(all)
    .map(([name, value]) => `${name}=${printable(value)}\n`)
    .join('');
}
