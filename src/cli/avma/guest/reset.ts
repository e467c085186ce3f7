import fs from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { AvmaError, toAvmaError } from '../../../errors/avma-error.ts';
import { licenseFileIn } from '../../../guest/license-file.ts';
import { withFolderLock } from '../../../storage/folder-lock.ts';
import type { Context } from '../context.ts';
import { say, writeJson } from '../output.ts';
import { requireOwnLicense } from './open.ts';

interface ResetOptions {
  readonly yes?: boolean;
  readonly json?: boolean;
}

/**
 * The guest's files in its state folder, besides the locks: state, copies of a damaged state, events, added anchors,
 * followed documents, and catalogs.
 */
const GUEST_FILES = /^(guest\.state(\..*)?|events\.jsonl(\..*)?|trust\.d|documents|catalog\.d)$/;

/** `avma guest reset`: the way back to a machine on which nothing was ever installed. */
export function resetCommand(context: Context): Command {
  return new Command('reset')
    .description("Remove this guest's license, product keys, trusted vendors, catalogs and events")
    .option('--yes', 'remove them; without it they are only listed')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
The files in the state folder (AVMA_STATE_DIR) and license.json are removed. Files in /etc/avma
stay, and so does a host.`,
    )
    .action((options: ResetOptions) => reset(context, options));
}

async function reset(context: Context, { yes, json }: ResetOptions): Promise<void> {
  requireOwnLicense(context);
  const { stateFolder, runFolder } = context.settings();
  const found = guestFiles(stateFolder, runFolder);
  if (found.length > 0 && yes !== true) {
    throw new AvmaError('argument-invalid', `this would remove ${found.join(', ')}`, {
      hint: 'The license is lost with these files. To remove them: avma guest reset --yes',
    });
  }
  const removed =
    found.length === 0 ? [] : await withFolderLock(stateFolder, () => removeAll(stateFolder, runFolder));
  if (json === true) {
    writeJson('avma.guest-reset/1', { stateFolder, removed });
    return;
  }
  if (removed.length === 0) say(`There is nothing to remove in ${stateFolder}.`);
  else say(...removed.map((file) => `Removed ${file}`));
}

/**
 * @throws {AvmaError} `access-denied`, with the file that could not be removed; the files before it in the list have
 *   been removed.
 */
function removeAll(stateFolder: string, runFolder: string): string[] {
  const files = guestFiles(stateFolder, runFolder);
  for (const file of files) {
    try {
      fs.rmSync(file, { recursive: true });
    } catch (thrown) {
      throw toAvmaError(thrown, `cannot remove ${file}`);
    }
  }
  return files;
}

/** license.json comes first: while it is there, programs take the machine for licensed. */
function guestFiles(stateFolder: string, runFolder: string): string[] {
  const licenseFile = licenseFileIn(runFolder);
  try {
    const inState = fs
      .readdirSync(stateFolder)
      .filter((name) => GUEST_FILES.test(name))
      .sort()
      .map((name) => path.join(stateFolder, name));
    return fs.existsSync(licenseFile) ? [licenseFile, ...inState] : inState;
  } catch (thrown) {
    const error = toAvmaError(thrown, `cannot read the folder ${stateFolder}`);
    if (error.code === 'file-not-found') return [];
    throw error;
  }
}
