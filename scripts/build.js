// npm run build: bundles each command into one file, dist/NAME.cjs, and compiles it ahead, dist/NAME-USE.code.
//
// Three things here are unusual, all for the sake of the start (docs/architecture.md, Start-up):
// 1. The bundles are CommonJS, because the ES module loader alone adds some 6 ms to a bare start. Each is one function
//    expression, so that bin/launch.cjs can hand it to V8 with its compiled code.
// 2. The sources' imports of Node's modules are rewritten (plainBuiltins of bundling.js), and so is the search for the
//    native parts of PREBUILT_PACKAGES (directAddons).
// 3. scripts/warm-up.ts uses the commands with these bundles, so that V8 compiles what each use needs.
//
// Nothing but the build depends on this: the sources run as they are with npm run dev.
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { buildVerifier } from './build-verifier.js';
import {
  addonsFrom,
  buildHostParts,
  bundledPackages,
  HOST_PACKAGES,
  hostPackagesBeside,
  libsqlFrom,
  PREBUILT_PACKAGES,
  plainBuiltins,
  thirdPartyText,
} from './bundling.js';

/**
 * Loads the native part of a package from the file in which it keeps it for this platform. The package's own search for
 * that file takes some 20 ms; it is used where the file is not there.
 */
const directAddons = addonsFrom(
  (name) => `
  const { dirname, join } = require('node:path');
  const folder = dirname(require.resolve('${name}/package.json'));
  const built = join(folder, 'prebuilds', process.platform + '-' + process.arch);
  try {
    module.exports = require(join(built, '${name}.node'));
  } catch {
    module.exports = require(join(folder, 'binding.js'));
  }
`,
);

/** Loads libsql's native part for this platform from the package that npm installed it in, without libsql's search. */
const directLibsql = libsqlFrom(`(() => {
  const { familySync, MUSL } = require('detect-libc');
  const { platform, arch } = process;
  const library = platform === 'linux' ? (familySync() === MUSL ? '-musl' : '-gnu') : platform === 'win32' ? '-msvc' : '';
  const { createRequire } = require('node:module');
  return createRequire(require.resolve('libsql'))('@libsql/' + platform + '-' + arch + library);
})()`);

/** What the above resolves is the installed package, not the one in the bundle. */
const installedLibsql = {
  name: 'installed-libsql',
  setup({ onResolve }) {
    onResolve({ filter: /^libsql$/ }, ({ kind, path }) =>
      kind === 'require-resolve' ? { path, external: true } : undefined,
    );
  },
};

const shared = {
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: PREBUILT_PACKAGES.map((name) => `${name}/package.json`),
  plugins: [plainBuiltins, directAddons],
  logLevel: 'warning',
};

/** For commands that are used. Sources would make the package twice as large; maps are read when a stack is printed. */
const small = { minify: true, sourcemap: 'linked', sourcesContent: false };

rmSync('dist', { recursive: true, force: true });
const { metafile } = await build({
  ...shared,
  ...small,
  plugins: [...shared.plugins, hostPackagesBeside],
  metafile: true,
  entryPoints: {
    slmgr: 'src/cli/slmgr/main.ts',
    avma: 'src/cli/avma/main.ts',
    check: 'src/cli/avma/check-main.ts',
  },
  // The function expression that bin/launch.cjs loads.
  banner: { js: '(function(exports,require,module){' },
  footer: { js: '})' },
});
const hostParts = await buildHostParts(build, {
  ...shared,
  ...small,
  plugins: [...shared.plugins, directLibsql, installedLibsql],
});
// The licenses of what is bundled ask for their text wherever a copy goes.
writeFileSync(
  'dist/THIRD-PARTY',
  thirdPartyText(bundledPackages(process.cwd(), { inputs: { ...metafile.inputs, ...hostParts.inputs } })),
);
await build({
  ...shared,
  entryPoints: { 'build/warm-up': 'scripts/warm-up.ts' },
  external: [...shared.external, ...HOST_PACKAGES],
  outExtension: { '.js': '.cjs' },
});
execFileSync(process.execPath, ['dist/build/warm-up.cjs'], { stdio: 'inherit' });
rmSync('dist/build', { recursive: true, force: true });
await buildVerifier(process.cwd(), 'dist');
