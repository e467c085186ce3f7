/** The packages that `npm run package` makes, as those who get them see them. */
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { findProgram } from '../../src/system/find-program.ts';
import { builtPackage } from '../support/built-package.ts';
import { tempFolder } from '../support/temp-folder.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const MAKE_TIMEOUT_MS = 15 * 60_000;

const exec = promisify(execFile);

/** Skips, and says so, where a program is missing. */
function testWith(programs: Record<string, string>) {
  const missing = Object.entries(programs).find(([program]) => findProgram(program, process.env) === null);
  if (missing === undefined) return test;
  process.stderr.write(`Tests with ${missing[0]} are skipped: get it with apt-get install ${missing[1]}.\n`);
  return test.skip;
}

const built = await builtPackage();
if ('missing' in built) process.stderr.write(`Tests of packages are skipped: ${built.missing}.\n`);

describe.skipIf('missing' in built)('the .deb', () => {
  const deb = 'missing' in built ? '' : built.deb;

  testWith({ lintian: 'lintian' })(
    'lintian finds no error and no warning',
    async () => {
      const args = ['--fail-on', 'error,warning', '--allow-root', '--no-tag-display-limit', deb];
      const { stdout } = await exec('lintian', args, { env: { ...process.env, TMPDIR: tempFolder() } }).catch(
        (failed) => failed,
      );
      expect(stdout).toBe('');
    },
    MAKE_TIMEOUT_MS,
  );

  test('has the commands, units, pages and completion, and no file of configuration', async () => {
    const { stdout } = await exec('dpkg-deb', ['--contents', deb]);
    const files = stdout.split('\n').map((line) => line.split(/\s+/).slice(5).join(' '));
    for (const file of [
      './usr/bin/avma -> ../lib/avma/bin/avma',
      './usr/bin/slmgr -> ../lib/avma/bin/avma',
      './usr/lib/systemd/system/avma-agent.service',
      './usr/lib/systemd/system/avma-host.service',
      './usr/share/man/man8/avma-agent.8.gz',
      './usr/share/man/man5/avma-config.5.gz',
      './usr/share/bash-completion/completions/avma',
      './usr/share/zsh/vendor-completions/_avma',
      './usr/share/fish/vendor_completions.d/avma.fish',
      './usr/share/doc/avma/THIRD-PARTY',
      './usr/share/doc/avma/verifiers/node/verify.mjs',
      './usr/share/doc/avma/verifiers/python/avma_verify.py',
      './usr/share/doc/avma/verifiers/go/avmaverify.go',
    ]) {
      expect(files).toContain(file);
    }
    expect(files.filter((file) => file.startsWith('./usr/bin/')).length).toBe(3);
    expect(files.filter((file) => file.startsWith('./etc/') && !file.endsWith('/'))).toEqual([]);
    expect(stdout).not.toMatch(/^\S+ (?!root\/root)/m);
  });

  test('carries the license of Node and of each package in it', async () => {
    const folder = tempFolder();
    await exec('dpkg-deb', ['--extract', deb, folder]);
    const text = fs.readFileSync(path.join(folder, 'usr/share/doc/avma/THIRD-PARTY'), 'utf8');
    const copyright = fs.readFileSync(path.join(folder, 'usr/share/doc/avma/copyright'), 'utf8');
    expect(text).toMatch(/^==== Node\.js 24\.\d+\.\d+ =/m);
    const bundled = [
      'commander',
      'zod',
      'tweetnacl',
      'fs-native-extensions',
      'saxes',
      'yaml',
      'pg',
      'libsql',
      'sodium-native',
    ];
    for (const name of [...bundled, 'SQLite', 'libsodium']) {
      expect(text).toMatch(new RegExp(`^==== ${name} \\d`, 'm'));
      expect(copyright).toMatch(new RegExp(`^ {2}${name} \\d`, 'm'));
    }
  });
});

/** Only root may change into the root that rpm installs into. */
const testAsRoot =
  process.getuid?.() === 0 ? testWith({ rpmbuild: 'rpm', 'ssh-keygen': 'openssh-client' }) : test.skip;

const PACKERS = { rpmbuild: 'rpm', 'ssh-keygen': 'openssh-client', sha256sum: 'coreutils' };

