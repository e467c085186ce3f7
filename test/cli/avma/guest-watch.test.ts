/** `avma guest status --watch` on a real terminal, of util-linux's script, and into a pipe. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import xterm from '@xterm/headless';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missingScript } from '../../support/script.ts';
import { until } from '../../support/until.ts';
import { builtCommand, type ServedHost, STANDARD_2012_R2, TestMachine } from '../test-machine.ts';

const missing = missingScript();
if (missing !== undefined) process.stderr.write(`Tests on a terminal are skipped: ${missing}.\n`);

const machine = new TestMachine();
const running = new Set<ChildProcess>();
let host: ServedHost;
const PIPE = { AVMA_PIPE: 'unix:h.sock' };

beforeAll(async () => {
  await machine.certifyHost();
  host = await machine.serve(['--lease-minutes', '5']);
});
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await host.stop();
  await machine.close();
});

const WATCH = [...builtCommand('avma'), 'guest', 'status', '--watch'];

/** A guest of its own, with a key. */
async function guest(name: string): Promise<NodeJS.ProcessEnv> {
  const env = { ...PIPE, AVMA_STATE_DIR: machine.at(name) };
  await machine.mustRun('avma', ['guest', 'trust', 'add', 'v/root.pub.json'], { env });
  await machine.mustRun('avma', ['guest', 'install-key', STANDARD_2012_R2], { env });
  return env;
}

function start(file: string, args: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(file, args, { env: { ...machine.env, ...env }, cwd: machine.folder, stdio: 'pipe' });
  running.add(child);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  const ended = new Promise<number | string | null>((resolve) =>
    child.once('close', (status, signal) => {
      running.delete(child);
      resolve(status ?? signal);
    }),
  );
  return { child, ended, output: () => output };
}

/** A terminal of 110 columns and 20 rows, what it shows now, and a shell's words before and after the command. */
function onTerminal(env: NodeJS.ProcessEnv, meanwhile = '') {
  const watch = WATCH.map((word) => `'${word}'`).join(' ');
  // The shell outlives ^C, which reaches it too.
  const line = `trap : INT; stty cols 110 rows 20; echo before; ${meanwhile} ${watch}; echo "after $?"`;
  const started = start('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
    ...{ ...env, TERM: 'xterm', LC_ALL: 'C.UTF-8' },
  });
  /** All that a person sees once the terminal has taken in everything. */
  const shown = async () => {
    const terminal = new xterm.Terminal({ cols: 110, rows: 20, allowProposedApi: true });
    await new Promise<void>((resolve) => terminal.write(started.output(), resolve));
    const { active } = terminal.buffer;
    const lines = Array.from({ length: 20 }, (_, row) => active.getLine(row)?.translateToString(true) ?? '');
    return { isSecondScreen: active.type === 'alternate', text: lines.join('\n').trimEnd() };
  };
  return {
    ...started,
    shown,
    shows: (text: string) => until(text, async () => (await shown()).text.includes(text)),
  };
}

/** The lines of the last picture that was drawn. */
const lastFrame = (output: string) =>
  output.split('\u001b[H').at(-1)?.split('\u001b[J')[0]?.split('\n') ?? [];

