'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { Script } = require('node:vm');

const scripts = new Map();

/** What the commands are given. */
exports.launcher = { packageRoot: path.dirname(__dirname), importModule: (url) => import(url) };

/**
 * Loads dist/NAME.cjs, a function of `exports`, `require` and `module` as Node makes one of every CommonJS file, with
 * the compiled code that the build has kept beside it. V8 takes that only from its own version, and compiles otherwise.
 */
exports.loadCommand = (name) => {
  const file = path.join(__dirname, '../dist', `${name}.cjs`);
  const cached = file.replace(/cjs$/, 'code');
  const script = new Script(readBundle(file), {
    filename: file,
    cachedData: fs.existsSync(cached) ? fs.readFileSync(cached) : undefined,
  });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module);
  scripts.set(name, { script, cached });
  return module.exports;
};

function readBundle(file) {
  try {
    // latin1: the bundle is ASCII, and V8 takes it as it is.
    return fs.readFileSync(file, 'latin1');
  } catch (failed) {
    if (failed.code !== 'ENOENT') throw failed;
    process.stderr.write('avma is not built yet. In its folder: npm ci && npm run build\n');
    process.exit(1);
  }
}

/** The build's part: keeps what has been compiled of a loaded command by now. */
exports.keepCompiledCode = (name) => {
  const { script, cached } = scripts.get(name);
  fs.writeFileSync(cached, script.createCachedData());
};
