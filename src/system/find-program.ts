import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';

/** The first executable file of that name on `PATH`, or null. */
export function findProgram(name: string, env: NodeJS.ProcessEnv): string | null {
  for (const folder of (env.PATH ?? '').split(path.delimiter)) {
    // An empty entry means the working folder; nothing is run from where a user happens to stand.
    if (folder === '') continue;
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {}
  }
  return null;
}