describe.skipIf(missing !== undefined)('on a terminal', () => {
  test('the status is drawn in place, follows what happens, and ^C brings back what was there', async () => {
    const env = await guest('watched');
    const { child, ended, shown, shows } = onTerminal(env);
    await shows('✓ licensed');
    const { isSecondScreen, text } = await shown();
    expect(isSecondScreen).toBe(true);
    expect(text).toMatch(/^ {14}━+┃━+ {2}\d min \d\d s$/m);
    expect(text).toMatch(/^Agent {9}! not running: avma guest agent$/m);
    expect(text).toMatch(/^Last events\n.* ✓ activation .*\(hv01, key installed\)$/m);
    expect(text).not.toContain('before');
    await machine.mustRun('avma', ['guest', 'activate'], { env });
    await shows('(hv01, command)');
    await machine.mustRun('slmgr', ['/upk'], { env });
    await shows('no product key is installed');
    child.stdin.write('\u0003');
    expect(await ended).toBe(0);
    const after = await shown();
    expect(after.isSecondScreen).toBe(false);
    expect(after.text).toMatch(
      /^before\n(\^C)?.* UTC {2}no product key is installed\n.* agent: not running.*\nafter 0$/,
    );
  });

  test('another size of the terminal is heeded at once, and never is a line more than there are rows', async () => {
    const env = await guest('resized');
    const fifo = machine.at('resize');
    execFileSync('mkfifo', [fifo]);
    const { child, ended, output, shows } = onTerminal(
      env,
      `(read line < '${fifo}'; stty cols 60 rows 7 < /dev/tty) &`,
    );
    await shows('Last events');
    expect(lastFrame(output()).length).toBeGreaterThan(7);
    fs.writeFileSync(fifo, 'now\n');
    await until('it is drawn smaller', () => {
      const frame = lastFrame(output());
      return frame.length === 7 && output().endsWith('\u001b[J');
    });
    for (const text of lastFrame(output())) {
      expect(stripVTControlCharacters(text).trimEnd().length).toBeLessThanOrEqual(60);
    }
    expect(
      lastFrame(output())
        .find((line) => line.includes('━'))
        ?.match(/[━┃─]/g),
    ).toHaveLength(60 - 14 - 8);
    child.stdin.write('\u0003');
    expect(await ended).toBe(0);
  });

  test('SIGTERM leaves the terminal as it was, too', async () => {
    const env = await guest('terminated');
    const { ended, output, shown, shows } = onTerminal(env, `echo $$ > pid; exec 3>&1;`);
    await shows('✓ licensed');
    const shell = Number(fs.readFileSync(machine.at('pid'), 'utf8'));
    const children = execFileSync('ps', ['-o', 'pid=', '--ppid', `${shell}`], { encoding: 'utf8' });
    process.kill(Number(children.trim()), 'SIGTERM');
    await ended;
    expect(output()).toContain('\u001b[?7h\u001b[?25h\u001b[?1049l');
    expect((await shown()).text).toMatch(/after 0$/);
  });
});

describe('into a pipe', () => {
  test('each change and each event is a line, without a color', async () => {
    const env = await guest('piped');
    const [file = '', ...args] = WATCH;
    const { child, ended, output } = start(file, args, env);
    await until('the first lines', () => output().includes('agent: '));
    await machine.mustRun('slmgr', ['/ato'], { env });
    await until('the event', () => output().includes('(hv01, command)'));
    await machine.mustRun('slmgr', ['/upk'], { env });
    await until('the key is gone', () => output().includes('no product key is installed'));
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(output()).not.toContain('\u001b');
    const lines = output()
      .replaceAll(/^\S+ \S+ UTC {2}/gm, '')
      .split('\n');
    const product = 'Windows(R), ServerStandard edition: ';
    expect(lines[0]).toContain(`${product}licensed, `);
    expect(lines[1]).toMatch(/^agent: not running/);
    // The renewed license may be seen before its event is written: then both lines come once more.
    const events = lines.filter((line) => !line.startsWith(product) && !line.startsWith('agent: '));
    expect(events[0]).toMatch(/^activation +activated /);
  });

  test('it is not for JSON', async () => {
    const ran = await machine.run('avma', ['guest', 'status', '--watch', '--json']);
    expect(ran.status).toBe(64);
    expect(JSON.parse(ran.stdout)).toMatchObject({ code: 'argument-invalid' });
  });

  test('a state that cannot be read ends it at once', async () => {
    const folder = machine.at('damaged');
    fs.mkdirSync(folder);
    fs.writeFileSync(`${folder}/guest.state`, 'nonsense');
    const ran = await machine.run('avma', ['guest', 'status', '--watch'], {
      env: { AVMA_STATE_DIR: folder },
    });
    expect(ran).toMatchObject({ status: 65, stdout: '' });
  });
});
