// First: it decides how the schemas of all other modules work.
import '../../schema/interpreted-schemas.ts';
import { toAvmaError } from '../../errors/avma-error.ts';
import { exitStatusOf } from '../../errors/hresult.ts';
import { traceAsEnvironmentSays } from '../../system/debug.ts';
import type { Launcher } from '../launcher.ts';
import { exitWith, outputWritten } from '../terminal.ts';
import { answerLicenseQuestion } from './license-answer.ts';

/**
 * Whether the arguments after `avma` are `guest check PRODUCT`, with `--json` or without: all others, help and mistakes
 * too, are for the tree of commands. bin/launch.cjs asks the same before it loads a bundle.
 */
export function isPlainCheck([guest, check, ...words]: readonly string[]): boolean {
  const others = words.filter((word) => word !== '--json');
  return guest === 'guest' && check === 'check' && others.length === 1 && /^[^-]/.test(others[0] ?? '');
}

/**
 * `avma guest check PRODUCT [--json]` without the tree of avma's commands, which takes longer to make than the question
 * to answer. The launcher ends the process when it resolves.
 *
 * @param words - What follows `guest check`, where {@link isPlainCheck}.
 */
export async function main(launcher: Launcher, words = process.argv.slice(4)): Promise<void> {
  traceAsEnvironmentSays();
  const wanted = words.find((word) => word !== '--json') ?? '';
  try {
    exitWith(await answerLicenseQuestion(launcher, wanted, { json: words.includes('--json') }));
  } catch (thrown) {
    const error = toAvmaError(thrown, 'avma failed');
    const { reportFailure } = await import('./failure.ts');
    await reportFailure(error, launcher, { json: words.includes('--json') });
    exitWith(exitStatusOf(error.hresult, process.platform));
  }
  await outputWritten();
}
