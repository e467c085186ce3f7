import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import xterm from '@xterm/headless';
import { FOLDER, MAKE_CERTIFIED_HOST, makeFolder, recordingEnv, stop, until } from './sandbox.ts';
import { type Run, readLine, renderStill } from './terminal-svg.ts';

const OUTPUT = 'docs/images/watch.svg';
const COLUMNS = 118;
const ROWS = 15;

/** A moment in the life of a license. */
interface Scene {
  readonly caption: string;
  /** How far the clock is ahead, as faketime writes it. */
  readonly faketime?: string;
  readonly hostRuns: boolean;
  /** What the screen shows when the moment has come. */
  readonly shows: readonly string[];
}

const SCENES: readonly Scene[] = [
  {
    caption: '# Licensed: the agent renews it from half of the lease on.',
    hostRuns: true,
    shows: ['✓ licensed', '✓ running', '(hv01, key installed)'],
  },
  {
    caption: '# Near the end: the host has been away for days, and the agent goes on asking.',
    faketime: '+160h',
    hostRuns: false,
    shows: ['due now', 'Last attempt  ✗', '[host-absent] (hv01'],
  },
  {
    caption: '# Notification: the lease has ended.',
    faketime: '+170h',
    hostRuns: false,
    shows: ['✗ not licensed', 'Last attempt  ✗', 'license-changed'],
  },
];

/** `avma guest status --watch` at several moments of a real guest, one below the other: docs/images/watch.svg. */
export async function recordWatch(): Promise<void> {
  makeFolder();
  const running = new Set<ChildProcess>();
  const env = { ...recordingEnv(), AVMA_PIPE: 'unix:host.sock' };
  const start = (command: string, moreEnv: NodeJS.ProcessEnv = {}) => {
    const child = spawn('bash', ['-c', `exec ${command}`], {
      ...{ cwd: FOLDER, env: { ...env, ...moreEnv }, stdio: 'ignore' },
    });
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
  };
  try {
    for (const command of PREPARATION) await done(start(command), command);
    const host = start('avma host serve --listen unix:host.sock');
    await until(
      () => 'the host listens',
      () => fs.existsSync(path.join(FOLDER, 'host.sock')),
    );
    await done(start('slmgr /ipk WWVGQ-PNHV9-B89P4-8GGM9-9HPQ4'), '/ipk');
    const lines: (readonly Run[])[] = [];
    for (const scene of SCENES) {
      if (!scene.hostRuns) await stop(host);
      const clock = clockOf(scene);
      const agent = start('avma guest agent', clock);
      lines.push([{ column: 0, text: scene.caption, cells: scene.caption.length, style: 'opacity:.65' }], []);
      lines.push(...(await watch(scene, { ...env, ...clock })), []);
      await stop(agent);
    }
    const title = 'avma guest status --watch, of a guest that is licensed, near its end, and in notification';
    fs.writeFileSync(OUTPUT, renderStill({ title, columns: COLUMNS, lines: lines.slice(0, -1) }));
    console.log(`${OUTPUT}: ${lines.length} lines, ${fs.statSync(OUTPUT).size} bytes`);
  } finally {
    for (const child of running) await stop(child);
    fs.rmSync(FOLDER, { recursive: true, force: true });
  }
}

const PREPARATION = [...MAKE_CERTIFIED_HOST, 'avma guest trust add v/root.pub.json'];

/** The lines of the screen as soon as it shows what the scene is about. */
async function watch({ shows, caption }: Scene, env: NodeJS.ProcessEnv): Promise<Run[][]> {
  const terminal = new xterm.Terminal({ cols: COLUMNS, rows: ROWS, allowProposedApi: true });
  const command = `stty cols ${COLUMNS} rows ${ROWS}; exec avma guest status --watch`;
  const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: FOLDER, env, stdio: 'pipe' });
  child.stdout.on('data', (bytes: Buffer) => terminal.write(bytes));
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    const text = () =>
      [...Array(ROWS).keys()]
        .map((row) => terminal.buffer.active.getLine(row)?.translateToString(true))
        .join('\n');
    await until(
      () => `${caption}\n${text()}`,
      () => shows.every((part) => text().includes(part)),
    );
    const lines = [...Array(ROWS).keys()].map((row) => readLine(terminal, row));
    while (lines.at(-1)?.length === 0) lines.pop();
    return lines;
  } finally {
    child.stdin.write('\u0003');
    await ended;
  }
}

/** The clock alone is ahead: timers go on as they do. @throws {Error} where faketime is not installed. */
function clockOf({ faketime }: Scene): NodeJS.ProcessEnv {
  if (faketime === undefined) return {};
  const library = fs
    .readdirSync('/usr/lib')
    .map((folder) => `/usr/lib/${folder}/faketime/libfaketime.so.1`)
    .find((file) => fs.existsSync(file));
  if (library === undefined) throw new Error("Debian's faketime is missing");
  return { LD_PRELOAD: library, FAKETIME: faketime, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
}

/** @throws {Error} when the command fails: a recording of a failure is none. */
async function done(child: ChildProcess, command: string): Promise<void> {
  const status = await new Promise((resolve) => child.once('exit', resolve));
  if (status !== 0) throw new Error(`${command}: exit status ${status}`);
}
