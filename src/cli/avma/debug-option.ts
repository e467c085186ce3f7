import { Option } from 'commander';
import { AvmaError } from '../../errors/avma-error.ts';
import { DEBUG_TOPICS, traceTopics } from '../../system/debug.ts';

const DEBUG_WORD = /^--debug(?:=(.*))?$/;

/**
 * Starts the trace that `--debug` or `--debug=TOPICS` asks for, wherever it stands before `--`.
 *
 * Commander does not read the option itself: it would take the command after `--debug` for the list of topics.
 *
 * @returns the arguments without the option.
 * @throws {AvmaError} `argument-invalid` for a word that is no topic.
 */
export function traceAsAsked(argv: readonly string[]): string[] {
  const end = argv.indexOf('--') === -1 ? argv.length : argv.indexOf('--');
  return argv.filter((argument, index) => {
    const match = index < end ? DEBUG_WORD.exec(argument) : null;
    if (match === null) return true;
    const unknown = traceTopics(match[1] ?? 'all');
    if (unknown.length > 0) {
      throw new AvmaError('argument-invalid', `--debug: no topic is called ${unknown.join(', ')}`, {
        hint: `Topics: ${DEBUG_TOPICS.join(', ')}, all.`,
      });
    }
    return false;
  });
}

/** The option as the help shows it. */
export function debugOption(): Option {
  const option = new Option('--debug', `show each step on stderr; topics: ${DEBUG_TOPICS.join(', ')}`);
  option.flags = '--debug[=topics]';
  return option;
}
