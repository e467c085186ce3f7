import { execFile } from 'node:child_process';
import path from 'node:path';
import { HANG_MS } from '../../support/hang.ts';
import { builtCommand, type Ran } from '../test-machine.ts';

/** Runs the built avma to its end, on a machine whose folders lie in `folder`. Never throws for its exit status. */
export function runAvma(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const folders = {
    AVMA_STATE_DIR: path.join(folder, 'guest'),
    AVMA_HOST_DIR: path.join(folder, 'host'),
    AVMA_HOST_CONFIG_DIR: path.join(folder, 'host.d'),
    AVMA_TRUST_DIR: path.join(folder, 'trust'),
    AVMA_PIPE: '',
    AVMA_CONFIG: '',
    // What has to be answered may take its time; tests of silence have a deadline of their own.
    AVMA_DEADLINE: String(HANG_MS / 1000),
  };
  const [file, ...script] = builtCommand('avma');
  return new Promise((resolve) => {
    execFile(
      file,
      [...script, ...args],
      { env: { ...process.env, ...folders, ...env }, encoding: 'utf8' },
      (failed, stdout, stderr) =>
        resolve({ stdout, stderr, status: failed === null ? 0 : Number(failed.code ?? -1) }),
    );
  });
}
