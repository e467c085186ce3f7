// What the bundles of `npm run build` and `npm run package` have in common.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Turns `import fs from 'node:fs'` into a plain require. esbuild would copy every property of the module into a
 * namespace object, and calling all lazy getters of the module on the way costs some 5 ms of a start.
 */
export const plainBuiltins = {
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

/** Packages that bring their native parts for all platforms, as `prebuilds/PLATFORM-PROCESSOR/NAME.node`. */
export const PREBUILT_PACKAGES = ['fs-native-extensions', 'sodium-native'];

/**
 * Replaces the search of {@link PREBUILT_PACKAGES} for their native parts.
 *
 * @param source - Gives the text of a CommonJS module for the name of a package.
 */
export function addonsFrom(source) {
  return {
    name: 'addons',
    setup({ onLoad }) {
      const filter = new RegExp(`[\\\\/](${PREBUILT_PACKAGES.join('|')})[\\\\/]binding\\.js$`);
      onLoad({ filter }, ({ path: file }) => ({ contents: source(path.basename(path.dirname(file))) }));
    },
  };
}

/** Replaces libsql's search for its native part by `source`, an expression that gives what that part exports. */
export function libsqlFrom(source) {
  return {
    name: 'libsql-native',
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]libsql[\\/]index\.js$/ }, ({ path }) => {
        const text = readFileSync(path, 'utf8');
        const search = /const \{ load, currentTarget \}[\s\S]*?\n\}\n(?=\nconst \{\n {2}databaseOpen,)/;
        if (!search.test(text))
          throw new Error(`${path} looks for its native part in another way than before`);
        return { contents: text.replace(search, () => `const requireNative = () => ${source};\n`) };
      });
    },
  };
}

/**
 * Packages that only a serving host needs, or a command that reads its ledger: each is a bundle beside the commands,
 * which is read when it is imported. Inside the commands' bundle every start would read them.
 */
export const HOST_PACKAGES = ['libsql', 'sodium-native', 'pg', 'prom-client', 'cli-progress'];

/** What `pg` asks for and can do without. */
const NOT_BUNDLED = ['pg-native', 'pg-cloudflare', 'cloudflare:sockets'];

/** Leaves {@link HOST_PACKAGES} out of a bundle: `import('pg')` there loads the bundle of {@link buildHostPackages}. */
export const hostPackagesBeside = {
  name: 'host-packages-beside',
  setup({ onResolve, onLoad }) {
    const filter = new RegExp(`^(${HOST_PACKAGES.join('|')})$`);
    onResolve({ filter }, ({ path }) => ({ path, namespace: 'host-package' }));
    onLoad({ filter: /./, namespace: 'host-package' }, ({ path }) => ({
      // As bin/launch.cjs resolves it, whose `require` the bundles have, and as the executable finds its assets.
      contents: `module.exports = require('../dist/${path}.cjs');`,
      loader: 'js',
    }));
    onResolve({ filter: /^\.\.\/dist\//, namespace: 'host-package' }, ({ path }) => ({
      path,
      external: true,
    }));
  },
};

/** The threads of their own that a host starts (src/system/worker-bundle.ts), and their main files. */
const WORKERS = {
  ledger: 'src/host/ledger/ledger-worker.ts',
  crypto: 'src/host/answering/crypto-worker.ts',
};

/**
 * Bundles {@link HOST_PACKAGES} and the workers into `options.outdir`, with esbuild's `build`.
 *
 * @param more - Options of esbuild for the bundles of packages, and for those of workers; and which workers.
 * @returns the names of the files, and what they were made from.
 */
export async function buildHostParts(build, options, more = {}) {
  const root = options.absWorkingDir ?? process.cwd();
  const { names = Object.keys(WORKERS) } = more;
  const workers = names
    .map((name) => [name, WORKERS[name]])
    .filter(([, file]) => existsSync(path.join(root, file)));
  const external = [...(options.external ?? []), ...NOT_BUNDLED];
  const shared = { ...options, outExtension: { '.js': '.cjs' }, external, metafile: true };
  const entryPoints = Object.fromEntries(HOST_PACKAGES.map((name) => [name, `host-package:${name}`]));
  const packages = await build({
    ...shared,
    ...more.packages,
    entryPoints,
    plugins: [...options.plugins, entryOfPackage(root)],
  });
  const threads = await build({
    ...shared,
    ...more.workers,
    entryPoints: Object.fromEntries(workers.map(([name, file]) => [`worker-${name}`, file])),
  });
  return {
    files: [...HOST_PACKAGES, ...workers.map(([name]) => `worker-${name}`)].map((name) => `${name}.cjs`),
    inputs: { ...packages.metafile.inputs, ...threads.metafile.inputs },
  };
}

/** An entry point that exports a package as `require` gives it. */
function entryOfPackage(root) {
  return {
    name: 'entry-of-package',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^host-package:/ }, ({ path }) => ({
        path: path.slice('host-package:'.length),
        namespace: 'host-package-entry',
      }));
      onLoad({ filter: /./, namespace: 'host-package-entry' }, ({ path }) => ({
        contents: `module.exports = require('${path}');`,
        resolveDir: root,
        loader: 'js',
      }));
    },
  };
}

/** The npm packages that went into a bundle, by name. */
export function bundledPackages(root, { inputs }) {
  const names = Object.keys(inputs)
    .map((file) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1])
    .filter((name) => name !== undefined);
  return [...new Set(names)].sort().map((name) => readPackage(path.join(root, 'node_modules', name)));
}

function readPackage(folder) {
  const record = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const { name, version, license } = record;
  const file = readdirSync(folder).find((entry) => /^(licen[sc]e|copying)(\.(md|txt))?$/i.test(entry));
  const author = typeof record.author === 'object' ? record.author.name : record.author;
  const text =
    file === undefined
      ? `The package brings no text of its license. Its package.json says: ${license}, by ${author ?? 'unnamed authors'}.`
      : readFileSync(path.join(folder, file), 'utf8').trim();
  return { name, version, license, text };
}

/** The file THIRD-PARTY: what is bundled, each with the text of its license. */
export function thirdPartyText(packages) {
  return [
    'avma contains parts of what is listed here. Each is under the license that follows below.',
    '',
    ...packages.map(({ name, version, license }) => `  ${name} ${version}  ${license}`),
    ...packages.flatMap(({ name, version, text }) => {
      const title = `${name} ${version}`;
      return ['', `==== ${title} ${'='.repeat(Math.max(4, 110 - title.length))}`, '', text];
    }),
    '',
  ].join('\n');
}
