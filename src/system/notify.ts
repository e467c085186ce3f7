/** Takes one sentence for the operator. */
export type Notify = (sentence: string) => void;

/** Passes sentences on. A log that cannot be written is ignored: it must fail neither the daemon nor an activation. */
export function notifyQuietly(notify: Notify, ...sentences: readonly string[]): void {
  try {
    for (const sentence of sentences) notify(sentence);
  } catch {
    // Nowhere is left to report it.
  }
}
