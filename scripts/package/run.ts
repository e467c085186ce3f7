import { execFile } from 'node:child_process';

/** Options of {@link run}. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
}

/** No program that is run here writes more to its output, in bytes. */
const MAX_OUTPUT = 64 * 1024 * 1024;

/**
 * Runs a program to its end.
 *
 * @returns its output.
 * @throws {Error} with what it printed, when it is missing or fails.
 */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      { cwd: options.cwd, env: options.env ?? process.env, maxBuffer: MAX_OUTPUT },
      (failed, stdout, stderr) => {
        if (failed === null) resolve(stdout);
        else if (failed.code === 'ENOENT') reject(new Error(`${file} is missing. Install it, and try again`));
        else reject(new Error(`${file} ${args.join(' ')} failed:\n${inShort(stdout + stderr)}`));
      },
    );
    child.stdin?.on('error', () => {
      // A program that ends without reading its input has said why, or did not need it.
    });
    child.stdin?.end(options.input ?? '');
  });
}

/** Node shows the whole line of a bundle in which something was thrown. */
function inShort(output: string): string {
  const lines = output.trimEnd().split('\n');
  return lines.map((line) => (line.length > 300 ? `${line.slice(0, 300)}...` : line)).join('\n');
}
