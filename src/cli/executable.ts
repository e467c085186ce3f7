/**
 * The main file of the executable: `avma`, and `slmgr` or `cscript` where it is started by that name. Evaluated once,
 * while the executable is made: what is in memory then is what each start begins with. So nothing here, nor at the top
 * of a module that is imported from here, may read the clock, the environment or random bytes.
 */
import path from 'node:path';
import url from 'node:url';
import v8 from 'node:v8';
import { AvmaError } from '../errors/avma-error.ts';
import { errnoOf } from '../system/errno.ts';
import { main as check, isPlainCheck } from './avma/check-main.ts';
import type { Launcher } from './launcher.ts';
import { packageVersion } from './settings.ts';
import { cscript, main as slmgr } from './slmgr/main.ts';
import { outputWritten, STDOUT, writeOutput } from './terminal.ts';

v8.startupSnapshot.setDeserializeMainFunction(() => void run());

/** Runs the command that the executable was started as. */
async function run(): Promise<void> {
  const launcher: Launcher = {
    // The file itself, whatever link it was started by: bin/avma of the folder that also holds keys/ and package.json.
    packageRoot: path.dirname(path.dirname(process.execPath)),
    // Where this file was when the executable was made.
    bundleFolder: __dirname,
    interpreter: [],
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
  const { main } = await import('./avma/main.ts');
  await main(launcher, [...argv]);
}

/**
 * A `module:` pipe. `import()` does not work in an executable; `require` of Node 24 loads ES modules too, except those
 * that wait at their top level.
 */
async function importModule(fileUrl: string): Promise<unknown> {
  const file = url.fileURLToPath(fileUrl);
  try {
    const loaded = process.getBuiltinModule('node:module').createRequire(file)(file);
    return Object.prototype.toString.call(loaded) === '[object Module]' ? loaded : { default: loaded };
  } catch (thrown) {
    if (errnoOf(thrown) === 'ERR_REQUIRE_ASYNC_MODULE') {
      throw new AvmaError('pipe-uri-invalid', `${file} waits (await) at its top level`, {
        cause: thrown,
        hint: 'The executable loads no such module. Wait inside of its default export.',
      });
    }
    if (errnoOf(thrown) !== 'MODULE_NOT_FOUND') throw thrown;
    throw Object.assign(new Error(`Cannot find module '${file}'`, { cause: thrown }), {
      code: 'ERR_MODULE_NOT_FOUND',
    });
  }
}
