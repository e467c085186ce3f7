'use strict';
const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const { Script, constants } = require('node:vm');

const scripts = new Map();

/**
 * Loads dist/NAME.cjs as `require` would, with the compiled code that the build has kept beside it. V8 takes it only
 * from its own version, and compiles as usual otherwise.
 */
exports.loadCommand = (name) => {
  const file = path.join(__dirname, '../dist', `${name}.cjs`);
  const cached = file.replace(/cjs$/, 'code');
  const script = new Script(`(function(exports,require,module){${fs.readFileSync(file, 'utf8')}\n})`, {
    filename: file,
    cachedData: fs.existsSync(cached) ? fs.readFileSync(cached) : undefined,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module);
  scripts.set(name, { script, cached });
  return module.exports;
};

/** The build's part: keeps what has been compiled of a loaded command by now. */
exports.keepCompiledCode = (name) => {
  const { script, cached } = scripts.get(name);
  fs.writeFileSync(cached, script.createCachedData());
};
