/**
 * The main file of the executable: `avma`, and `slmgr` or `cscript` where it is started by that name. Evaluated once,
 * while the executable is made: what is in memory then is what each start begins with. So nothing here, nor at the top
 * of a module that is imported from here, may read the clock, the environment or random bytes.
 */
import path from 'node:path';
import v8 from 'node:v8';
import { errnoOf } from '../system/errno.ts';
import type { BundlePlace } from '../system/worker-bundle.ts';
import { main as check, isPlainCheck } from './avma/check-main.ts';
import { importModule } from './import-module.ts';
import type { Launcher } from './launcher.ts';
import { packageVersion } from './settings.ts';
import { cscript, main as slmgr } from './slmgr/main.ts';
import { outputWritten, STDOUT, writeOutput } from './terminal.ts';

/** The bundle of avma's commands: its name in the executable, and in stacks. */
const COMMANDS = 'commands.cjs';

v8.startupSnapshot.setDeserializeMainFunction(() => void run());

/** Runs the command that the executable was started as. */
async function run(): Promise<void> {
  const launcher: Launcher = {
    // The file itself, whatever link it was started by: bin/avma of the folder that also holds keys/ and package.json.
    packageRoot: path.dirname(path.dirname(process.execPath)),
    // Where this file was when the executable was made.
    bundleFolder: __dirname,
    interpreter: [],
    findBundle,
    importModule,
  };
  const argv = process.argv.slice(2);
  switch (path.basename(process.argv0)) {
    case 'slmgr':
      await slmgr(launcher, argv);
      break;
    case 'cscript':
      await cscript(launcher, argv);
      break;
    default:
      await avma(launcher, argv);
      return;
  }
  // Nothing is left to do, as in bin/slmgr.
  process.exit();
}

async function avma(launcher: Launcher, argv: readonly string[]): Promise<void> {
  // Before the tree of commands is made, which takes longer than all the rest.
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
    writeOutput(STDOUT, `${packageVersion(launcher.packageRoot)}\n`);
    await outputWritten();
    process.exit();
  }
  if (isPlainCheck(argv)) {
    await check(launcher, argv.slice(2));
    return;
  }
  await loadCommands().main(launcher, [...argv]);
}

/**
 * All commands of avma, a bundle of their own: what is in the snapshot takes time at each start, also at that of slmgr.
 * V8's compiled code is not kept for them: V8 refuses it in a process that starts from a snapshot.
 */
function loadCommands(): typeof import('./executable-commands.ts') {
  return loadBundle(COMMANDS, (name) =>
    // What the build leaves out of the commands (scripts/bundling.js).
    name.startsWith(BESIDE)
      ? loadBundle(name.slice(BESIDE.length), process.getBuiltinModule)
      : process.getBuiltinModule(name),
  ) as typeof import('./executable-commands.ts');
}

/** A bundle that the executable carries; null for one that it does not: it starts no thread for curves. */
function findBundle(name: string): BundlePlace | null {
  try {
    return { code: asset(name) };
  } catch (thrown) {
    if (errnoOf(thrown) === 'ERR_SINGLE_EXECUTABLE_APPLICATION_ASSET_NOT_FOUND') return null;
    throw thrown;
  }
}

/** Before the name of a bundle that the bundle of commands asks for. */
const BESIDE = '../dist/';

/** Evaluates a bundle that the executable carries, and returns what it exports. */
function loadBundle(name: string, require: (name: string) => unknown): unknown {
  const vm = process.getBuiltinModule('node:vm');
  const filename = path.join(__dirname, name);
  const loaded: { exports: unknown } = { exports: {} };
  const body = new vm.Script(asset(name), { filename });
  body.runInThisContext()(loaded.exports, require, loaded, filename, __dirname);
  return loaded.exports;
}

function asset(name: string): string {
  return process.getBuiltinModule('node:sea').getAsset(name, 'utf8');
}
