/** How much a sentence matters to an operator. */
export type LogLevel = 'info' | 'notice' | 'warning' | 'error';

/** What a log that knows more than lines keeps of a sentence. */
export interface LogAbout {
  readonly level: LogLevel;
  /** Fields as systemd's journal names them, `AVMA_CODE`, with their values. */
  readonly fields?: Readonly<Record<string, string>>;
  /** For a log that is kept, and sent away: a terminal does not show it. */
  readonly keptOnly?: true;
}

/** Takes one sentence for the operator. Without more about it, it is information. */
export type Notify = (sentence: string, about?: LogAbout) => void;

/** Passes sentences on. A log that cannot be written is ignored: it must fail neither the daemon nor an activation. */
export function notifyQuietly(notify: Notify, ...sentences: readonly string[]): void {
  try {
    for (const sentence of sentences) notify(sentence);
  } catch {
    // Nowhere is left to report it.
  }
}
