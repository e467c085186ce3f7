import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import xterm from '@xterm/headless';
import { FOLDER, MAKE_CERTIFIED_HOST, makeFolder, recordingEnv, stop, until } from './sandbox.ts';
import { type RecordedLine, readLine, renderSvg } from './terminal-svg.ts';

const OUTPUT = 'docs/images/first-boot.svg';
const COLUMNS = 114;
const ROWS = 30;
const PROMPT = '\x1b[32m$\x1b[0m ';
const TYPING_MS = 28;
const READING_MS = 1500;
const AT_THE_END_MS = 9000;

const CACHE =
  process.env.AVMA_TEST_CACHE ||
  path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'avma-test');
/** A root folder of Debian with systemd, as the tests of the package have it. */
const DEBIAN = path.join(CACHE, 'nspawn/bookworm');

const SETUP = `schema: avma.setup/1
key: WWVGQ-PNHV9-B89P4-8GGM9-9HPQ4
pipe: unix:/srv/hv01/host.sock
trust:
  - root.pub.json
`;

/**
 * The first boot of a machine that was made of the package and a setup file, under its own systemd in systemd-nspawn:
 * docs/images/first-boot.svg. The host runs outside, and its socket is mounted into the machine. Needs root,
 * systemd-nspawn, and the two things below; where they are missing, the picture stays as it is.
 */
export async function recordFirstBoot(): Promise<void> {
  const deb = fs.existsSync('out')
    ? fs.readdirSync('out').find((name) => name.endsWith('_amd64.deb'))
    : undefined;
  if (deb === undefined || !fs.existsSync(DEBIAN)) {
    const get = deb === undefined ? 'npm run package -- --only deb' : 'test/nspawn/get-roots';
    console.log(`${OUTPUT} stays as it is; to make it: ${get}`);
    return;
  }
  makeFolder();
  const running: ChildProcess[] = [];
  try {
    running.push(await startHost());
    const root = makeImage(path.join('out', deb));
    const screen = new RecordedScreen();
    await screen.comment('# An image: Debian, avma.deb, and this file. Nobody logs in.');
    await screen.typed('cat /etc/avma/setup.yaml');
    await screen.write(SETUP);
    screen.wait(READING_MS);
    await screen.comment('# It is booted for the first time.');
    const machine = bootMachine(root);
    running.push(machine.child);
    await screen.follow(machine.child, 'is licensed by host hv01');
    screen.wait(READING_MS);
    await screen.comment('# What has happened?');
    await screen.typed('avma guest events');
    await screen.write(machine.run('avma', 'guest', 'events'));
    screen.wait(READING_MS);
    await screen.comment('# Is the product licensed? Asked by a user who is not root.');
    await screen.typed('avma guest check 9HPQ4; echo $?');
    const asked = 'avma guest check 9HPQ4; echo $?';
    const answer = machine.run('runuser', '-u', 'daemon', '--', 'sh', '-c', asked);
    if (!answer.endsWith('\n0\n')) throw new Error(`the product is not licensed: ${answer}`);
    await screen.write(answer);
    fs.writeFileSync(OUTPUT, screen.picture('A terminal: a virtual machine is licensed at its first boot'));
    console.log(`${OUTPUT}: ${fs.statSync(OUTPUT).size} bytes`);
  } finally {
    for (const child of running.reverse()) await stop(child);
    fs.rmSync(FOLDER, { recursive: true, force: true });
  }
}

/** A certified host that listens in FOLDER/hv01. */
async function startHost(): Promise<ChildProcess> {
  const env = recordingEnv();
  const options = { cwd: FOLDER, env, stdio: 'ignore' } as const;
  for (const step of [...MAKE_CERTIFIED_HOST, 'mkdir hv01']) execFileSync('bash', ['-c', step], options);
  const host = spawn('bash', ['-c', 'exec avma host serve --listen unix:hv01/host.sock'], options);
  await until(
    () => 'the host listens',
    () => fs.existsSync(path.join(FOLDER, 'hv01/host.sock')),
  );
  return host;
}

/** The root folder of a machine that has never been booted. */
function makeImage(deb: string): string {
  const root = path.join(FOLDER, 'root');
  fs.mkdirSync(root);
  execFileSync('cp', ['-a', '--reflink=auto', `${DEBIAN}/.`, root]);
  fs.copyFileSync(deb, path.join(root, 'root/avma.deb'));
  execFileSync('chroot', [root, 'dpkg', '--install', '/root/avma.deb'], { stdio: 'ignore' });
  fs.rmSync(path.join(root, 'root/avma.deb'));
  fs.copyFileSync(path.join(FOLDER, 'v/root.pub.json'), path.join(root, 'etc/avma/root.pub.json'));
  fs.writeFileSync(path.join(root, 'etc/avma/setup.yaml'), SETUP, { mode: 0o600 });
  fs.mkdirSync(path.join(root, 'srv/hv01'), { recursive: true });
  fs.writeFileSync(path.join(root, 'etc/hostname'), 'guest01\n');
  // What the agent says goes to the journal alone otherwise.
  const dropIn = path.join(root, 'etc/systemd/system/avma-agent.service.d');
  fs.mkdirSync(dropIn, { recursive: true });
  fs.writeFileSync(path.join(dropIn, 'console.conf'), '[Service]\nStandardError=journal+console\n');
  return root;
}

