import path from 'node:path';
import { AvmaError } from '../errors/avma-error.ts';
import { makePrivateFolder, readFileIfAny, replaceFile, setAside } from '../storage/atomic-file.ts';
import { withFolderLock } from '../storage/folder-lock.ts';
import { decodeState, emptyState, encodeState, type GuestState } from './guest-state.ts';

/** The guest's state on disk: one file, replaced as a whole, by one writer at a time. */
export interface StateStore {
  readonly file: string;
  /** @throws {AvmaError} `state-damaged`, `state-newer`, `access-denied`. */
  read(): GuestState;
  /**
   * Reads, changes and replaces the state while nobody else may. A `change` that throws, or returns what it was
   * given, leaves the file as it was.
   */
  update(change: (state: GuestState) => GuestState | Promise<GuestState>): Promise<GuestState>;
  /** As {@link update}, but a damaged file is first set aside, and the change starts from nothing. */
  updateOrRecover(change: (state: GuestState) => GuestState, now: number): Promise<GuestState>;
}

export function openStateStore(folder: string): StateStore {
  const file = path.join(folder, 'guest.state');

  const read = (): GuestState => {
    const bytes = readFileIfAny(file);
    return bytes === undefined ? emptyState() : decodeState(bytes, file);
  };

  const change = async (
    readCurrent: () => GuestState,
    apply: (state: GuestState) => GuestState | Promise<GuestState>,
  ): Promise<GuestState> => {
    makePrivateFolder(folder);
    return withFolderLock(folder, async () => {
      const before = readCurrent();
      const after = await apply(before);
      if (after !== before) replaceFile(file, encodeState(after));
      return after;
    });
  };

  return {
    file,
    read,
    update: (apply) => change(read, apply),
    updateOrRecover: (apply, now) => {
      // Only when the change has worked is the damaged file moved: a mistyped key must not cost what is left of it.
      let damaged = false;
      return change(
        () => {
          try {
            return read();
          } catch (thrown) {
            if (!(thrown instanceof AvmaError) || thrown.code !== 'state-damaged') throw thrown;
            damaged = true;
            return emptyState();
          }
        },
        (state) => {
          const after = apply(state);
          if (damaged) setAside(file, now);
          return after;
        },
      );
    },
  };
}
