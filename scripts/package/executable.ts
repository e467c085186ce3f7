import fs from 'node:fs';
import path from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import {
  addonsFrom,
  type BundledPackage,
  buildHostParts,
  bundledPackages,
  hostPackagesBeside,
  libsqlFrom,
  PREBUILT_PACKAGES,
  plainBuiltins,
  thirdPartyText,
} from '../bundling.js';
import { emulatorFor, stripFor } from './emulator.ts';
import {
  cacheFolder,
  libsqlPackage,
  NODE_VERSION,
  nodePackage,
  type Processor,
  postjectPackage,
} from './pinned.ts';
import { run } from './run.ts';

/** The bundle of avma's commands, by the name under which the executable carries it (src/cli/executable.ts). */
const COMMANDS = 'commands.cjs';

/** Node looks for this word in itself to learn that it carries a blob; postject changes the digit behind it. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/**
 * How Node starts in the executable. It takes no options from outside (`NODE_OPTIONS` could load a file into a program
 * that runs as root), and no signal makes it listen for a debugger.
 */
const NODE_OPTIONS = { execArgvExtension: 'none', execArgv: ['--disable-sigusr1'] };

/** What an executable is made of and from. */
export interface ExecutableOptions {
  /** The checkout. */
  readonly root: string;
  readonly processor: Processor;
  /** What the commands say that they are. */
  readonly version: string;
  /** Where the tree of the executable goes: bin/avma and what lies beside it. Made anew. */
  readonly target: string;
}

/**
 * Makes the tree that is installed as /usr/lib/avma: the executable with its links, the native parts of npm packages,
 * which cannot be inside, and the files that the commands read.
 *
 * @returns the npm packages that the executable contains.
 */
export async function makeExecutable(options: ExecutableOptions): Promise<BundledPackage[]> {
  const { root, processor, version, target } = options;
  fs.rmSync(target, { recursive: true, force: true });
  fs.mkdirSync(path.join(target, 'bin'), { recursive: true });
  const node = await strippedNode(processor);
  const { blob, metafile, maps } = await makeBlob(options, node);
  const file = path.join(target, 'bin/avma');
  const bytes = fs.readFileSync(node);
  fs.writeFileSync(file, bytes, { mode: 0o755 });
  await inject(file, blob);
  for (const name of ['slmgr', 'cscript']) fs.symlinkSync('avma', path.join(target, 'bin', name));
  const prebuilt = (name: string) =>
    path.join(root, `node_modules/${name}/prebuilds/linux-${processor}/${name}.node`);
  const addons = {
    ...Object.fromEntries(PREBUILT_PACKAGES.map((name) => [name, prebuilt(name)])),
    libsql: path.join(await libsqlPackage(root, processor), 'index.node'),
  };
  for (const [name, addon] of Object.entries(addons)) {
    const placed = path.join(target, `bin/${name}.node`);
    await run(stripFor(processor), ['--strip-unneeded', '-o', placed, addon]);
    fs.chmodSync(placed, 0o644);
  }
  fs.cpSync(path.join(root, 'keys'), path.join(target, 'keys'), { recursive: true });
  fs.mkdirSync(path.join(target, 'dist'));
  for (const name of maps) {
    fs.writeFileSync(path.join(target, 'dist', name), movedSourceMap(path.join(buildFolder(options), name)));
  }
  const { name, license } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  fs.writeFileSync(
    path.join(target, 'package.json'),
    `${JSON.stringify({ name, version, license }, null, 2)}\n`,
  );
  const packages = [...bundledPackages(root, metafile), SQLITE, LIBSODIUM];
  const text = fs.readFileSync(path.join(await nodePackage(processor), 'LICENSE'), 'utf8').trim();
  const nodeItself = {
    name: 'Node.js',
    version: NODE_VERSION,
    license: 'MIT, and those of its libraries',
    text,
  };
  const thirdParty = thirdPartyText([...packages, nodeItself]);
  fs.writeFileSync(path.join(target, 'THIRD-PARTY'), thirdParty);
  return packages;
}

