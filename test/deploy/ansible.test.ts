/** The Ansible collection: built, installed and run by the real ansible-core against real hosts and guests. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findProgram } from '../../src/system/find-program.ts';
import { type Ran, ROOT, STANDARD_2012_R2, TestMachine } from '../cli/test-machine.ts';

const MODULES = ['avma_guest_key', 'avma_host_certificate', 'avma_facts'];
const COLLECTION = path.join(ROOT, 'deploy/ansible');
/** Of no product, and its last five characters are those of one: only the whole key tells them apart. */
const WRONG_KEY = 'BCDFG-HJKMP-QRTVW-XY234-MTB6V';

const missing = ['ansible-playbook', 'ansible-galaxy', 'ansible-doc'].filter(
  (program) => findProgram(program, process.env) === null,
);
if (missing.length > 0) {
  process.stderr.write(
    `The Ansible collection is not tested: ${missing.join(', ')} missing (ansible-core).\n`,
  );
}

describe.skipIf(missing.length > 0)('the Ansible collection', () => {
  const machine = new TestMachine();

  beforeAll(async () => {
    fs.mkdirSync(machine.at('certificates'));
    // In the place of avma: it keeps the arguments, which every user of a machine can see, and runs avma.
    const recorder = `#!/bin/sh\necho "$*" >> '${machine.at('arguments')}'\nexec '${ROOT}/bin/avma' "$@"\n`;
    fs.writeFileSync(machine.at('recorder'), recorder, { mode: 0o755 });
    for (const [name, play] of Object.entries(PLAYS)) fs.writeFileSync(machine.at(name), play);
    await mustRun('ansible-galaxy', [
      'collection',
      'build',
      COLLECTION,
      '--output-path',
      machine.at('built'),
    ]);
    const built = fs.readdirSync(machine.at('built')).map((file) => machine.at(`built/${file}`));
    expect(built.map((file) => path.basename(file))).toEqual([
      expect.stringMatching(/^avma-avma-.*\.tar\.gz$/),
    ]);
    const install = ['collection', 'install', ...built, '-p', machine.at('collections'), '--offline'];
    await mustRun('ansible-galaxy', install);
  });
  afterAll(() => machine.close());

  function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
    return new Promise((resolve) => {
      const child = execFile(
        program,
        args,
        { cwd: machine.folder, encoding: 'utf8', env: { ...ansibleEnv(), ...env }, maxBuffer: 1 << 26 },
        (failed, stdout, stderr) =>
          resolve({ stdout, stderr, status: failed === null ? 0 : Number(failed.code ?? -1) }),
      );
      child.stdin?.end();
    });
  }

  function ansibleEnv(): NodeJS.ProcessEnv {
    return {
      ...machine.env,
      PATH: `${path.join(ROOT, 'bin')}:${process.env.PATH}`,
      HOME: machine.at('home'),
      LC_ALL: 'C.UTF-8',
      ANSIBLE_COLLECTIONS_PATH: machine.at('collections'),
      ANSIBLE_LOCAL_TEMP: machine.at('tmp/local'),
      ANSIBLE_REMOTE_TEMP: machine.at('tmp/remote'),
      ANSIBLE_NOCOLOR: '1',
      ANSIBLE_PIPELINING: '1',
      AVMA_PIPE: `unix:${machine.at('h.sock')}`,
    };
  }

  async function mustRun(program: string, args: readonly string[]): Promise<string> {
    const ran = await run(program, args);
    if (ran.status !== 0) throw new Error(`${program} ${args.join(' ')}:\n${ran.stdout}${ran.stderr}`);
    return ran.stdout;
  }

  /** Runs a play against this machine, with the folder of the test in the place of `/`. */
  function play(name: string, options: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
    const variables = ['-e', `there=${machine.folder}`, '-e', 'ansible_python_interpreter=auto_silent'];
    return run('ansible-playbook', ['-i', 'localhost,', ...variables, ...options, name], env);
  }

  test.each(MODULES)('documents %s', async (name) => {
    const shown = await mustRun('ansible-doc', ['--json', `avma.avma.${name}`]);
    const { doc, examples, return: returned } = JSON.parse(shown)[`avma.avma.${name}`];
    expect(doc.short_description).toMatch(/\w/);
    for (const option of Object.values<{ description: string | string[] }>(doc.options)) {
      expect([option.description].flat().join(' ')).toMatch(/\.$/);
    }
    expect(examples).toContain(`avma.avma.${name}:`);
    expect(returned).not.toBeNull();
  });

  test('takes a host from nothing to a certificate, and is done then', async () => {
    const first = await play('host.yml');
    expect(first.stdout, first.stderr).toMatch(/localhost +: .*changed=[1-9]\d* .*failed=0/);
    await machine.mustRun('avma', ['vendor', 'init', '--out', 'v']);
    const certify = ['vendor', 'certify', 'requests/localhost.json', '--key', 'v/root.key'];
    const certificate = await machine.mustRun('avma', [...certify, '--os-version', '6.3.9600']);
    fs.writeFileSync(machine.at('certificates/localhost.json'), certificate.stdout);

    const before = contentOf(machine.at('host'));
    const tried = await play('host.yml', ['--check', '--diff']);
    expect(tried.stdout, tried.stderr).toMatch(/\+ .*"hostName": "hv07"/);
    expect(tried.stdout).toContain('changed=1 ');
    expect(contentOf(machine.at('host'))).toEqual(before);

    expect((await play('host.yml')).stdout).toContain('changed=1 ');
    expect((await play('host.yml')).stdout).toContain('changed=0 ');
    const status = JSON.parse((await machine.mustRun('avma', ['host', 'status', '--json'])).stdout);
    expect(status).toMatchObject({ name: 'hv07', state: 'activated' });
  });

  test('takes a guest from nothing to a license, and is done then', async () => {
    const host = await machine.serve();
    const foretold = await play('guest.yml', ['--check', '--diff']);
    expect(foretold.stdout, foretold.stderr).toMatch(/changed=[1-9]\d* .*failed=0/);
    expect(fs.existsSync(machine.at('guest'))).toBe(false);

    const first = await play('guest.yml', ['--diff', '-vvv']);
    expect(first.stdout, first.stderr).toMatch(/changed=[1-9]\d* .*failed=0/);
    expect(first.stdout).toMatch(/\+ +"license": "licensed"/);
    expect(first.stdout).toContain('"licensed by hv07"');
    expect(first.stdout + first.stderr).not.toContain(STANDARD_2012_R2);
    expect(fs.readFileSync(machine.at('arguments'), 'utf8')).toMatch(/^guest install-key - --json$/m);
    expect(fs.readFileSync(machine.at('arguments'), 'utf8')).not.toContain(STANDARD_2012_R2);

    expect((await play('guest.yml')).stdout).toContain('changed=0 ');
    await host.stop();
    const before = contentOf(machine.at('guest'));
    const again = await play('guest.yml', ['--check', '--diff']);
    expect(again.stdout, again.stderr).toMatch(/changed=0 .*failed=0/);
    expect(contentOf(machine.at('guest'))).toEqual(before);
  });

  test.each([[[]], [['--check']]])("says in avma's words that a key is wrong %s", async (options) => {
    const ran = await play('guest.yml', ['-e', `key=${WRONG_KEY}`, ...options]);
    expect(ran.status).toBe(2);
    expect(ran.stdout).toContain('No catalog lists a product key that ends in MTB6V. Check the key');
    expect(ran.stdout).not.toContain(WRONG_KEY);
  });

  test("says in avma's words that no host answers, and keeps the key", async () => {
    const other = { AVMA_STATE_DIR: machine.at('other') };
    const ran = await play('guest.yml', [], other);
    expect(ran.status, ran.stdout).toBe(2);
    expect(ran.stdout).toContain('"code": "host-absent"');
    const status = await machine.mustRun('avma', ['guest', 'status', '--json'], { env: other });
    expect(JSON.parse(status.stdout).products).toMatchObject([{ partialProductKey: 'MTB6V' }]);
    const tolerant = await play('guest.yml', ['-e', '{"avma_guest_activate": false}'], other);
    expect(tolerant.stdout).toMatch(/changed=0 .*failed=0/);
  });

  test('asks no host where the key is for an image', async () => {
    const image = { AVMA_STATE_DIR: machine.at('image') };
    const ran = await play('guest.yml', ['-e', '{"avma_guest_activate": false}'], image);
    expect(ran.stdout, ran.stderr).toMatch(/changed=[1-9]\d* .*failed=0/);
    const status = await machine.mustRun('avma', ['guest', 'status', '--json'], { env: image });
    expect(JSON.parse(status.stdout).products).toMatchObject([
      { partialProductKey: 'MTB6V', lastAttempt: null },
    ]);
  });

  test('has facts of a machine without avma', async () => {
    const ran = await play('facts.yml');
    expect(ran.stdout, ran.stderr).toContain('"installed=False errors=guest,license"');
  });
});

