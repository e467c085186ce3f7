// Bundles each command into one file and compiles it ahead. CommonJS, because the ES module loader alone adds some
// 6 ms to a bare start.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

/**
 * `import fs from 'node:fs'` as a plain require. esbuild would copy every property of the module into a namespace
 * object, and setting off all of its lazy getters costs some 5 ms of a start.
 */
const plainBuiltins = {
  name: 'plain-builtins',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(
        /^import (\w+) from '(node:\w+)';$/gm,
        "const $1 = require('$2');",
      ),
      loader: 'ts',
    }));
  },
};

/**
 * The lock's native part straight from where its package keeps it for this machine. The package's own search for it
 * takes some 20 ms; it is still there where the file is not.
 */
const directAddon = {
  name: 'direct-addon',
  setup({ onLoad }) {
    onLoad({ filter: /fs-native-extensions[\\/]binding\.js$/ }, () => ({
      contents: `
        const { dirname, join } = require('node:path');
        const folder = dirname(require.resolve('fs-native-extensions/package.json'));
        const built = join(folder, 'prebuilds', process.platform + '-' + process.arch);
        try {
          module.exports = require(join(built, 'fs-native-extensions.node'));
        } catch {
          module.exports = require(join(folder, 'binding.js'));
        }
      `,
    }));
  },
};

const shared = {
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['fs-native-extensions/package.json'],
  plugins: [plainBuiltins, directAddon],
  logLevel: 'warning',
};

rmSync('dist', { recursive: true, force: true });
await build({
  ...shared,
  entryPoints: { slmgr: 'src/cli/slmgr/main.ts', avma: 'src/cli/avma/main.ts' },
  minify: true,
  // As bin/launch.cjs wants it.
  banner: { js: '(function(exports,require,module){' },
  footer: { js: '})' },
});
await build({
  ...shared,
  entryPoints: { 'build/warm-up': 'scripts/warm-up.ts' },
  outExtension: { '.js': '.cjs' },
});
execFileSync(process.execPath, ['dist/build/warm-up.cjs'], { stdio: 'inherit' });
rmSync('dist/build', { recursive: true, force: true });
