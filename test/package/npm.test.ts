/** `npm pack`: installed without what is bundled, and run on each Node that is supported. */
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { node22Package, nodePackage } from '../../scripts/package/pinned.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const INSTALL_TIMEOUT_MS = 10 * 60_000;

const exec = promisify(execFile);

/** Installing needs a registry, which npm itself finds. */
function registryIsMissing(): boolean {
  try {
    execFileSync('npm', ['ping', '--silent', '--fetch-retries=0', '--fetch-timeout=10000'], {
      stdio: 'ignore',
    });
    return false;
  } catch {
    return true;
  }
}

const missing = registryIsMissing();
if (missing) process.stderr.write('Tests of the npm package are skipped: npm reaches no registry.\n');

let folder = '';
beforeAll(async () => {
  if (missing) return;
  folder = fs.mkdtempSync(path.join(process.env.TMPDIR || '/tmp', 'avma-npm-'));
  // Not npm's own cache: what is installed must come from where a user gets it.
  const { stdout } = await exec(
    'npm',
    ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder],
    { cwd: ROOT },
  );
  const file = path.join(folder, stdout.trim().split('\n').at(-1) ?? '');
  await exec('npm', ['install', '--silent', '--global', '--prefix', folder, file]);
  return () => fs.rmSync(folder, { recursive: true, force: true });
}, INSTALL_TIMEOUT_MS);

test.skipIf(missing)('installs only what is loaded at run time', () => {
  const modules = path.join(folder, 'lib/node_modules/avma/node_modules');
  const installed = fs.readdirSync(modules).filter((name) => !name.startsWith('.'));
  expect(installed).toContain('fs-native-extensions');
  expect(installed).toContain('libsql');
  expect(installed).toContain('sodium-native');
  for (const name of [
    'pg',
    'prom-client',
    'cli-progress',
    'commander',
    'zod',
    'chalk',
    'tweetnacl',
    'saxes',
    'yaml',
    'fast-xml-parser',
  ]) {
    expect(installed).not.toContain(name);
  }
  const licenses = fs.readFileSync(path.join(folder, 'lib/node_modules/avma/dist/THIRD-PARTY'), 'utf8');
  expect(licenses).toMatch(/^==== commander /m);
});

test.skipIf(missing)(
  'answers many guests at once, each recorded in a SQLite ledger before its answer',
  async () => {
    const load = 'host load --requests 400 --connections 16 --json'.split(' ');
    const { stdout } = await exec(path.join(folder, 'bin/avma'), load, {
      env: { PATH: process.env.PATH, AVMA_STATE_DIR: path.join(folder, 'state') },
    });
    expect(JSON.parse(stdout)).toMatchObject({ requests: 400, failures: 0 });
  },
);

test.skipIf(missing)('brings the verifiers, as ES module and for require()', async () => {
  const lib = path.join(folder, 'lib');
  const ask = `console.log(verifyLicense({}, { roots: [], vmId: '', product: '', now: 0 }).reason)`;
  for (const use of [
    ['--input-type=module', '-e', `import { verifyLicense } from 'avma/verify'; ${ask}`],
    ['-e', `const { verifyLicense } = require('avma/verify'); ${ask}`],
  ]) {
    const { stdout } = await exec(process.execPath, use, { cwd: lib });
    expect(stdout).toBe('options-invalid\n');
  }
  for (const file of ['python/avma_verify.py', 'go/avmaverify.go', 'go/go.mod']) {
    expect(fs.existsSync(path.join(lib, 'node_modules/avma/verifiers', file)), file).toBe(true);
  }
});

test.skipIf(missing)('runs on Node 20, which runs the tests', () => runsOn(process.execPath));

test.runIf(!missing && process.env.AVMA_TEST_VM === 'required').each([
  ['22', async () => path.join(await node22Package(), 'bin/node')],
  ['24', async () => path.join(await nodePackage('x64'), 'bin/node')],
])('with AVMA_TEST_VM=required, runs on Node %s', async (_version, findNode) => runsOn(await findNode()));

async function runsOn(node: string): Promise<void> {
  const { stdout } = await exec(node, [path.join(folder, 'lib/node_modules/avma/bin/avma'), 'demo']);
  expect(stdout).toContain('Product activated successfully.');
  expect(stdout).toMatch(/License Status: Licensed/);
}