/** Boots the machine; its console is the child's output. */
function bootMachine(root: string) {
  const command = [
    `stty cols ${COLUMNS} rows ${ROWS}; exec systemd-nspawn --quiet --directory=${root} --machine=guest01 --hostname=guest01`,
    `--register=no --keep-unit --private-network --bind=${FOLDER}/hv01:/srv/hv01 --boot`,
  ];
  const child = spawn('script', ['-qec', command.join(' '), '/dev/null'], {
    env: { ...recordingEnv(), TERM: 'xterm-256color' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  /** What the command prints in the machine. */
  const run = (...words: readonly string[]) =>
    execFileSync('nsenter', ['--target', leaderOf(child), '--all', '--', ...words], {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' },
      encoding: 'utf8',
    });
  return { child, run };
}

/** The machine's first process: the grandchild of `script`, below systemd-nspawn. */
function leaderOf(script: ChildProcess): string {
  const childOf = (pid: string | number) =>
    fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0] ?? '';
  return childOf(childOf(script.pid ?? 0));
}

/** A terminal, and when each of its lines came. Tall enough for all lines: the picture scrolls, it does not. */
class RecordedScreen {
  readonly #terminal = new xterm.Terminal({
    // systemd cuts long lines within an escape sequence; xterm shows them, and need not say so.
    ...{ cols: COLUMNS, rows: 500, allowProposedApi: true, convertEol: true, logLevel: 'off' },
  });
  readonly #times: number[] = [];
  readonly #typed = new Map<number, NonNullable<RecordedLine['typed']>>();
  #now = 300;

  wait(milliseconds: number): void {
    this.#now += milliseconds;
  }

  async comment(text: string): Promise<void> {
    await this.write(`${this.#row > 0 ? '\n' : ''}\x1b[2m${text}\x1b[0m\n`);
    this.wait(READING_MS);
  }

  async typed(command: string): Promise<void> {
    const row = this.#row;
    const duration = command.length * TYPING_MS;
    this.#typed.set(row, { from: 2, to: 2 + command.length, duration });
    await this.write(`${PROMPT}${command}\n`);
    this.wait(duration);
  }

  async write(text: string | Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => this.#terminal.write(text, resolve));
    for (let row = this.#times.length; row < this.#row; row++) this.#times.push(Math.round(this.#now));
  }

  /** Shows what the program writes as it comes, until a line holds the text and is whole. */
  async follow(child: ChildProcess, text: string): Promise<void> {
    const started = performance.now();
    const from = this.#now;
    const firstRow = this.#row;
    let writing = Promise.resolve();
    let isGreeted = false;
    const take = (bytes: Buffer) => {
      // What comes before are systemd's options, and what it misses of a machine in a container.
      const greeting = isGreeted ? 0 : bytes.indexOf('Welcome to');
      if (greeting === -1) return;
      isGreeted = true;
      writing = writing.then(() => {
        this.#now = from + performance.now() - started;
        return this.write(bytes.subarray(greeting));
      });
    };
    child.stdout?.on('data', take);
    try {
      await until(
        () => `the console shows "${text}"\n${this.#shown()}`,
        () => {
          if (child.exitCode !== null) throw new Error(`the machine ended with ${child.exitCode}`);
          const rows = Array.from({ length: this.#row - firstRow }, (_, nth) => this.#text(firstRow + nth));
          return rows.some((row) => row.includes(text));
        },
      );
    } finally {
      child.stdout?.off('data', take);
      // Nothing of it is shown any more, but it must go on being read.
      child.stdout?.resume();
      await writing;
    }
  }

  picture(title: string): string {
    const lines = this.#times.map((at, row) => {
      const typing = this.#typed.get(row);
      return { runs: readLine(this.#terminal, row), at, ...(typing && { typed: typing }) };
    });
    const duration = Math.round(this.#now + AT_THE_END_MS);
    return renderSvg({ title, columns: COLUMNS, rows: ROWS, lines, duration });
  }

  get #row(): number {
    const { baseY, cursorY } = this.#terminal.buffer.active;
    return baseY + cursorY;
  }

  #shown(): string {
    return Array.from({ length: this.#row }, (_, row) => this.#text(row)).join('\n');
  }

  #text(row: number): string {
    return this.#terminal.buffer.active.getLine(row)?.translateToString(true) ?? '';
  }
}
