import type { ArgumentOfCommand, CommandNode } from '../command-tree.ts';
import {
  bold,
  escaped,
  type ManPage,
  manPage,
  type PageSetting,
  section,
  syntax,
  term,
  verbatim,
} from './roff.ts';

/** The pages of a command and of all commands below it, in section 1: avma-guest-status(1). */
export function commandPages(command: CommandNode, setting: PageSetting): ManPage[] {
  return [
    commandPage(command, setting),
    ...command.commands.flatMap((child) => commandPages(child, setting)),
  ];
}

function commandPage(command: CommandNode, setting: PageSetting): ManPage {
  const { path, description, options, commands } = command;
  const name = path.join('-');
  const lines = [
    section('Synopsis'),
    synopsis(command),
    section('Description'),
    `${escaped(description.replace(/\.$/, ''))}.`,
    ...list(
      'Arguments',
      command.arguments.flatMap((argument) =>
        term(`\\fI${escaped(argument.name)}\\fR`, sentence(argument.description)),
      ),
    ),
    ...list(
      'Options',
      options.flatMap(({ flags, description: said }) => term(syntax(flags), sentence(said))),
    ),
    ...list(
      'Commands',
      commands.flatMap((child) => term(`${bold(child.path.join('-'))}(1)`, sentence(child.description))),
    ),
    ...afterHelpLines(command.afterHelp),
    section('See also'),
    [...seeAlso(path), `${bold('avma-config')}(5)`].join(', '),
  ];
  return manPage({ name, section: 1 }, firstLower(description.replace(/\.$/, '')), setting, lines);
}

function list(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [section(title), ...lines];
}

function synopsis({ path, options, commands, arguments: values }: CommandNode): string {
  return [
    bold(path.join(' ')),
    ...(options.length === 0 ? [] : ['[\\fIoptions\\fR]']),
    ...(commands.length === 0 ? [] : ['\\fIcommand\\fR']),
    ...values.map(argumentSyntax),
  ].join(' ');
}

function argumentSyntax({ name, required, variadic }: ArgumentOfCommand): string {
  const italic = `\\fI${escaped(name)}\\fR${variadic ? ' ...' : ''}`;
  return required ? italic : `[${italic}]`;
}

/** Paragraphs of the help; a line that ends with a colon and has indented lines below it is a heading. */
function afterHelpLines(text: string): string[] {
  let headed = false;
  return text.split(/\n\s*\n/).flatMap((block) => {
    if (block.trim() === '') return [];
    const [first = '', ...rest] = block.split('\n');
    if (/^[A-Z].*:$/.test(first) && rest.length > 0 && rest.every((line) => line.startsWith('  '))) {
      headed = true;
      return [section(first.slice(0, -1)), ...examples(rest)];
    }
    const heading = headed ? [] : [section('Notes')];
    headed = true;
    const status = /^Exit status: /.exec(block);
    if (status !== null) {
      headed = false;
      return [section('Exit status'), ...paragraph(block.slice(status[0].length))];
    }
    return heading.length > 0 ? [...heading, ...paragraph(block)] : ['.PP', ...paragraph(block)];
  });
}

function paragraph(text: string): string[] {
  const [first = '', ...rest] = text.split('\n').map((line) => escaped(line.trim()));
  return [first.charAt(0).toUpperCase() + first.slice(1), ...rest];
}

/** mandoc wants no paragraph right below a heading. */
function examples(lines: readonly string[]): string[] {
  return verbatim(lines.map((line) => line.slice(2)).join('\n')).slice(1);
}

function seeAlso(path: readonly string[]): string[] {
  const above = path.slice(0, -1);
  const names = above.length === 0 ? ['slmgr'] : [above.join('-')];
  return names.map((name) => `${bold(name)}(1)`);
}

function sentence(text: string): string {
  return escaped(text.charAt(0).toUpperCase() + text.slice(1));
}

function firstLower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