const PLAYS = {
  'host.yml': `
- hosts: all
  connection: local
  gather_facts: false
  roles:
    - role: avma.avma.host
      avma_host_name: hv07
      avma_host_catalog_folder: '{{ there }}/host-catalogs'
      avma_host_request_file: '{{ there }}/request.json'
      avma_host_request_folder: '{{ there }}/requests'
      avma_host_certificate: '{{ there }}/certificates/{{ inventory_hostname }}.json'
      avma_host_service: false
`,
  'guest.yml': `
- hosts: all
  connection: local
  gather_facts: false
  vars:
    key: ${STANDARD_2012_R2}
  environment:
    AVMA_TRUST_DIR: '{{ there }}/trust'
  roles:
    - role: avma.avma.guest
      avma_guest_executable: '{{ there }}/recorder'
      avma_guest_configuration: { deadlineSeconds: 120 }
      avma_guest_configuration_file: '{{ there }}/config.json'
      avma_guest_trust_anchors: ['{{ there }}/v/root.pub.json']
      avma_guest_trust_folder: '{{ there }}/trust'
      avma_guest_catalogs: []
      avma_guest_catalog_folder: '{{ there }}/catalogs'
      avma_guest_keys: ['{{ key }}']
      avma_guest_agent: false
  tasks:
    - avma.avma.avma_facts:
    - debug:
        msg: licensed by {{ avma.guest.products[0].lease.hostName }}
      when: avma.guest.licensed
`,
  'facts.yml': `
- hosts: all
  connection: local
  gather_facts: false
  tasks:
    - avma.avma.avma_facts:
        executable: no-such-program
        gather: [guest, license]
        license_file: '{{ there }}/no-such-file'
    - debug:
        msg: installed={{ avma.installed }} errors={{ avma.errors | map(attribute='what') | join(',') }}
`,
};

/** Every file below a folder with what is in it. */
function contentOf(folder: string): Record<string, string> {
  const files = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    files
      .map((entry) => [path.join(entry.parentPath, entry.name), entry] as const)
      .map(([file, entry]) => [
        file,
        entry.isFile() ? createHash('sha256').update(fs.readFileSync(file)).digest('hex') : 'no file',
      ]),
  );
}
