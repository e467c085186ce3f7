/** The executable of `npm run package`: what it must not keep of the machine that made it, and that it equals Node. */
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { type BuiltPackage, builtPackage } from '../support/built-package.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** The tests of the command line that are run again with the executable: output of every kind, errors, terminals. */
const SLICE = ['activation-walk', 'terminal', 'faults', 'debug', 'lost-output', 'full-pipe', 'avma/io'];
const SLICE_TIMEOUT_MS = 15 * 60_000;

const built = await builtPackage();
if ('missing' in built) process.stderr.write(`Tests of the executable are skipped: ${built.missing}.\n`);
const { tree } = built as BuiltPackage;
const testExecutable = test.skipIf('missing' in built);

interface RunOptions {
  readonly cwd: string;
  readonly env?: Record<string, string>;
}

/** Runs a command of the executable that must succeed, with all of its folders in `cwd`. */
async function run(command: string, args: readonly string[], { cwd, env = {} }: RunOptions): Promise<string> {
  const { stdout } = await promisify(execFile)(path.join(tree, 'bin', command), args, {
    cwd,
    env: { ...environmentIn(cwd), ...env },
  });
  return stdout;
}

function environmentIn(folder: string): NodeJS.ProcessEnv {
  const config = path.join(folder, 'config.json');
  if (!fs.existsSync(config)) fs.writeFileSync(config, '{}');
  return {
    PATH: process.env.PATH,
    TZ: 'UTC',
    AVMA_CONFIG: config,
    AVMA_STATE_DIR: path.join(folder, 'state'),
    AVMA_HOST_DIR: path.join(folder, 'host'),
    AVMA_TRUST_DIR: path.join(folder, 'none'),
  };
}

testExecutable('says its version before it makes the tree of commands', async () => {
  const { version } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  for (const word of ['--version', '-V']) {
    expect(await run('avma', [word], { cwd: tempFolder() })).toBe(`${version}\n`);
  }
});

testExecutable('makes other keys, numbers and UUIDs at each start', async () => {
  const made = await Promise.all(
    [tempFolder(), tempFolder()].map(async (cwd) => {
      await run('avma', ['vendor', 'init', '--out', 'v'], { cwd });
      await run('avma', ['host', 'init', '--name', 'hv01'], { cwd });
      fs.writeFileSync(path.join(cwd, 'request.json'), await run('avma', ['host', 'request'], { cwd }));
      const signed = await run('avma', 'vendor certify request.json --key v/root.key'.split(' '), { cwd });
      const [signature] = /[\w-]{80,}/.exec(signed) ?? [];
      return {
        root: fs.readFileSync(path.join(cwd, 'v/root.key'), 'utf8'),
        host: fs.readFileSync(path.join(cwd, 'host/host.json'), 'utf8'),
        signature,
      };
    }),
  );
  const [first, second] = made;
  for (const name of ['root', 'host', 'signature'] as const) {
    expect(first?.[name], name).toBeTruthy();
    expect(first?.[name], name).not.toBe(second?.[name]);
  }
});

testExecutable(
  'sends another exchange ID from each start, under another UUID in each demonstration',
  async () => {
    const shown = async () => {
      const child = execFile(path.join(tree, 'bin/avma'), ['demo'], {
        env: { ...environmentIn(tempFolder()), AVMA_DEBUG: 'wire' },
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream?.on('data', (text) => {
          output += text;
        });
      }
      expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
      return output;
    };
    const [first, second] = [await shown(), await shown()];
    const found = (pattern: RegExp, text: string) => [
      ...new Set([...text.matchAll(pattern)].map(([, id]) => id)),
    ];
    for (const pattern of [/\(VM ([0-9a-f-]{36})\)/g, /\b([0-9a-f]{32})\b/g]) {
      const [before, after] = [found(pattern, first), found(pattern, second)];
      expect(before.length).toBeGreaterThan(0);
      expect(before.filter((id) => after.includes(id))).toEqual([]);
    }
  },
);

testExecutable('takes no options for Node from the environment', async () => {
  const cwd = tempFolder();
  const loaded = path.join(cwd, 'loaded');
  fs.writeFileSync(
    path.join(cwd, 'evil.cjs'),
    `require('node:fs').writeFileSync(${JSON.stringify(loaded)}, '')`,
  );
  const options = `--require ${path.join(cwd, 'evil.cjs')} --report-on-fatalerror --inspect=0`;
  expect(await run('avma', ['--help'], { cwd, env: { NODE_OPTIONS: options } })).not.toBe('');
  expect(fs.existsSync(loaded)).toBe(false);
});

const VM = { AVMA_VM_ID: '6f2a1d3c-1111-4222-8333-abcdefabcdef' };

testExecutable('opens no debugger and writes no report when it is sent a signal', async () => {
  const cwd = tempFolder();
  await run('avma', ['host', 'init', '--name', 'hv01'], { cwd });
  const child = spawn(path.join(tree, 'bin/avma'), ['host', 'serve', '--listen', 'unix:h.sock'], {
    cwd,
    env: environmentIn(cwd),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      said += text;
    });
  }
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    await until('the host listens', () => fs.existsSync(path.join(cwd, 'h.sock')));
    child.kill('SIGUSR1');
    // Whatever the signal starts has started by the time that a guest was answered.
    await run('avma', ['pipe', 'probe', 'unix:h.sock'], { cwd, env: VM }).catch(() => {});
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
  expect(said).not.toMatch(/debugger/i);
  expect(fs.readdirSync(cwd).filter((name) => /report|core/.test(name))).toEqual([]);
});

