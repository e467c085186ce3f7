/** A sleep that others can end. What would end it while nobody sleeps ends the next one. */
export class WakeUp {
  #woken = false;
  #end: (() => void) | undefined;

  /** Ends the sleep. */
  readonly wake = (): void => {
    this.#woken = true;
    this.#end?.();
  };

  /** Resolves after so many milliseconds, or as soon as somebody wakes it. Its timer keeps the process alive. */
  async sleep(milliseconds: number): Promise<void> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.#end = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#end = undefined;
    }
    this.#woken = false;
  }
}
