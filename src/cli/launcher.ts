import { type PipeWorld, systemWorld } from '../pipe/world.ts';

/** What a launcher in bin/ hands to the command that it loads. */
export interface Launcher {
  /** The folder that holds `keys/`, `bin/` and `package.json`. */
  readonly packageRoot: string;
  /** Node's `import()`: code that is compiled ahead has none of its own. */
  importModule(url: string): Promise<unknown>;
}

/** The real machine, for the pipes. */
export function pipeWorld(launcher: Launcher): PipeWorld {
  return { ...systemWorld(), importModule: (url) => launcher.importModule(url) };
}
