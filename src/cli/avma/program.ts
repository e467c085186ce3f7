import { Command } from 'commander';
import type { Launcher } from '../launcher.ts';
import { packageVersion, readSettings } from '../settings.ts';
import type { Context } from './context.ts';
import { debugOption } from './debug-option.ts';
import { demoCommand } from './demo.ts';
import { guestCommand } from './guest.ts';
import { hostCommand } from './host.ts';
import { leaseCommand } from './lease.ts';
import { pipeCommand } from './pipe.ts';
import { vendorCommand } from './vendor.ts';

/** The whole command line of avma. Errors are thrown, never printed and exited with. */
export function createProgram(launcher: Launcher): Command {
  const context: Context = { launcher, settings: () => readSettings(launcher.packageRoot) };
  const program = new Command('avma')
    .description('Activates virtual machines through their host, without a network.')
    .version(packageVersion(launcher.packageRoot))
    .addOption(debugOption())
    .showHelpAfterError('(avma --help says what there is)')
    .exitOverride();
  for (const command of [
    guestCommand(context),
    hostCommand(context),
    vendorCommand(context),
    pipeCommand(context),
    leaseCommand(context),
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