/** What libsql's native part contains besides libsql itself. */
const SQLITE: BundledPackage = {
  name: 'SQLite',
  version: '3.45.1',
  license: 'blessing',
  purl: 'pkg:generic/sqlite@3.45.1',
  text: [
    'The author disclaims copyright to this source code. In place of a legal notice, here is a blessing:',
    '',
    '  May you do good and not evil.',
    '  May you find forgiveness for yourself and forgive others.',
    '  May you share freely, never taking more than you give.',
  ].join('\n'),
};

/** What sodium-native's native part contains besides sodium-native itself. */
const LIBSODIUM: BundledPackage = {
  name: 'libsodium',
  version: '1.0.21',
  license: 'ISC',
  purl: 'pkg:generic/libsodium@1.0.21',
  text: [
    'ISC License',
    '',
    'Copyright (c) Frank Denis <j at pureftpd dot org>',
    '',
    'Permission to use, copy, modify, and/or distribute this software for any',
    'purpose with or without fee is hereby granted, provided that the above',
    'copyright notice and this permission notice appear in all copies.',
    '',
    'THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES',
    'WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF',
    'MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR',
    'ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES',
    'WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN',
    'ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF',
    'OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.',
  ].join('\n'),
};

/** The source map as the commands read it: as if it lay in dist/ of the checkout. */
function movedSourceMap(file: string): string {
  const map = JSON.parse(fs.readFileSync(file, 'utf8'));
  const sources = map.sources.map((source: string) => source.replace(/^(?:\.\.\/)+/, '../'));
  return JSON.stringify({ ...map, sources });
}

/** Where the parts of an executable lie while it is made, beside its tree. */
function buildFolder({ target, processor }: ExecutableOptions): string {
  return path.join(path.dirname(target), 'build', processor);
}

/** Node without its symbols. They must go before the blob comes: strip breaks an executable that carries one. */
async function strippedNode(processor: Processor): Promise<string> {
  const file = path.join(cacheFolder(), `node-${NODE_VERSION}-${processor}-stripped`);
  if (fs.existsSync(file)) return file;
  const source = path.join(await nodePackage(processor), 'bin/node');
  const scratch = `${file}.${process.pid}`;
  await run(stripFor(processor), ['-o', scratch, source]);
  fs.renameSync(scratch, file);
  return file;
}

/**
 * Around the bundle while its memory is made: what is read there of the clock, the environment or random bytes would be
 * the same at each start on every machine, so reading it fails the build.
 */
const NOTHING_OF_THIS_MACHINE = {
  js: `
    const restoreMachine = (() => {
      const crypto = require('node:crypto');
      const refuse = (what) => () => { throw new Error('the executable must not keep ' + what + ' of the build'); };
      const replaced = [
        [process, 'env', new Proxy({}, { get: (_, name) => refuse('process.env.' + String(name))() })],
        [Date, 'now', refuse('the time')],
        [performance, 'now', refuse('the time')],
        [Math, 'random', refuse('a random number')],
        ...['randomBytes', 'randomUUID', 'randomInt', 'randomFillSync', 'generateKeyPairSync'].map((name) => [
          crypto, name, refuse('a result of ' + name),
        ]),
      ].map(([object, name, value]) => {
        const before = Object.getOwnPropertyDescriptor(object, name);
        Object.defineProperty(object, name, { configurable: true, writable: true, enumerable: before?.enumerable, value });
        return () => before ? Object.defineProperty(object, name, before) : delete object[name];
      });
      return () => { for (const restore of replaced) restore(); };
    })();`.replace(/\n\s*/g, ' '),
};

/**
 * The bodies of modules run once, while the memory is made. V8 keeps their bytecode, which would be a megabyte that
 * each start reads in vain, a tenth of its time; with this option the collection before the memory is written drops it.
 */
const DROP_BYTECODE = ['--stress-flush-code'];

interface Blob {
  /** The blob's file. */
  readonly blob: string;
  /** What the bundles are made from. */
  readonly metafile: Pick<Metafile, 'inputs'>;
  /** The names of their source maps. */
  readonly maps: readonly string[];
}

