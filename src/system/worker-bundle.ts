import type { Worker } from 'node:worker_threads';
import { errnoOf } from './errno.ts';

/** The threads of its own that a host starts, each a bundle: `worker-NAME.cjs` (scripts/bundling.js). */
export type WorkerName = 'ledger' | 'crypto';

/** Where the code of a bundle is: in a file of `dist/`, or in the executable. */
export type BundlePlace = { readonly file: string } | { readonly code: string };

let findBundle: (name: string) => BundlePlace | null = () => null;

/** Says where bundles are found; called once by a command's main file. Until then there are none. */
export function useBundles(find: typeof findBundle): void {
  findBundle = find;
}

/** Whether this program can start that thread: not where it runs from its sources. */
export function hasWorker(name: WorkerName): boolean {
  return findBundle(`worker-${name}.cjs`) !== null;
}

/**
 * Starts a thread that runs the bundle of that name. It does not keep the process alive.
 *
 * @param data - What the thread finds as `workerData`.
 * @returns null where the program runs from its sources: the caller then does the work in its own thread.
 */
export function startWorker(name: WorkerName, data?: unknown): Worker | null {
  const place = findBundle(`worker-${name}.cjs`);
  if (place === null) return null;
  // Loaded here: most commands start no thread.
  const threads = process.getBuiltinModule('node:worker_threads');
  leaveDeletedFolder();
  const options = { name: `avma-${name}`, workerData: data };
  const worker =
    'file' in place
      ? new threads.Worker(place.file, options)
      : new threads.Worker(place.code, { ...options, eval: true });
  worker.unref();
  return worker;
}

/** A thread cannot start in a working directory that was deleted; relative paths lead nowhere from there anyway. */
function leaveDeletedFolder(): void {
  try {
    process.cwd();
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ENOENT') throw thrown;
    process.chdir('/');
  }
}