describe.skipIf('missing' in built)('the offline bundle', () => {
  let bundle = '';
  let folder = '';

  beforeAll(async () => {
    if (Object.keys(PACKERS).some((program) => findProgram(program, process.env) === null)) return;
    // Its own folder: out/ is what other tests install from.
    folder = fs.mkdtempSync(path.join(process.env.TMPDIR || '/tmp', 'avma-bundle-'));
    execFileSync('ssh-keygen', [
      '-q',
      '-t',
      'ed25519',
      '-N',
      '',
      '-C',
      'test',
      '-f',
      path.join(folder, 'key'),
    ]);
    const args = ['scripts/package.js', '--only', 'bundle', '--out', path.join(folder, 'out')];
    await exec(process.execPath, [...args, '--sign', path.join(folder, 'key')], { cwd: ROOT });
    const out = path.join(folder, 'out');
    const [tar = ''] = fs.readdirSync(out).filter((name) => name.endsWith('-offline.tar'));
    await exec('tar', ['-xf', path.join(out, tar), '-C', folder]);
    bundle = path.join(folder, path.basename(tar, '.tar'));
    fs.rmSync(out, { recursive: true });
    return () => fs.rmSync(folder, { recursive: true, force: true });
  }, MAKE_TIMEOUT_MS);

  /** As INSTALL.txt says it, with the signer's public key from elsewhere. */
  async function verify(): Promise<string> {
    const [type, key] = fs.readFileSync(path.join(folder, 'key.pub'), 'utf8').split(' ');
    fs.writeFileSync(path.join(folder, 'allowed'), `publisher namespaces="avma-bundle" ${type} ${key}\n`);
    const line =
      'ssh-keygen -Y verify -f ../allowed -I publisher -n avma-bundle -s SHA256SUMS.sig < SHA256SUMS && sha256sum --check --quiet --strict SHA256SUMS';
    const { stdout, stderr } = await exec('sh', ['-c', line], { cwd: bundle }).catch((failed) => failed);
    return `${stdout}${stderr}`;
  }

  testWith(PACKERS)('is verified with the commands of INSTALL.txt', async () => {
    expect(await verify()).toMatch(/^Good "avma-bundle" signature for publisher with ED25519 key \S+\n$/);
    const listed = fs.readFileSync(path.join(bundle, 'SHA256SUMS'), 'utf8').trim().split('\n');
    const there = fs
      .readdirSync(bundle, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.startsWith('SHA256SUMS'));
    expect(listed.length).toBe(there.length);
  });

  testWith(PACKERS)('a changed file and a changed list are noticed', async () => {
    const change = async (name: string) => {
      const file = path.join(bundle, name);
      const before = fs.readFileSync(file);
      fs.appendFileSync(file, 'x');
      const said = await verify();
      fs.writeFileSync(file, before);
      return said;
    };
    expect(await change('INSTALL.txt')).toContain('INSTALL.txt: FAILED');
    expect(await change('SHA256SUMS')).toContain('Signature verification failed');
  });

  testWith(PACKERS)('names in INSTALL.txt are those of its files', () => {
    const text = fs.readFileSync(path.join(bundle, 'INSTALL.txt'), 'utf8');
    const files = fs.readdirSync(bundle).filter((name) => /\.(deb|rpm|gz)$/.test(name));
    expect(files.length).toBe(3);
    for (const file of files) expect(text).toContain(file);
    expect(text).not.toMatch(/@\w+@/);
  });

  testWith(PACKERS)('its bill of materials has Node, its libraries and the bundled packages', () => {
    const sbom = JSON.parse(fs.readFileSync(path.join(bundle, 'sbom.cdx.json'), 'utf8'));
    expect(sbom).toMatchObject({
      bomFormat: 'CycloneDX',
      specVersion: '1.5',
      metadata: { component: { name: 'avma' } },
    });
    const [node] = sbom.components;
    expect(node).toMatchObject({ name: 'node', version: expect.stringMatching(/^24\./) });
    expect(node.components.map(({ name }: { name: string }) => name)).toContain('openssl');
    expect(sbom.components.map(({ purl }: { purl?: string }) => purl)).toContainEqual(
      expect.stringMatching(/^pkg:npm\/zod@/),
    );
  });

  testWith(PACKERS)('its archive runs where it is unpacked', async () => {
    const scratch = tempFolder();
    const archive = fs.readdirSync(bundle).find((name) => name.endsWith('.tar.gz')) ?? '';
    await exec('tar', ['-xzf', path.join(bundle, archive), '-C', scratch]);
    const [name = ''] = fs.readdirSync(scratch);
    const { stdout } = await exec(path.join(scratch, name, 'bin/avma'), ['--version']);
    expect(name).toBe(`avma-${stdout.trim()}`);
  });

  testAsRoot('its .rpm is installed and removed in a root of its own', async () => {
    const rpm = path.join(bundle, fs.readdirSync(bundle).find((name) => name.endsWith('.rpm')) ?? '');
    // Not of tempFolder's: rpm wants a short path without links.
    const root = fs.mkdtempSync('/tmp/avma-rpm-');
    onTestFinished(() => fs.rmSync(root, { recursive: true, force: true }));
    // Scripts need a shell in the root, and the dependencies are Fedora's packages: neither is there.
    const options = ['--root', root, '--noscripts', '--nodeps'];
    await exec('rpm', [...options, '--install', rpm]);
    expect((await exec(path.join(root, 'usr/bin/avma'), ['--version'])).stdout).toMatch(/^\d/);
    expect(fs.existsSync(path.join(root, 'usr/share/zsh/site-functions/_avma'))).toBe(true);
    expect(fs.existsSync(path.join(root, 'usr/lib/systemd/system-preset/90-avma.preset'))).toBe(true);
    expect((await exec('rpm', ['--root', root, '--verify', '--nodeps', 'avma'])).stdout).toBe('');
    await exec('rpm', [...options, '--erase', 'avma']);
    for (const gone of ['usr/lib/avma', 'usr/bin/avma', 'etc/avma']) {
      expect(fs.existsSync(path.join(root, gone)), gone).toBe(false);
    }
  });
});
