/** The texts of --help: no wider than a terminal of 100 columns, and with an example where one is needed. */
import type { Command } from 'commander';
import { afterAll, expect, test } from 'vitest';
import { createProgram } from '../../../src/cli/avma/program.ts';
import { PLAIN } from '../../../src/cli/avma/style.ts';
import { readSettings } from '../../../src/cli/settings.ts';
import { ROOT, TestMachine } from '../test-machine.ts';

const MAX_COLUMNS = 100;
const machine = new TestMachine();
afterAll(() => machine.close());

const program = createProgram(
  {
    launcher: {
      packageRoot: ROOT,
      bundleFolder: `${ROOT}/dist`,
      interpreter: [process.execPath],
      findBundle: () => null,
      importModule: (url) => import(url),
    },
    style: PLAIN,
    settings: () => readSettings(ROOT),
    setExitStatus: () => {},
    abandonWork: () => {},
  },
  false,
);

function withChildren(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withChildren)];
}

/** All that `--help` prints. */
function helpOf(command: Command): string {
  let help = '';
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
    getOutHelpWidth: () => MAX_COLUMNS,
  });
  command.outputHelp();
  return help;
}

function tooWide(text: string): string[] {
  return text.split('\n').filter((line) => line.length > MAX_COLUMNS);
}

test.each(withChildren(program).map((command) => [command.name(), command] as const))(
  'the help of %s',
  (name, command) => {
    const help = helpOf(command);
    expect(help).toContain(name);
    expect(tooWide(help)).toEqual([]);
  },
);

/** Commands that cannot be typed without knowing what to give them. */
const asking = withChildren(program).filter(
  ({ commands, registeredArguments, options }) =>
    commands.length === 0 &&
    (registeredArguments.some(({ required }) => required) || options.some(({ mandatory }) => mandatory)),
);

test.each(asking.map((command) => [`${command.parent?.name()} ${command.name()}`, command] as const))(
  'the help of %s shows how it is written',
  (_name, command) => {
    expect(helpOf(command)).toMatch(/^Examples?:\n {2}\S/m);
  },
);

test('the table of products, with the path of their file above it', async () => {
  const { stdout } = await machine.run('avma', ['guest', 'catalog', 'list']);
  expect(stdout).toMatch(/^\/.*\/windows-server\.json\nunsigned\nNAME +VERSION +CHANNEL +ACTIVATION ID\n/);
  const [, ...table] = stdout.split('\n');
  expect(tooWide(table.join('\n'))).toEqual([]);
});
