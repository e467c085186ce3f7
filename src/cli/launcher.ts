import path from 'node:path';
import { type PipeEnvironment, systemEnvironment } from '../pipe/environment.ts';
import type { BundlePlace } from '../system/worker-bundle.ts';

/** What a launcher in bin/, or the executable, hands to the command that it loads. */
export interface Launcher {
  /** The folder that holds `keys/`, `bin/` and `package.json`. */
  readonly packageRoot: string;
  /** The folder in which stacks say that the bundles are. */
  readonly bundleFolder: string;
  /** What starts a command of `bin/`, before the command's own file: Node, or nothing for the executable. */
  readonly interpreter: readonly string[];
  /** Where a bundle is that is no command: the code of a thread. Null where the command runs from its sources. */
  findBundle(name: string): BundlePlace | null;
  /** Node's `import()`. Code that is compiled ahead (bin/launch.cjs) cannot call it itself. */
  importModule(url: string): Promise<unknown>;
}

/** The environment of the pipes on the real machine. */
export function pipeEnvironment(launcher: Launcher): PipeEnvironment {
  return { ...systemEnvironment(), importModule: (url) => launcher.importModule(url) };
}

/**
 * The program and arguments that run a command in a process of its own.
 *
 * @param command - The name of a file in `bin/`.
 */
export function commandLine(
  { interpreter, packageRoot }: Launcher,
  command: 'avma' | 'slmgr',
  args: readonly string[],
): [file: string, ...args: string[]] {
  const [file, ...rest] = [...interpreter, path.join(packageRoot, 'bin', command), ...args] as [string];
  return [file, ...rest];
}
