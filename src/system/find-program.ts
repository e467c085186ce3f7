import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { errnoOf } from './errno.ts';

/** The first executable file with that name in the folders of `PATH`, or null. */
export function findProgram(name: string, env: NodeJS.ProcessEnv): string | null {
  for (const folder of (env.PATH ?? '').split(path.delimiter)) {
    // An empty entry means the working folder, and no program is run from there.
    if (folder === '') continue;
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch (thrown) {
      // Not in this folder, or not executable for this user.
      if (errnoOf(thrown) === undefined) throw thrown;
    }
  }
  return null;
}
