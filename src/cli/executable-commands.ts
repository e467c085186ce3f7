/** The main file of the executable's second bundle: all commands of avma, loaded when one is called. */
import { main as avma } from './avma/main.ts';
import { importModule } from './import-module.ts';
import type { Launcher } from './launcher.ts';

/**
 * `avma`, as its main file runs it. Modules are loaded by this bundle's own function, whose errors are of the class
 * that this bundle knows.
 */
export function main(launcher: Launcher, argv: readonly string[]): Promise<void> {
  return avma({ ...launcher, importModule }, [...argv]);
}
