import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { replaceFile } from '../storage/atomic-file.ts';
import { withFolderLock } from '../storage/folder-lock.ts';
import { agentHolder, lockAgent } from './agent/agent-lock.ts';
import { encodeState, type GuestState } from './guest-state.ts';
import { licenseFileIn } from './license-file.ts';
import { sealState } from './sealing.ts';
import { openStateStore } from './state-store.ts';

/** The folders of a guest, of this machine or below the root of a mounted image. */
export interface ImageFolders {
  /** The image's root: nothing outside of it is touched, whatever links it holds. */
  readonly root: string;
  readonly stateFolder: string;
  readonly runFolder: string;
  /** Files besides those that say what the license was, as node_exporter's textfile. */
  readonly reports: readonly string[];
}

/** A file that is taken out, or changed, and what was in it. */
export interface SealedFile {
  readonly path: string;
  readonly action: 'remove' | 'change';
  readonly what: readonly string[];
}

/** What of a state folder besides the state itself must not be cloned. What is not listed stays. */
const TAKEN_FILES: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/^guest\.state\..+$/, 'a copy of the state'],
  [/^events\.jsonl(\..*)?$/, "what happened on the image's machine"],
  [/^(lock|agent\.lock|activation\.lock|.+\.tmp)$/, 'a file of running commands'],
];

/**
 * What sealing an image takes out of it. Nothing is changed.
 *
 * @throws {AvmaError} `state-damaged`, `state-newer`: the keys in it could not be kept; `file-invalid` where a link
 *   leads out of the image; `access-denied`.
 */
export function planSeal(folders: ImageFolders): SealedFile[] {
  return planned(folders).files;
}

function planned({ root, stateFolder, runFolder, reports }: ImageFolders): {
  readonly files: SealedFile[];
  readonly sealed: GuestState | null;
} {
  const inside = (file: string) => insideOf(root, file);
  const licenses = [
    ...new Set([licenseFileIn(runFolder), licenseFileIn(path.join(stateFolder, 'run'))]),
  ].flatMap((file) => [file, `${file}.tmp`]);
  const files: SealedFile[] = [...licenses, ...reports]
    .filter((file) => inside(file) && isFile(file))
    .map((file) => ({ path: file, action: 'remove', what: ['what the license was'] }));
  if (!inside(stateFolder) || !isThere(stateFolder)) return { files, sealed: null };
  const store = openStateStore(stateFolder);
  const { state: sealed, taken } = isThere(store.file)
    ? sealState(store.read())
    : { state: null, taken: [] as string[] };
  if (isThere(store.file) && (taken.length > 0 || sealed === null)) {
    const action = sealed === null ? 'remove' : 'change';
    files.push({ path: store.file, action, what: taken.length > 0 ? taken : ['an empty state'] });
  }
  for (const name of fs.readdirSync(stateFolder).sort()) {
    const what = TAKEN_FILES.find(([pattern]) => pattern.test(name))?.[1];
    if (what !== undefined && isFile(path.join(stateFolder, name)))
      files.push({ path: path.join(stateFolder, name), action: 'remove', what: [what] });
  }
  return { files, sealed };
}

/**
 * Takes out of an image what must not be cloned. The license goes first: an image that was sealed in part says nothing
 * that is not true.
 *
 * @returns What was taken out; empty for an image that is sealed already.
 * @throws {AvmaError} `agent-running` while an agent runs on the state; as {@link planSeal}; `disk-full`, `io-error`.
 */
export async function sealImage(folders: ImageFolders): Promise<SealedFile[]> {
  const { stateFolder, root } = folders;
  if (planSeal(folders).length === 0) return [];
  if (!insideOf(root, stateFolder) || !isThere(stateFolder)) {
    const { files } = planned(folders);
    for (const file of files) remove(file.path);
    return files;
  }
  // The locks' own files are part of the plan when they were there before.
  const hadLocks = planned(folders).files;
  const agent = await lockAgent(stateFolder);
  try {
    const done = await withFolderLock(stateFolder, () => {
      const { files, sealed } = planned(folders);
      for (const file of files) {
        if (file.action === 'change' && sealed !== null) replaceFile(file.path, encodeState(sealed));
        else remove(file.path);
      }
      return files;
    });
    const isOwn = ({ path: file }: SealedFile) =>
      LOCKS_OF_SEALING.test(path.basename(file)) && !hadLocks.some((had) => had.path === file);
    return done.filter((file) => !isOwn(file));
  } finally {
    agent.release();
  }
}

/** The files that sealing itself makes, and removes. */
const LOCKS_OF_SEALING = /^(lock|agent\.lock)$/;

/** Refuses an image on whose state an agent runs. @throws {AvmaError} `agent-running`. */
export async function refuseRunningAgent(stateFolder: string): Promise<void> {
  const pid = isThere(stateFolder) ? await agentHolder(stateFolder) : null;
  if (pid === null) return;
  throw new AvmaError(
    'agent-running',
    `an agent is running on ${stateFolder}${pid === 0 ? '' : `: process ${pid}`}; it would write what is taken out`,
    { hint: 'Stop it first: systemctl stop avma-agent.' },
  );
}

/**
 * Whether a place lies below the root with all links followed; false where there is nothing.
 *
 * @throws {AvmaError} `file-invalid` where a link leads out of it.
 */
export function insideOf(root: string, place: string): boolean {
  const real = (file: string): string | undefined => {
    try {
      return fs.realpathSync(file);
    } catch (thrown) {
      const error = toAvmaError(thrown, `cannot follow ${file}`);
      if (error.code === 'file-not-found') return undefined;
      throw error;
    }
  };
  const [top, folder] = [real(root), real(path.dirname(place))];
  if (top === undefined || folder === undefined) return false;
  const itself = real(place) ?? path.join(folder, path.basename(place));
  const isInside = (file: string) => file === top || file.startsWith(top === '/' ? top : `${top}/`);
  if (isInside(folder) && isInside(itself)) return true;
  throw new AvmaError('file-invalid', `a link at ${place} leads out of the image ${root}, to ${itself}`, {
    hint: 'Run the command inside of the image: chroot FOLDER avma image seal.',
  });
}

function isThere(file: string): boolean {
  return fs.lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

/** Whether there is anything but a folder: a folder under the name of a file is somebody else's, with all in it. */
function isFile(file: string): boolean {
  return fs.lstatSync(file, { throwIfNoEntry: false })?.isDirectory() === false;
}

function remove(file: string): void {
  try {
    fs.rmSync(file, { force: true });
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot remove ${file}`);
  }
}
