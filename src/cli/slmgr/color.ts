import { Chalk } from 'chalk';

/** Colors whole lines of slmgr's output. The text itself does not change. */
export function colorReport(output: string): string {
  // The caller has found a terminal. Every terminal with colors has these 16.
  const chalk = new Chalk({ level: 1 });
  return output
    .split('\n')
    .map((line) => {
      if (/^Error\b/.test(line)) return chalk.red(line);
      if (/^(Warning:|License Status: (Notification|Unlicensed|Non-genuine|Unknown))/.test(line)) {
        return chalk.yellow(line);
      }
      if (/^(License Status: Licensed|Product activated successfully)/.test(line)) return chalk.green(line);
      return line;
    })
    .join('\n');
}
