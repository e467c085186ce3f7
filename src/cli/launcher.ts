import { type PipeEnvironment, systemEnvironment } from '../pipe/environment.ts';

/** What a launcher in bin/ hands to the command that it loads. */
export interface Launcher {
  /** The folder that holds `keys/`, `bin/` and `package.json`. */
  readonly packageRoot: string;
  /** Node's `import()`: code that is compiled ahead has none of its own. */
  importModule(url: string): Promise<unknown>;
}

/** The real machine, for the pipes. */
export function pipeEnvironment(launcher: Launcher): PipeEnvironment {
  return { ...systemEnvironment(), importModule: (url) => launcher.importModule(url) };
}
