import { type PipeEnvironment, systemEnvironment } from '../pipe/environment.ts';

/** What a launcher in bin/ hands to the command that it loads. */
export interface Launcher {
  /** The folder that holds `keys/`, `bin/` and `package.json`. */
  readonly packageRoot: string;
  /** Node's `import()`. Code that is compiled ahead (bin/launch.cjs) cannot call it itself. */
  importModule(url: string): Promise<unknown>;
}

/** The environment of the pipes on the real machine. */
export function pipeEnvironment(launcher: Launcher): PipeEnvironment {
  return { ...systemEnvironment(), importModule: (url) => launcher.importModule(url) };
}