testExecutable(
  'keeps a ledger in a thread of its own, whose chain verifies after many guests at once',
  async () => {
    const cwd = tempFolder();
    const avma = (words: string) =>
      run('avma', words.split(' '), { cwd, env: { AVMA_TRUST_DIR: path.join(cwd, 'v') } });
    await avma('vendor init --out v');
    await avma('host init --name hv01');
    fs.writeFileSync(path.join(cwd, 'request.json'), await avma('host request'));
    const windows = '--edition ServerDatacenter --os-version 10.0.26100 --channel MAK';
    const certificate = await avma(`vendor certify request.json --key v/root.key --days 1 ${windows}`);
    fs.writeFileSync(path.join(cwd, 'certificate.json'), certificate);
    await avma('host activate certificate.json');
    const serve = 'host serve --listen unix:h.sock --throttle 9999999/1 --host-throttle 9999999/1';
    const host = spawn(path.join(tree, 'bin/avma'), serve.split(' '), {
      cwd,
      env: environmentIn(cwd),
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => host.once('close', resolve));
    try {
      await until('the host listens', () => fs.existsSync(path.join(cwd, 'h.sock')));
      const figures = JSON.parse(
        await avma('host load --pipe unix:h.sock --requests 400 --connections 16 --json'),
      );
      expect(figures).toMatchObject({ requests: 400, failures: 0 });
      host.kill('SIGTERM');
      expect(await ended).toBe(0);
    } finally {
      host.kill('SIGKILL');
      await ended;
    }
    expect(JSON.parse(await avma('host ledger verify --json'))).toMatchObject({ whole: true });
  },
);

testExecutable('reads the time zone anew', async () => {
  const cwd = tempFolder();
  const pipe = { AVMA_PIPE: 'exec:exit 1', ...VM };
  await run('slmgr', ['/ipk', 'DBGBW-NPF86-BJVTX-K3WKJ-MTB6V'], { cwd, env: pipe });
  const shown = (TZ: string) => run('slmgr', ['/xpr'], { cwd, env: { ...pipe, TZ } });
  const [utc, tokyo] = [await shown('UTC'), await shown('Asia/Tokyo')];
  expect(utc).toMatch(/ends? \S+ \S+/);
  expect(tokyo).not.toBe(utc);
});

testExecutable('loads a module: pipe, and says plainly which it cannot load', async () => {
  const cwd = tempFolder();
  fs.writeFileSync(path.join(cwd, 'waits.mjs'), 'await 1;\nexport default () => {};\n');
  const options = { cwd, env: { ...environmentIn(cwd), AVMA_PIPE: 'module:./waits.mjs' } };
  const failed = await promisify(execFile)(path.join(tree, 'bin/avma'), ['pipe', 'probe'], options).catch(
    (error) => error,
  );
  expect(failed.code).toBe(64);
  expect(`${failed.stdout}${failed.stderr}`).toMatch(/waits\.mjs waits \(await\) at its top level/);
});

testExecutable(
  'does what the commands do under Node, in the tests of the command line',
  async () => {
    const files = SLICE.map((name) => `test/cli/${name}.test.ts`);
    const vitest = path.join(ROOT, 'node_modules/vitest/vitest.mjs');
    const args = [vitest, 'run', '--project', 'system', '--reporter', 'dot', ...files];
    const env = { ...process.env, AVMA_TEST_EXECUTABLE: path.join(tree, 'bin/avma'), NO_COLOR: '1' };
    const ran = await promisify(execFile)(process.execPath, args, {
      cwd: ROOT,
      env,
      maxBuffer: 2 ** 26,
    }).catch(({ stdout, stderr }) => ({ stdout: `${stdout}${stderr}` }));
    expect(ran.stdout).toMatch(new RegExp(`Test Files +${files.length} passed \\(${files.length}\\)`));
  },
  SLICE_TIMEOUT_MS,
);
