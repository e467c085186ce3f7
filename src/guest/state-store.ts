import path from 'node:path';
import { AvmaError } from '../errors/avma-error.ts';
import { makePrivateFolder, replaceFile, setAside } from '../storage/atomic-file.ts';
import { withFolderLock } from '../storage/folder-lock.ts';
import { readPlainFileIfAny } from '../storage/read-file.ts';
import { debug } from '../system/debug.ts';
import { decodeState, emptyState, encodeState, type GuestState } from './guest-state.ts';

/** The most that is read as a state file, in bytes. A product with a lease takes some 4 KB. */
const MAX_STATE_BYTES = 4 * 1024 * 1024;

/** The guest's state on disk: one file, replaced as a whole, by one writer at a time. */
export interface StateStore {
  readonly file: string;
  /**
   * The state as it is now; an empty one where there is no file. While the file's bytes stay the same, this is the same
   * object: nobody may change it.
   *
   * @throws {AvmaError} `state-damaged`, `state-newer`, `access-denied`, and `file-invalid` for a link, for what is not
   *   a regular file, and for a file that is too large.
   */
  read(): GuestState;
  /**
   * Reads, changes and replaces the state while no other process may write it. A `change` that throws, or that returns
   * the state that it was given, leaves the file as it was.
   *
   * @throws {AvmaError} as {@link read}; `state-locked`, `access-denied`, `disk-full`, `io-error`.
   */
  update(change: (state: GuestState) => GuestState | Promise<GuestState>): Promise<GuestState>;
  /**
   * As {@link update}, but a damaged file is set aside, and the change starts from an empty state.
   *
   * @param now - Milliseconds, for the name of the damaged file.
   */
  updateOrRecover(change: (state: GuestState) => GuestState, now: number): Promise<GuestState>;
  /** Finds out whether {@link update} could write. @throws {AvmaError} as {@link update}. */
  checkWritable(): Promise<void>;
}

/**
 * The store of `guest.state` in this folder. Opens nothing yet: each method does.
 *
 * @param onStored - Called with each new state once it is on the disk, while the folder is still locked.
 */
export function openStateStore(folder: string, onStored: (state: GuestState) => void = () => {}): StateStore {
  const file = path.join(folder, 'guest.state');
  const readState = stateReader(file);
  return {
    file,
    read: readState,
    update: (change) => changeState({ folder, file, readCurrent: readState, change, onStored }),
    updateOrRecover(change, now) {
      // The damaged file is moved only after the change has worked: a mistyped key must not move it.
      let damaged = false;
      return changeState({
        folder,
        file,
        onStored,
        readCurrent: () => {
          try {
            return readState();
          } catch (thrown) {
            if (!(thrown instanceof AvmaError) || thrown.code !== 'state-damaged') throw thrown;
            damaged = true;
            return emptyState();
          }
        },
        change: (state) => {
          const after = change(state);
          if (damaged) setAside(file, now);
          return after;
        },
      });
    },
    checkWritable: async () => {
      await changeState({ folder, file, readCurrent: readState, change: (state) => state, onStored });
    },
  };
}

/** The same store, of which nothing can be changed: every other method than `read` fails with `access-denied`. */
export function readOnlyStore({ file, read }: StateStore): StateStore {
  const refuse = async (): Promise<never> => {
    throw new AvmaError('access-denied', `the state ${file} was opened for reading only`);
  };
  return { file, read, update: refuse, updateOrRecover: refuse, checkWritable: refuse };
}

/**
 * Reads the file at each call, and decodes it only when its bytes have changed: a command reads the state several
 * times, and decoding takes a tenth of its time. Nobody changes a state in place.
 */
function stateReader(file: string): () => GuestState {
  let last: { readonly bytes: Buffer; readonly state: GuestState } | undefined;
  return () => {
    const bytes = readPlainFileIfAny(file, MAX_STATE_BYTES);
    debug('state', () =>
      bytes === undefined ? `there is no ${file}` : `read ${bytes.length} bytes of ${file}`,
    );
    if (bytes === undefined) return emptyState();
    if (last === undefined || !last.bytes.equals(bytes)) last = { bytes, state: decodeState(bytes, file) };
    return last.state;
  };
}

interface StateChange {
  readonly folder: string;
  readonly file: string;
  readCurrent(): GuestState;
  change(state: GuestState): GuestState | Promise<GuestState>;
  onStored(state: GuestState): void;
}

async function changeState({
  folder,
  file,
  readCurrent,
  change,
  onStored,
}: StateChange): Promise<GuestState> {
  makePrivateFolder(folder);
  return withFolderLock(folder, async () => {
    const before = readCurrent();
    const after = await change(before);
    if (after === before) return before;
    const bytes = encodeState(after);
    replaceFile(file, bytes);
    onStored(after);
    return after;
  });
}
