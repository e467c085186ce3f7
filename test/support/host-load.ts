import type { TestMachine } from '../cli/test-machine.ts';

/** What a short load on a machine's host found. */
export interface LoadResult {
  readonly requests: number;
  readonly failures: number;
  /** The failures, by their codes. */
  readonly codes: Readonly<Record<string, number>>;
}

/** Plays guests against the machine's host with the built load tool. */
export async function playLoad(
  machine: TestMachine,
  args: readonly string[] = ['--requests', '4'],
  socket = 'h.sock',
): Promise<LoadResult> {
  const ran = await machine.run('avma', ['host', 'load', '--pipe', `unix:${socket}`, ...args, '--json']);
  const found = JSON.parse(ran.stdout);
  if (found.schema !== 'avma.host-load/1') throw new Error(`the load failed: ${ran.stdout}${ran.stderr}`);
  const codes = found.failuresByCode.map(({ code, count }: { code: string; count: number }) => [code, count]);
  return { requests: found.requests, failures: found.failures, codes: Object.fromEntries(codes) };
}
