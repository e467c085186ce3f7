/** A promise that the test resolves when it chooses. */
interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((whenResolved) => {
    resolve = whenResolved;
  });
  return { promise, resolve };
}
