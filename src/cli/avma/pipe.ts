import { Command } from 'commander';
import type { Context } from './program.ts';

export function pipeCommand(_context: Context): Command {
  return new Command('pipe').description('the pipe between guest and host');
}
