import { mayColor, type STDERR, type STDOUT } from '../terminal.ts';

/** What a piece of text says of the thing it names; decides its color and its symbol on a terminal. */
export type Tone = 'plain' | 'good' | 'warn' | 'bad' | 'dim' | 'strong';

/** How text of each tone is written. The one place that knows colors. */
export interface Style {
  paint(tone: Tone, text: string): string;
  /** What stands before text of that tone: a symbol and a blank, or nothing. */
  symbol(tone: Tone): string;
}

/** For pipes and files: the text and nothing else. */
export const PLAIN: Style = { paint: (_tone, text) => text, symbol: () => '' };

/** The symbol of the tone, or blanks as wide: the texts of all lines begin in the same column. */
export function symbolOrBlanks(style: Style, tone: Tone): string {
  return style.symbol(tone) || ' '.repeat(style.symbol('good').length);
}

/** A symbol besides the color, for readers who cannot tell red from green. */
const SYMBOLS: Partial<Record<Tone, string>> = { good: '✓ ', warn: '! ', bad: '✗ ' };

/**
 * The style for stdout or stderr: colors and symbols on a terminal, plain text elsewhere and with NO_COLOR.
 * Loads chalk for a terminal only, so that a command in a script does not pay for it.
 */
export async function styleFor(fd: typeof STDOUT | typeof STDERR): Promise<Style> {
  if (!mayColor(fd)) return PLAIN;
  const { Chalk } = await import('chalk');
  const chalk = new Chalk({ level: 1 });
  const paints: Record<Tone, (text: string) => string> = {
    plain: (text) => text,
    good: chalk.green,
    warn: chalk.yellow,
    bad: chalk.red,
    dim: chalk.dim,
    strong: chalk.bold,
  };
  const symbols = hasUnicode(process.env) ? SYMBOLS : {};
  return { paint: (tone, text) => paints[tone](text), symbol: (tone) => symbols[tone] ?? '' };
}

/** Whether the locale says that the terminal shows UTF-8. */
function hasUnicode({ LC_ALL, LC_CTYPE, LANG }: NodeJS.ProcessEnv): boolean {
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '');
}
