import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import xterm from '@xterm/headless';
import { FOLDER, makeFolder, recordingEnv } from './sandbox.ts';
import { type RecordedLine, readLine, renderSvg } from './terminal-svg.ts';

const OUTPUT = 'docs/images/walk.svg';
const COLUMNS = 114;
const ROWS = 32;
const PROMPT = '\x1b[32m$\x1b[0m ';
const TYPING_MS = 28;
const AFTER_COMMAND_MS = 900;
const AT_THE_END_MS = 9000;

/**
 * A line without a command is a comment. A command with `background` goes on running, and the walk continues when that
 * file exists.
 */
type Step = { say: string } | { run: string; background?: string };

const STEPS: Step[] = [
  { say: '# The vendor makes a trust root, and a product of its own, which it signs.' },
  { run: 'avma vendor init --out v --name "Acme Ltd"' },
  { run: 'avma vendor product add --catalog acme.json --name "Acme Gateway" --product-version 3.2' },
  { run: 'mkdir sent && avma vendor catalog sign acme.json --key v/root.key > sent/acme.catalog.json' },
  { say: "# A customer's host asks to be certified." },
  { run: 'avma host init --name hv01' },
  { run: 'avma host request > request.json' },
  { say: '# The vendor certifies it, and sells a license.' },
  { run: 'avma vendor certify request.json --key v/root.key --customer "Bank Ltd" > sent/certificate.json' },
  {
    run: 'avma vendor license new --key v/root.key --customer "Bank Ltd" --product acme-gateway --feature vpn --until 2027-12-31 > sent/bank.license.json',
  },
  { say: '# The host takes what was sent, and answers guests.' },
  { run: 'avma host receive sent' },
  { run: 'avma host serve --listen unix:host.sock 2> host.log &', background: 'host.sock' },
  { say: '# The guest trusts the vendor and installs its client key. That is all.' },
  { run: 'avma guest trust add v/root.pub.json' },
  { run: 'avma guest catalog add sent/acme.catalog.json' },
  { run: 'export AVMA_PIPE=unix:host.sock' },
  { run: 'slmgr /ipk KEY' },
  { run: 'slmgr /dlv' },
  { say: '# The program asks.' },
  { run: 'avma guest check acme-gateway --feature vpn' },
];

const env = recordingEnv();

/** Tall enough for all lines: the picture scrolls, the terminal does not. */
const terminal = new xterm.Terminal({ cols: COLUMNS, rows: 500, allowProposedApi: true, convertEol: true });
const write = (text: string | Uint8Array) => new Promise<void>((resolve) => terminal.write(text, resolve));
const cursorRow = () => terminal.buffer.active.baseY + terminal.buffer.active.cursorY;

/** The walk of the README, run with the built commands in a pseudo-terminal: docs/images/walk.svg. */
export async function recordWalk(): Promise<void> {
  const started: ChildProcess[] = [];
  makeFolder();
  try {
    const times: number[] = [];
    const typed = new Map<number, NonNullable<RecordedLine['typed']>>();
    let now = 300;
    /** The lines above the cursor that have no time yet are there now. */
    const stamp = (through: number) => {
      for (let row = times.length; row <= through; row++) times.push(now);
    };
    for (const given of STEPS) {
      const step = withKey(given);
      if ('say' in step) {
        if (cursorRow() > 0) await write('\n');
        await write(`\x1b[2m${step.say}\x1b[0m\n`);
        stamp(cursorRow() - 1);
        now += AFTER_COMMAND_MS;
        continue;
      }
      const row = cursorRow();
      await write(PROMPT + step.run);
      for (let line = row; line <= cursorRow(); line++) {
        const from = line === row ? 2 : 0;
        const to = terminal.buffer.active.getLine(line)?.translateToString(true).length ?? 0;
        typed.set(line, { from, to, duration: (to - from) * TYPING_MS });
        times[line] = now;
        now += (to - from) * TYPING_MS;
      }
      await write('\n');
      const before = performance.now();
      if (step.background !== undefined) {
        started.push(await startInBackground(step.run, path.join(FOLDER, step.background)));
      } else if (step.run.startsWith('export ')) {
        const [name = '', value = ''] = step.run.slice('export '.length).split('=');
        Object.assign(env, { [name]: value });
      } else {
        await runInTerminal(step.run);
      }
      now += performance.now() - before;
      stamp(cursorRow() - 1);
      now += AFTER_COMMAND_MS;
    }
    const lines = times.map((at, row) => {
      const typing = typed.get(row);
      return { runs: readLine(terminal, row), at: Math.round(at), ...(typing && { typed: typing }) };
    });
    fs.writeFileSync(
      OUTPUT,
      renderSvg({
        title: 'A terminal: from nothing to a program that is licensed',
        columns: COLUMNS,
        rows: ROWS,
        lines,
        duration: Math.round(now + AT_THE_END_MS),
      }),
    );
    console.log(`${OUTPUT}: ${lines.length} lines, ${fs.statSync(OUTPUT).size} bytes`);
  } finally {
    for (const child of started) child.kill('SIGTERM');
    fs.rmSync(FOLDER, { recursive: true, force: true });
  }
}

/** Puts in the key that the vendor has printed, as a person would. */
function withKey(step: Step): Step {
  if (!('run' in step) || !step.run.includes('KEY')) return step;
  const { products } = JSON.parse(fs.readFileSync(path.join(FOLDER, 'acme.json'), 'utf8'));
  return { ...step, run: step.run.replace('KEY', products[0].productKey) };
}

/** @throws {Error} when the command fails: a recording of a failure is none. */
async function runInTerminal(command: string): Promise<void> {
  const child = spawn('script', ['-qec', `stty cols ${COLUMNS} rows ${ROWS}; ${command}`, '/dev/null'], {
    cwd: FOLDER,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.on('data', (bytes: Buffer) => terminal.write(bytes));
  const code = await new Promise((resolve) => child.on('close', resolve));
  await write('');
  if (code !== 0) throw new Error(`${command}: exit status ${code}`);
}

async function startInBackground(command: string, file: string): Promise<ChildProcess> {
  const child = spawn('bash', ['-c', `exec ${command.replace(/&$/, '')}`], {
    cwd: FOLDER,
    env,
    stdio: 'ignore',
  });
  while (!fs.existsSync(file)) {
    if (child.exitCode !== null) throw new Error(`${command}: exit status ${child.exitCode}`);
    await pause(20);
  }
  return child;
}
