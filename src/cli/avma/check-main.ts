// First: it decides how the schemas of all other modules work.
import '../../schema/interpreted-schemas.ts';
import { toAvmaError } from '../../errors/avma-error.ts';
import { exitStatusOf } from '../../errors/hresult.ts';
import { traceAsEnvironmentSays } from '../../system/debug.ts';
import type { Launcher } from '../launcher.ts';
import { exitWith, outputWritten } from '../terminal.ts';
import { answerLicenseQuestion } from './guest/license-answer.ts';

/**
 * Whether the arguments after `avma` are `guest check PRODUCT`, with `--json` and `--feature FEATURE` or without: all
 * others, help and mistakes too, are for the tree of commands. bin/launch.cjs asks the same before it loads a bundle.
 */
export function isPlainCheck([guest, check, ...words]: readonly string[]): boolean {
  const { products, features } = sorted(words);
  return (
    guest === 'guest' &&
    check === 'check' &&
    products.length === 1 &&
    words.at(-1) !== '--feature' &&
    [...products, ...features].every((word) => /^[^-]/.test(word))
  );
}

/** The words by what they are: a word after `--feature` is a feature, whatever it looks like. */
function sorted(words: readonly string[]): { products: string[]; features: string[] } {
  const isFeature = (at: number) => words[at - 1] === '--feature';
  const isOption = (word: string) => word === '--json' || word === '--feature';
  return {
    products: words.filter((word, at) => !isFeature(at) && !isOption(word)),
    features: words.filter((_word, at) => isFeature(at)),
  };
}

/**
 * `avma guest check PRODUCT [--feature FEATURE]... [--json]` without the tree of avma's commands, which takes longer to
 * make than the question to answer. The launcher ends the process when it resolves.
 *
 * @param words - What follows `guest check`, where {@link isPlainCheck}.
 */
export async function main(launcher: Launcher, words = process.argv.slice(4)): Promise<void> {
  traceAsEnvironmentSays();
  const { products, features } = sorted(words);
  const json = words.includes('--json');
  try {
    exitWith(await answerLicenseQuestion(launcher, products[0] ?? '', { json, features }));
  } catch (thrown) {
    const error = toAvmaError(thrown, 'avma failed');
    const { reportFailure } = await import('./failure.ts');
    await reportFailure(error, launcher, { json });
    exitWith(exitStatusOf(error.hresult, process.platform));
  }
  await outputWritten();
}
