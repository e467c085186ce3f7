import { openGuestService } from '../../guest/guest-service.ts';
import { guestWorld } from '../guest-world.ts';
import { readSettings } from '../settings.ts';
import { mayColor, whileWaiting } from '../terminal.ts';
import { renderResult, runSlmgr, type SlmgrResult } from './run.ts';

/**
 * slmgr on the real machine.
 *
 * @param packageRoot - The folder that holds `keys/`.
 */
export async function main(packageRoot: string, argv = process.argv.slice(2)): Promise<void> {
  const eol = process.platform === 'win32' || process.env.AVMA_EOL === 'crlf' ? '\r\n' : '\n';
  const result = await run(packageRoot, argv);
  await print(result, eol);
  process.exitCode = result.exitStatus;
}

/** Runs slmgr; the launchers decide how to print what comes of it. */
async function run(packageRoot: string, argv: readonly string[]): Promise<SlmgrResult> {
  return whileWaiting(
    'waiting for the host',
    runSlmgr(argv, {
      openService: async (options) =>
        openGuestService(guestWorld(packageRoot, readSettings(packageRoot)), options),
      now: Date.now,
      platform: process.platform,
    }),
  );
}

async function print(result: SlmgrResult, eol: '\n' | '\r\n'): Promise<void> {
  const output = renderResult(result, eol);
  const { stdout, stderr } = process;
  if (mayColor(stdout) && typeof output === 'string') {
    const { colorReport } = await import('./color.ts');
    stdout.write(colorReport(output));
  } else {
    stdout.write(output);
  }
  // slmgr has no second stream: what it does not say is said to people only, never to a script.
  if (result.failure !== undefined && stderr.isTTY) {
    stderr.write(`slmgr: ${result.failure.message}.\n       ${result.failure.hint}\n`);
  }
}
