'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { Script } = require('node:vm');

const scripts = new Map();

/** What every command is given. `import()` works in this file and not in a bundle that is compiled ahead. */
exports.launcher = {
  packageRoot: path.dirname(__dirname),
  bundleFolder: path.join(__dirname, '../dist'),
  interpreter: [process.execPath],
  findBundle: (name) => ({ file: path.join(__dirname, '../dist', name) }),
  importModule: (url) => import(url),
};

/**
 * Loads dist/NAME.cjs. The file is one function expression of `exports`, `require` and `module`, as Node itself wraps
 * every CommonJS file: so it can be handed to V8 together with dist/NAME-USE.code, the code that the build compiled
 * while the command was used like that. V8 reads all of that code at each start, so each use has a file of its own. A
 * V8 of another version refuses the code and compiles the source, which takes longer and does the same.
 *
 * To run a command without any of this, from its sources: npm run dev.
 */
exports.loadCommand = (name, use) => {
  const file = path.join(__dirname, '../dist', `${name}.cjs`);
  const cached = file.replace(/\.cjs$/, `-${use}.code`);
  const script = new Script(readBundle(file), {
    filename: file,
    cachedData: fs.existsSync(cached) ? fs.readFileSync(cached) : undefined,
  });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module);
  scripts.set(name, { script, cached });
  return module.exports;
};

/** How slmgr is used: to activate with a key, or to show and set what it does without a host. */
exports.slmgrUse = (argv) => (argv.some((word) => /^[/-](ipk|ato)$/i.test(word)) ? 'exchange' : 'show');

/**
 * Whether the command line is `avma guest check PRODUCT`, with `--json` and `--feature FEATURE` or without: it has a
 * bundle of its own.
 */
exports.isPlainCheck = ([, , guest, check, ...words]) => {
  const isFeature = (at) => words[at - 1] === '--feature';
  const values = words.filter((word, at) => isFeature(at) || (word !== '--json' && word !== '--feature'));
  const products = words.filter((word, at) => !isFeature(at) && word !== '--json' && word !== '--feature');
  return (
    guest === 'guest' &&
    check === 'check' &&
    products.length === 1 &&
    words.at(-1) !== '--feature' &&
    values.every((word) => /^[^-]/.test(word))
  );
};

/** Ends the process with the exit status that was set. Node takes 2 ms longer to find that nothing is left to do. */
exports.end = () => process.exit();

function readBundle(file) {
  try {
    // esbuild writes ASCII, and V8 takes a latin1 string without converting it.
    return fs.readFileSync(file, 'latin1');
  } catch (failed) {
    if (failed.code !== 'ENOENT') throw failed;
    process.stderr.write('avma is not built yet. In its folder: npm ci && npm run build\n');
    process.exit(1);
  }
}

/** For the build: writes dist/NAME-USE.code with all that V8 has compiled of the command so far. */
exports.keepCompiledCode = (name) => {
  const { script, cached } = scripts.get(name);
  fs.writeFileSync(cached, script.createCachedData());
};
