import path from 'node:path';
import { vi } from 'vitest';
import { main } from '../../../src/cli/avma/main.ts';
import { PACKAGE_ROOT } from '../../support/certified-host.ts';

/** What a command left behind. */
interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs avma in this process, through its one exit point, on a machine whose folders lie in `folder`. */
export async function runAvma(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const folders = {
    AVMA_STATE_DIR: path.join(folder, 'guest'),
    AVMA_HOST_DIR: path.join(folder, 'host'),
    AVMA_TRUST_DIR: path.join(folder, 'trust'),
    AVMA_PIPE: '',
    AVMA_CONFIG: '',
    AVMA_DEADLINE: '',
  };
  for (const [name, value] of Object.entries({ ...folders, ...env })) vi.stubEnv(name, value);
  const stdout = capture(process.stdout);
  const stderr = capture(process.stderr);
  try {
    await main(PACKAGE_ROOT, [...args]);
    return { status: Number(process.exitCode ?? 0), stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    process.exitCode = undefined;
    stdout.restore();
    stderr.restore();
    vi.unstubAllEnvs();
  }
}

function capture(stream: NodeJS.WriteStream): { text(): string; restore(): void } {
  let text = '';
  const spy = vi.spyOn(stream, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  return { text: () => text, restore: () => spy.mockRestore() };
}
