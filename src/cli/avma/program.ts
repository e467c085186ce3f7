import { Command, Help } from 'commander';
import { packageVersion } from '../settings.ts';
import { mayColor, STDERR, STDOUT, writeOutput } from '../terminal.ts';
import type { Context } from './context.ts';
import { debugOption } from './debug-option.ts';
import { demoCommand } from './demo.ts';
import { fleetCommand } from './fleet/fleet.ts';
import { guestCommand } from './guest/guest.ts';
import { hostCommand } from './host/host.ts';
import { imageCommand } from './image/image.ts';
import { inspectCommand } from './inspect/inspect.ts';
import { leaseCommand } from './lease/lease.ts';
import { pipeCommand } from './pipe/pipe.ts';
import { vendorCommand } from './vendor/vendor.ts';

/**
 * The whole command line of avma. Errors are thrown, never printed and exited with.
 *
 * @param json - Whether JSON was asked for: commander's own talk on stderr is left out then.
 */
export function createProgram(context: Context, json: boolean): Command {
  const { style } = context;
  const plainHelp = new Help();
  const program = new Command('avma')
    .description('Activates virtual machines through their host, without a network.')
    .version(packageVersion(context.launcher.packageRoot), '-V, --version', 'show the version')
    .addOption(debugOption())
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'Show the help of a command')
    .configureOutput({
      writeOut: (text) => writeOutput(STDOUT, text),
      writeErr: (text) => {
        if (!json) writeOutput(STDERR, text);
      },
      // An error of commander's is thrown, and printed like all others.
      outputError: () => {},
      getOutHasColors: () => mayColor(STDOUT),
      getErrHasColors: () => mayColor(STDERR),
    })
    .configureHelp({
      styleTitle: (title) => style.paint('strong', title),
      optionDescription(option) {
        const description = plainHelp.optionDescription(option);
        return option.mandatory ? `${description} (required)` : description;
      },
    })
    .addHelpText(
      'after',
      `
Start here:
  guest administrator   avma guest trust add FILE, then avma guest install-key KEY
  host operator         avma host init, then avma host request > request.json
  vendor                avma vendor init --out FOLDER, then avma vendor product add
  just looking          avma demo`,
    )
    .exitOverride();
  for (const command of [
    guestCommand(context),
    hostCommand(context),
    fleetCommand(context),
    vendorCommand(context),
    pipeCommand(context),
    inspectCommand(context),
    leaseCommand(context),
    imageCommand(context),
    demoCommand(context),
  ]) {
    program.addCommand(inheritSettings(command, program));
  }
  return program;
}

/** addCommand(), unlike command(), does not pass on how errors are shown and left with. */
function inheritSettings(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inheritSettings(child, command);
  return command;
}
