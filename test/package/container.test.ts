/** Programs in containers: the image of deploy/container, and its question for the license as another user. */
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { STANDARD_2012_R2, TestMachine } from '../cli/test-machine.ts';
import { missingForNspawn, rootOf } from '../nspawn/requirements.ts';
import { builtPackage } from '../support/built-package.ts';

const CONTAINERFILE = path.resolve(import.meta.dirname, '../../deploy/container/Containerfile');
const SETUP_TIMEOUT_MS = 10 * 60_000;

const built = await builtPackage();
const missing = 'missing' in built ? built.missing : missingForNspawn();
if (missing !== undefined) process.stderr.write(`Tests of containers are skipped: ${missing}.\n`);

const machine = new TestMachine();
let root = '';
let entrypoint: string[] = [];

/** Carries out the instructions of the Containerfile in a root folder; they are few, and each is known here. */
function buildImage(context: string): void {
  for (const line of fs.readFileSync(CONTAINERFILE, 'utf8').split('\n')) {
    const [instruction = '', ...words] = line.split(' ');
    const rest = words.join(' ');
    if (instruction === '' || instruction === '#') continue;
    if (instruction === 'FROM') expect(rest).toBe('debian:trixie-slim');
    else if (instruction === 'COPY') {
      const [from = '', to = ''] = words;
      execFileSync('cp', ['-a', path.join(context, from), path.join(root, to)]);
    } else if (instruction === 'RUN') execFileSync('chroot', [root, '/bin/sh', '-c', rest]);
    else if (instruction === 'ENTRYPOINT') entrypoint = JSON.parse(rest);
    else expect(instruction).toBe('CMD');
  }
}

/** Runs the image's command as another user than root and without a network; `mounts` is what the recipe adds. */
async function inContainer(args: readonly string[], mounts: readonly string[]) {
  const options = [
    ...[
      '--quiet',
      '--read-only',
      '--directory',
      root,
      '--register=no',
      '--keep-unit',
      '--private-network',
      '--pipe',
    ],
    ...['--user=daemon', ...mounts],
  ];
  const ran = promisify(execFile)('systemd-nspawn', [...options, ...entrypoint, ...args], {
    encoding: 'utf8',
  });
  return ran
    .then(({ stdout, stderr }) => ({ stdout, stderr, code: 0 }))
    .catch(({ stdout, stderr, code }) => ({ stdout, stderr, code }));
}

beforeAll(async () => {
  if (missing !== undefined || 'missing' in built) return;
  root = fs.mkdtempSync('/var/tmp/avma-image-');
  execFileSync('cp', ['-a', `${rootOf('trixie')}/.`, root]);
  buildImage(path.dirname(built.tree));
  await machine.certifyHost();
  const host = await machine.serve();
  const env = { AVMA_PIPE: host.uri };
  await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env });
  await host.stop();
  // As it is for root on a machine of its own: 0755.
  fs.chmodSync(machine.folder, 0o755);
}, SETUP_TIMEOUT_MS);

afterAll(async () => {
  await machine.close();
  if (root !== '') fs.rmSync(root, { recursive: true, force: true });
});

test.skipIf(missing !== undefined)(
  'another user in a container learns that the machine is licensed',
  async () => {
    const mounts = [`--bind-ro=${machine.at('guest/run')}:/run/avma`];
    const asked = await inContainer(['guest', 'check', STANDARD_2012_R2.slice(-5)], mounts);
    expect(asked.code).toBe(0);
    expect(asked.stdout).toContain('licensed');
    const json = await inContainer(['guest', 'check', STANDARD_2012_R2.slice(-5), '--json'], mounts);
    expect(JSON.parse(json.stdout)).toMatchObject({ verdict: 'licensed' });
  },
);

test.skipIf(missing !== undefined)(
  'a product without a key is not licensed, and without the mount nobody can tell',
  async () => {
    const mounts = [`--bind-ro=${machine.at('guest/run')}:/run/avma`];
    expect((await inContainer(['guest', 'check', 'NONE0'], mounts)).code).not.toBe(0);
    expect((await inContainer(['guest', 'check', STANDARD_2012_R2.slice(-5)], [])).code).toBe(69);
  },
);
