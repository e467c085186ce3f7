import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { withLockedFile } from '../../src/storage/folder-lock.ts';
import { findProgram } from '../../src/system/find-program.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const OUT = path.join(ROOT, 'out');

/** What a package is made of. When one of these files changes, the package is made again. */
const SOURCES = [
  ...['bin', 'deploy', 'docs', 'keys', 'scripts', 'src', 'verifiers'],
  ...['CHANGELOG.md', 'package.json', 'package-lock.json'],
];

/** Holds the digest of the sources that the package was made of. */
const STAMP = path.join(OUT, 'sources.sha256');

/** Making a package takes half a minute, more where Node has to be downloaded first. */
const BUILD_TIMEOUT_MS = 10 * 60_000;

const PROGRAMS: Readonly<Record<string, string>> = { strip: 'binutils', 'dpkg-deb': 'dpkg', git: 'git' };

/** What `npm run package` made. */
export interface BuiltPackage {
  /** The `.deb` for this machine. */
  readonly deb: string;
  /** The tree that it installs as /usr/lib/avma, with `bin/avma` and `bin/slmgr`. */
  readonly tree: string;
}

/**
 * The package of this checkout in `out/`, made now if it is not there or older than its sources. One test process at
 * a time makes it.
 *
 * @returns why there is none, in one line, where something is missing that it takes to make it.
 * @throws with AVMA_TEST_PACKAGE=required instead, so that a CI which has installed everything cannot lose the tests.
 */
export async function builtPackage(): Promise<BuiltPackage | { readonly missing: string }> {
  const result = await findOrMake();
  if ('missing' in result && process.env.AVMA_TEST_PACKAGE === 'required') throw new Error(result.missing);
  return result;
}

async function findOrMake(): Promise<BuiltPackage | { readonly missing: string }> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { missing: 'packages are made on Linux on x86-64' };
  }
  for (const [program, name] of Object.entries(PROGRAMS)) {
    if (findProgram(program, process.env) === null) {
      return { missing: `${program} is missing; get it with apt-get install ${name}` };
    }
  }
  fs.mkdirSync(OUT, { recursive: true });
  return withLockedFile(path.join(OUT, 'making.lock'), BUILD_TIMEOUT_MS, async () => {
    const digest = digestOf(SOURCES);
    if (readIfThere(STAMP) !== digest || findBuilt() === undefined) {
      fs.rmSync(STAMP, { force: true });
      try {
        await make();
      } catch (thrown) {
        // Its reason is in its last lines: a download that failed, a program that is missing.
        const said = String((thrown as { stderr?: string }).stderr || thrown).trimEnd();
        return { missing: `npm run package failed: ${said.split('\n').slice(-5).join(' | ')}` };
      }
      fs.writeFileSync(STAMP, digest);
    }
    return findBuilt() ?? { missing: 'npm run package made no .deb' };
  });
}

async function make(): Promise<void> {
  const command = [process.execPath, path.join(ROOT, 'scripts/package.js'), '--only', 'deb'];
  // Ended with the test where that is killed.
  const options = { cwd: ROOT, timeout: BUILD_TIMEOUT_MS, maxBuffer: 2 ** 26 };
  await promisify(execFile)('setpriv', ['--pdeathsig', 'TERM', ...command], options);
}

function findBuilt(): BuiltPackage | undefined {
  const deb = fs.readdirSync(OUT).find((name) => name.endsWith('_amd64.deb'));
  const tree = path.join(OUT, 'linux-x64');
  if (deb === undefined || !fs.existsSync(path.join(tree, 'bin/avma'))) return undefined;
  return { deb: path.join(OUT, deb), tree };
}

function digestOf(names: readonly string[]): string {
  const hash = createHash('sha256');
  for (const name of names) {
    const found = path.join(ROOT, name);
    const files = fs.statSync(found).isDirectory()
      ? fs.readdirSync(found, { recursive: true, encoding: 'utf8' }).map((file) => path.join(found, file))
      : [found];
    for (const file of files.toSorted()) {
      if (fs.statSync(file).isFile()) hash.update(`${file}\0`).update(fs.readFileSync(file)).update('\0');
    }
  }
  return hash.digest('hex');
}

function readIfThere(file: string): string | undefined {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined;
}