/** Bundles the commands, and has Node itself evaluate slmgr's bundle and write its memory to a blob. */
async function makeBlob(options: ExecutableOptions, node: string): Promise<Blob> {
  const { root, processor } = options;
  const folder = buildFolder(options);
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  const memory = await bundle(root, 'executable', folder, {
    banner: NOTHING_OF_THIS_MACHINE,
    footer: { js: 'restoreMachine();' },
  });
  const commands = await bundle(root, 'executable-commands', folder, {
    entryNames: COMMANDS.replace('.cjs', ''),
    ...AS_FUNCTION,
    plugins: [...PLUGINS, hostPackagesBeside],
  });
  const hostParts = await buildHostParts(
    build,
    { ...bundleOptions(root, folder), plugins: PLUGINS },
    { packages: AS_FUNCTION, workers: { plugins: [...PLUGINS, withoutCrypto(root)] }, names: ['ledger'] },
  );
  const assets = [COMMANDS, ...hostParts.files];
  const [program = '', ...emulation] = [...(await emulatorFor(processor)), node];
  const configuration = {
    main: 'executable.cjs',
    output: 'avma.blob',
    disableExperimentalSEAWarning: true,
    useSnapshot: true,
    assets: Object.fromEntries(assets.map((name) => [name, name])),
    ...NODE_OPTIONS,
  };
  fs.writeFileSync(path.join(folder, 'sea.json'), JSON.stringify(configuration));
  // No environment of the build's machine goes into the blob.
  await run(program, [...emulation, ...DROP_BYTECODE, '--experimental-sea-config', 'sea.json'], {
    cwd: folder,
    env: { PATH: process.env.PATH },
  });
  return {
    blob: path.join(folder, 'avma.blob'),
    metafile: { inputs: { ...memory.inputs, ...commands.inputs, ...hostParts.inputs } },
    maps: ['executable.cjs', ...assets].map((name) => `${name}.map`),
  };
}

/** Around a bundle that src/cli/executable.ts evaluates. */
const AS_FUNCTION = {
  banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
  footer: { js: '})' },
};

/**
 * A thread of the executable must not load node:crypto: Node would abort (src/system/plain-sha256.ts). It gets that
 * file's digest and nothing else: curves are imported along with what it needs, and never called.
 */
const withoutCrypto = (root: string): Plugin => ({
  name: 'without-crypto',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:crypto$/ }, ({ path: name }) => ({ path: name, namespace: 'plain-crypto' }));
    onLoad({ filter: /./, namespace: 'plain-crypto' }, () => ({
      contents: "module.exports = require('./src/system/plain-sha256.ts');",
      resolveDir: root,
      loader: 'js',
    }));
  },
});

/** An expression that loads an addon that lies beside the executable. */
function addonBeside(name: string): string {
  return `(() => {
    const { dirname, join } = require('node:path');
    const loaded = { exports: {} };
    process.dlopen(loaded, join(dirname(process.execPath), '${name}.node'));
    return loaded.exports;
  })()`;
}

const PLUGINS = [
  plainBuiltins,
  addonsFrom((name) => `module.exports = ${addonBeside(name)};`),
  libsqlFrom(addonBeside('libsql')),
];

/** Bundles a main file of src/cli, with all that it imports but Node and the addons. */
async function bundle(root: string, entry: string, outdir: string, more: BuildOptions): Promise<Metafile> {
  const { metafile } = await build({
    ...bundleOptions(root, outdir),
    entryPoints: { [entry]: `src/cli/${entry}.ts` },
    plugins: PLUGINS,
    ...more,
    metafile: true,
  });
  return metafile as Metafile;
}

function bundleOptions(root: string, outdir: string): BuildOptions {
  return {
    absWorkingDir: root,
    outdir,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    minify: true,
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'warning',
  };
}

/** In a process of its own: postject prints warnings, and handles the rejections of the whole process. */
const INJECT = `
  const [api, file, blob, sentinelFuse] = process.argv.slice(1);
  const data = require('node:fs').readFileSync(blob);
  require(api).inject(file, 'NODE_SEA_BLOB', data, { sentinelFuse });
`;

async function inject(file: string, blob: string): Promise<void> {
  const api = path.join(await postjectPackage(), 'dist/api.js');
  await run(process.execPath, ['-e', INJECT, api, file, blob, FUSE]);
}
