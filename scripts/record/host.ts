import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import xterm from '@xterm/headless';
import { FOLDER, MAKE_CERTIFIED_HOST, makeFolder, recordingEnv, stop, until } from './sandbox.ts';
import { type Run, readLine, renderStill } from './terminal-svg.ts';

/** A command on a running host, and the picture that is made of it. */
interface Scene {
  readonly output: string;
  readonly title: string;
  readonly command: string;
  readonly columns: number;
  readonly rows: number;
  /** What the screen shows when it is complete. */
  readonly shows: readonly string[];
  /** How many of its lines the picture has; by default all. */
  readonly shown?: number;
  /** How the command is ended, where it does not end by itself. */
  readonly endsWith?: string;
}

const SCENES: readonly Scene[] = [
  {
    output: 'docs/images/host-status.svg',
    title: 'avma host status, of a host that serves sixty guests',
    command: 'avma host status',
    columns: 106,
    rows: 40,
    shows: ['licensed', 'Ledger', 'Last day'],
  },
  {
    output: 'docs/images/host-guests.svg',
    title: 'avma host guests: those with trouble first',
    command: 'avma host guests',
    columns: 156,
    rows: 80,
    shown: 20,
    shows: ['VM ID', 'refused', 'licensed'],
  },
  {
    output: 'docs/images/host-top.svg',
    title: 'avma host top, while guests ask',
    command: 'avma host top',
    columns: 100,
    rows: 30,
    shows: ['licensed', 'approved', 'refused', '99 percent'],
    endsWith: 'q',
  },
];

const PREPARATION = [
  ...MAKE_CERTIFIED_HOST.filter((command) => !command.includes('activate')),
  'avma vendor product add --catalog acme.json --name "Acme Gateway" --product-version 3.2',
  'avma vendor catalog sign acme.json --key v/root.key > acme.catalog.json',
  'avma vendor certify request.json --key v/root.key --customer "Bank Ltd" > certificate.json',
  'avma vendor license new --key v/root.key --customer "Bank Ltd" --product acme-gateway --catalog acme.json --guests 60 --overage refuse-new --until 2027-12-31 --out bank.license.json',
  'avma host receive certificate.json acme.catalog.json bank.license.json',
  'mkdir -p trust state/catalog.d && cp v/root.pub.json trust/ && cp acme.catalog.json state/catalog.d/',
];

/** What an operator sees of a host that serves: docs/images/host-status.svg and so on. */
export async function recordHost(): Promise<void> {
  makeFolder();
  const running = new Set<ChildProcess>();
  const env = recordingEnv();
  const start = (command: string) => {
    const child = spawn('bash', ['-c', `exec ${command}`], {
      cwd: FOLDER,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
  };
  try {
    for (const command of PREPARATION) await done(start(`bash -c '${command}'`), command);
    start('avma host serve --listen unix:host.sock 2> host.log');
    await until(
      () => 'the host listens',
      () => fs.existsSync(path.join(FOLDER, 'host.sock')),
    );
    // More guests than the license is for: some are refused.
    const guests = start(
      'avma host load --pipe unix:host.sock --product acme-gateway --guests 64 --rate 12 --for 60s --seed picture > load.log',
    );
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    for (const scene of SCENES) {
      const lines = await show(scene, env);
      fs.writeFileSync(
        scene.output,
        renderStill({ title: scene.title, columns: scene.columns, lines: lines.slice(0, scene.shown) }),
      );
      console.log(`${scene.output}: ${lines.length} lines, ${fs.statSync(scene.output).size} bytes`);
    }
    await stop(guests);
  } finally {
    for (const child of running) await stop(child);
    fs.rmSync(FOLDER, { recursive: true, force: true });
  }
}

/** The lines of the screen when the command has ended, or shows what the scene is about. */
async function show(
  { command, columns, rows, shows, endsWith }: Scene,
  env: NodeJS.ProcessEnv,
): Promise<Run[][]> {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  const child = spawn(
    'script',
    ['-qec', `stty cols ${columns} rows ${rows}; exec bash -c '${command}'`, '/dev/null'],
    {
      ...{ cwd: FOLDER, env, stdio: 'pipe' },
    },
  );
  child.stdout.on('data', (bytes: Buffer) => terminal.write(bytes));
  const ended = new Promise((resolve) => child.once('close', resolve));
  const text = () =>
    [...Array(rows).keys()]
      .map((row) => terminal.buffer.active.getLine(row)?.translateToString(true))
      .join('\n');
  if (endsWith === undefined) await ended;
  await until(
    () => `${command}\n${text()}`,
    () => shows.every((part) => text().includes(part)),
  );
  const lines = [...Array(rows).keys()].map((row) => readLine(terminal, row));
  while (lines.at(-1)?.length === 0) lines.pop();
  if (endsWith !== undefined) child.stdin.write(endsWith);
  await ended;
  return lines;
}

/** @throws {Error} when the command fails: a recording of a failure is none. */
async function done(child: ChildProcess, command: string): Promise<void> {
  const status = await new Promise((resolve) => child.once('exit', resolve));
  if (status !== 0) throw new Error(`${command}: exit status ${status}`);
}
