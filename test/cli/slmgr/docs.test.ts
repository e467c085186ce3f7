/** docs/slmgr.md says what the code does: its tables are those of the code. */
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { OPTIONS } from '../../../src/cli/slmgr/options.ts';
import { exitStatusOf, formatHresult, HRESULTS } from '../../../src/errors/hresult.ts';

const GUIDE = fs.readFileSync(new URL('../../../docs/slmgr.md', import.meta.url), 'utf8');

/** The rows of the table under a heading, without its head. */
function rowsUnder(heading: string): string[] {
  const section = GUIDE.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2);
}

test('the table of options is that of the code', () => {
  expect(rowsUnder('Option by option')).toEqual(
    OPTIONS.map(({ word, parameters, fidelity, why = '' }) => {
      const syntax = `/${word} ${parameters}`.trim().replaceAll('|', '\\|');
      return `| \`${syntax}\` | ${fidelity} | ${why} |`;
    }),
  );
});

test('what differs says why', () => {
  for (const option of OPTIONS) if (option.fidelity === 'different') expect(option.why).toBeTruthy();
});

test('the table of exit statuses is that of the code', () => {
  const codes = Object.entries(HRESULTS)
    .filter(([, entry]) => entry.exit !== undefined)
    .map(([code, { symbol }]) => ({ code: Number(code), symbol, exit: exitStatusOf(Number(code), 'linux') }))
    .sort((a, b) => a.exit - b.exit || a.code - b.code);
  expect(rowsUnder('Exit status')).toEqual([
    '| 0 | | the command ran to its end |',
    '| 1 | | a wrong command line, or a command that another machine cannot run |',
    ...codes.map(({ code, symbol, exit }) => `| ${exit} | ${formatHresult(code)} | ${symbol} |`),
    '| 70 | any other | |',
  ]);
});
