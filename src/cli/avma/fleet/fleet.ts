import { Command } from 'commander';
import type { Context } from '../context.ts';
import { fleetStatusCommand } from './status.ts';

/** `avma fleet`. */
export function fleetCommand(context: Context): Command {
  const fleet = new Command('fleet').description('Look after all activation hosts together');
  fleet.addCommand(fleetStatusCommand(context));
  return fleet;
}
