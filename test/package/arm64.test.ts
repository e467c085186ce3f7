/** The executable for arm64, under qemu-user: version, report, and a whole activation over a unix socket. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { emulatorFor, stripFor } from '../../scripts/package/emulator.ts';
import { makeExecutable } from '../../scripts/package/executable.ts';
import { findProgram } from '../../src/system/find-program.ts';
import { until } from '../support/until.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const MAKE_TIMEOUT_MS = 15 * 60_000;

function findMissing(): string | undefined {
  if (process.arch !== 'x64') return 'this machine is not x86-64';
  const programs = {
    'qemu-aarch64-static': 'qemu-user-static',
    [stripFor('arm64')]: 'binutils-aarch64-linux-gnu',
  };
  const program = Object.entries(programs).find(([name]) => findProgram(name, process.env) === null);
  return program && `${program[0]} is missing; get it with apt-get install ${program[1]}`;
}

const missing = findMissing();
if (missing !== undefined)
  process.stderr.write(`Tests of the executable for arm64 are skipped: ${missing}.\n`);

let folder = '';
let emulator: string[] = [];
let host: ChildProcess | undefined;

beforeAll(async () => {
  if (missing !== undefined) return;
  folder = fs.mkdtempSync(path.join(process.env.TMPDIR || '/tmp', 'avma-arm-'));
  fs.writeFileSync(path.join(folder, 'config.json'), '{}');
  emulator = await emulatorFor('arm64');
  await makeExecutable({
    root: ROOT,
    processor: 'arm64',
    version: '1.2.3',
    target: path.join(folder, 'tree'),
  });
}, MAKE_TIMEOUT_MS);

afterAll(async () => {
  if (host?.kill('SIGKILL')) await new Promise((resolve) => host?.once('close', resolve));
  if (folder !== '') fs.rmSync(folder, { recursive: true, force: true });
});

/** The command line of a command: what it is called is told to qemu apart from its file. */
function commandLine(command: string, args: readonly string[]): [string, ...string[]] {
  const [file = '', ...options] = emulator;
  return [file, ...options, '-0', command, path.join(folder, 'tree/bin', command), ...args];
}

function environment(): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    AVMA_CONFIG: path.join(folder, 'config.json'),
    AVMA_STATE_DIR: path.join(folder, 'state'),
    AVMA_HOST_DIR: path.join(folder, 'host'),
    AVMA_TRUST_DIR: path.join(folder, 'none'),
    AVMA_PIPE: 'unix:h.sock',
    AVMA_VM_ID: '6f2a1d3c-1111-4222-8333-abcdefabcdef',
    AVMA_DEADLINE: '100',
  };
}

async function run(command: string, args: readonly string[]): Promise<string> {
  const [file, ...words] = commandLine(command, args);
  return (await promisify(execFile)(file, words, { cwd: folder, env: environment() })).stdout;
}

test.skipIf(missing !== undefined)('is for arm64, and says its version', async () => {
  const header = fs.readFileSync(path.join(folder, 'tree/bin/avma')).subarray(0, 20);
  // e_machine of ELF: EM_AARCH64 is 183.
  expect(header.readUInt16LE(18)).toBe(183);
  expect(await run('avma', ['--version'])).toBe('1.2.3\n');
});

test.skipIf(missing !== undefined)(
  'makes a vendor and a host, serves, and activates a guest',
  async () => {
    await run('avma', ['vendor', 'init', '--out', 'v']);
    await run('avma', ['host', 'init', '--name', 'hv01']);
    fs.writeFileSync(path.join(folder, 'request.json'), await run('avma', ['host', 'request']));
    const certificate = await run(
      'avma',
      'vendor certify request.json --key v/root.key --edition ServerDatacenter'.split(' '),
    );
    fs.writeFileSync(path.join(folder, 'certificate.json'), certificate);
    await run('avma', ['host', 'activate', 'certificate.json']);
    await run('avma', ['guest', 'trust', 'add', 'v/root.pub.json']);
    const [file, ...words] = commandLine('avma', ['host', 'serve', '--listen', 'unix:h.sock']);
    host = spawn(file, words, { cwd: folder, env: environment(), stdio: 'ignore' });
    await until('the host listens', () => fs.existsSync(path.join(folder, 'h.sock')));
    await run('slmgr', ['/ipk', 'DBGBW-NPF86-BJVTX-K3WKJ-MTB6V']);
    expect(await run('slmgr', ['/ato'])).toContain('Product activated successfully.');
    expect(await run('slmgr', ['/dlv'])).toMatch(/^License Status: Licensed$/m);
    expect(await run('avma', ['guest', 'check', 'MTB6V'])).toContain('licensed');
  },
  MAKE_TIMEOUT_MS,
);
