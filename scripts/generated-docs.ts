import fs from 'node:fs';
import path from 'node:path';
import { OPTION_DOCS } from '../src/cli/slmgr/option-docs.ts';
import { OPTIONS } from '../src/cli/slmgr/options.ts';
import { CODE_DOCS, CODE_GROUPS } from '../src/errors/code-docs.ts';
import { type AvmaErrorCode, CODES } from '../src/errors/codes.ts';
import { exitStatusOf, formatHresult, HRESULTS } from '../src/errors/hresult.ts';

import { longestFramesTable } from '../test/support/longest-frames.ts';
import { eventKindTable, eventMemberTable } from './event-docs.ts';
import { restartOverTime, restartTable } from './scale-docs.ts';

/** A file of docs/ that is written, in part or whole, from tables of the code. */
export interface GeneratedFile {
  /** Relative to the repository's root. */
  readonly file: string;
  readonly text: string;
}

/** What the files should hold. What surrounds a generated part is taken from the file as it is. */
export function generatedDocs(root: string): GeneratedFile[] {
  const slmgr = 'docs/slmgr.md';
  const guide = fs.readFileSync(path.join(root, slmgr), 'utf8');
  const guest = 'docs/guest.md';
  const protocol = 'docs/protocol.md';
  const protocolPage = fs.readFileSync(path.join(root, protocol), 'utf8');
  const scale = 'docs/scale.md';
  const scalePage = fs.readFileSync(path.join(root, scale), 'utf8');
  const guestGuide = fs.readFileSync(path.join(root, guest), 'utf8');
  return [
    {
      file: slmgr,
      text: replacePart(replacePart(guide, 'options', optionTable()), 'exit statuses', exitStatusTable()),
    },
    {
      file: guest,
      text: replacePart(
        replacePart(guestGuide, 'event kinds', eventKindTable()),
        'event members',
        eventMemberTable(),
      ),
    },
    { file: 'docs/errors.md', text: errorsPage() },
    { file: protocol, text: replacePart(protocolPage, 'longest frames', longestFramesTable()) },
    {
      file: scale,
      text: replacePart(
        replacePart(scalePage, 'restarts', restartTable()),
        'requests over time',
        restartOverTime(),
      ),
    },
  ];
}

/** @throws {Error} when the text has no such part: `<!-- npm run docs: NAME -->` to `<!-- end of NAME -->`. */
function replacePart(text: string, name: string, part: string): string {
  const [start, end] = [`<!-- npm run docs: ${name} -->\n`, `<!-- end of ${name} -->`];
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`there is no part "${name}" between its two comments`);
  return `${text.slice(0, from + start.length)}\n${part}\n${text.slice(to)}`;
}

function optionTable(): string {
  const rows = OPTIONS.map(({ word, parameters }) => {
    const syntax = `/${word} ${parameters}`.trim().replaceAll('|', '\\|');
    const { fidelity, why = '' } = OPTION_DOCS[word];
    return `| \`${syntax}\` | ${fidelity} | ${why} |\n`;
  });
  return `| option | | |\n| --- | --- | --- |\n${rows.join('')}`;
}

function exitStatusTable(): string {
  const codes = Object.entries(HRESULTS)
    .filter(([, { exit }]) => exit !== undefined)
    .map(([code, { symbol }]) => ({ code: Number(code), symbol, exit: exitStatusOf(Number(code), 'linux') }))
    .sort((a, b) => a.exit - b.exit || a.code - b.code);
  return [
    '| status | code | |',
    '| --- | --- | --- |',
    '| 0 | | the command ran to its end |',
    '| 1 | | a wrong command line, or a command that another machine cannot run |',
    ...codes.map(({ code, symbol, exit }) => `| ${exit} | ${formatHresult(code)} | ${symbol} |`),
    '| 70 | any other | |',
    '',
  ].join('\n');
}

function errorsPage(): string {
  const codes = Object.keys(CODES) as AvmaErrorCode[];
  return `<!-- Written by \`npm run docs\` from src/errors/codes.ts, hresult.ts and code-docs.ts. Change those. -->

# Errors

\`avma\` prints a code in brackets after each error, \`--json\` and the event logs carry it, and \`slmgr\` prints the HRESULT
that stands for it. On Windows the exit status is the HRESULT; elsewhere it is the number given here.

## From slmgr's number to the code

${numberTable(codes)}
${Object.entries(CODE_GROUPS)
  .map(([group, title]) => {
    const sections = codes.filter((code) => CODE_DOCS[code].group === group).map(errorSection);
    return `## ${title}\n\n${sections.join('\n')}`;
  })
  .join('\n')}`;
}

/** HRESULTs in their order, each with the codes that it may stand for. */
function numberTable(codes: readonly AvmaErrorCode[]): string {
  const numbers = [...new Set(codes.map((code) => CODES[code].hresult))].sort((a, b) => a - b);
  const rows = numbers.map((hresult) => {
    const links = codes
      .filter((code) => CODES[code].hresult === hresult)
      .map((code) => `[${code}](#${code})`)
      .join(', ');
    return `| \`${formatHresult(hresult)}\` | ${exitStatusOf(hresult, 'linux')} | ${links} |\n`;
  });
  return `| HRESULT | exit status | codes |\n| --- | --- | --- |\n${rows.join('')}`;
}

function errorSection(code: AvmaErrorCode): string {
  const { hresult, outcome, hint } = CODES[code];
  const { happened, why } = CODE_DOCS[code];
  const symbol = HRESULTS[hresult]?.symbol;
  return `### ${code}

\`${formatHresult(hresult)}\`${symbol === undefined ? '' : ` ${symbol}`} · exit status ${exitStatusOf(hresult, 'linux')} · outcome of event 12309: ${outcome}

- **What happened:** ${happened}
- **Why:** ${why}
- **What to do:** ${hint}
`;
}
