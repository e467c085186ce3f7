import { type ChildProcess, execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { HANG_MS } from '../support/hang.ts';
import { until } from '../support/until.ts';

/** The checkout; its built commands are what these tests run. */
export const ROOT = path.resolve(import.meta.dirname, '../..');

/**
 * What starts a built command: Node with a file of bin/; or, to try the executable with these tests, the command in the
 * folder of the executable that AVMA_TEST_EXECUTABLE names (out/linux-x64/bin/avma after `npm run package`).
 */
export function builtCommand(command: string): [file: string, ...args: string[]] {
  const executable = process.env.AVMA_TEST_EXECUTABLE;
  if (executable === undefined) return [process.execPath, path.join(ROOT, 'bin', command)];
  return [path.join(path.dirname(path.resolve(ROOT, executable)), command)];
}

export const STANDARD_2012_R2 = 'DBGBW-NPF86-BJVTX-K3WKJ-MTB6V';
export const STANDARD_2025 = 'WWVGQ-PNHV9-B89P4-8GGM9-9HPQ4';

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** A program that becomes the command, given as its arguments: `['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh']`. */
  readonly under?: readonly string[];
  /** By how much the process's clock is off, as faketime writes it: `+6d`. */
  readonly faketime?: string;
  readonly uid?: number;
  /** What the command's output is read as; UTF-8 when not given. */
  readonly encoding?: BufferEncoding;
}

export interface ServedHost {
  readonly child: ChildProcess;
  readonly uri: string;
  /** SIGTERM; resolves with the exit status. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  output(): string;
}

/**
 * Vendor, host and guest in one temporary folder, driven through the real commands as processes of their own. Paths
 * are short: a unix socket's may have 107 bytes.
 */
export class TestMachine {
  #folder: string | undefined;
  readonly vmId = '6f2a1d3c-1111-4222-8333-abcdefabcdef';
  readonly #running = new Set<ChildProcess>();
  #beside = 0;

  /** Made when it is first needed: a machine of tests that are skipped never has one. */
  get folder(): string {
    if (this.#folder === undefined) {
      this.#folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-m-'));
      fs.writeFileSync(path.join(this.#folder, 'config.json'), '{}');
    }
    return this.#folder;
  }

  at(name: string): string {
    return path.join(this.folder, name);
  }

  get env(): NodeJS.ProcessEnv {
    const { NO_COLOR: _noColor, FORCE_COLOR: _forceColor, ...outside } = process.env;
    for (const name of Object.keys(outside)) if (name.startsWith('AVMA_')) delete outside[name];
    return {
      ...outside,
      TZ: 'UTC',
      AVMA_STATE_DIR: this.at('guest'),
      AVMA_HOST_DIR: this.at('host'),
      AVMA_HOST_CONFIG_DIR: this.at('host.d'),
      AVMA_TRUST_DIR: this.at('no-trust'),
      AVMA_CONFIG: this.at('config.json'),
      AVMA_VM_ID: this.vmId,
      // What has to be answered may take its time; tests of silence have a deadline of their own.
      AVMA_DEADLINE: String(HANG_MS / 1000),
    };
  }

  /** Runs a built command to its end. Never throws for its exit status. */
  run(
    command: 'slmgr' | 'avma' | 'cscript',
    args: readonly string[],
    options: RunOptions = {},
  ): Promise<Ran> {
    const [file, ...script] = builtCommand(command);
    return new Promise((resolve) => {
      const child = execFile(
        file,
        [...script, ...args],
        {
          env: { ...this.env, ...options.env, ...faketimeEnv(options.faketime) },
          cwd: this.folder,
          encoding: options.encoding ?? 'utf8',
          ...(options.uid !== undefined && { uid: options.uid, gid: options.uid }),
        },
        (failed, stdout, stderr) => {
          this.#running.delete(child);
          resolve({ stdout, stderr, status: failed === null ? 0 : Number(failed.code ?? -1) });
        },
      );
      this.#running.add(child);
      child.stdin?.end(options.input ?? '');
    });
  }

  /** Runs a command that must succeed. */
  async mustRun(command: 'slmgr' | 'avma', args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const ran = await this.run(command, args, options);
    if (ran.status !== 0)
      throw new Error(`${command} ${args.join(' ')}: ${ran.status}\n${ran.stdout}${ran.stderr}`);
    return ran;
  }

  /** A vendor, and a host that it has certified. */
  async certifyHost(osVersion = '6.3.9600', edition = 'ServerDatacenter', days = 365): Promise<void> {
    if (!fs.existsSync(this.at('v'))) await this.mustRun('avma', ['vendor', 'init', '--out', 'v']);
    await this.mustRun('avma', ['host', 'init', '--name', 'hv01']);
    fs.writeFileSync(this.at('req.json'), (await this.mustRun('avma', ['host', 'request'])).stdout);
    const certificate = await this.mustRun('avma', [
      ...['vendor', 'certify', 'req.json', '--key', 'v/root.key', '--edition', edition],
      ...['--os-version', osVersion, '--channel', 'MAK', '--days', String(days)],
    ]);
    fs.writeFileSync(this.at('cert.json'), certificate.stdout);
    await this.mustRun('avma', ['host', 'activate', 'cert.json']);
    await this.mustRun('avma', ['guest', 'trust', 'add', 'v/root.pub.json']);
  }

  /** Starts the host and resolves when it takes connections. */
  async serve(options: readonly string[] = [], socket = 'h.sock', run: RunOptions = {}): Promise<ServedHost> {
    const [file, ...script] = builtCommand('avma');
    const args = [...script, 'host', 'serve', '--listen', `unix:${socket}`, ...options];
    const [program, ...words] = [...(run.under ?? []), file, ...args] as [string, ...string[]];
    const child = spawn(program, words, {
      env: { ...this.env, ...run.env, ...faketimeEnv(run.faketime) },
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#running.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    const ended = new Promise<number | null>((resolve) => {
      child.once('exit', (status) => {
        this.#running.delete(child);
        resolve(status);
      });
    });
    const socketFile = path.resolve(this.folder, socket.split(',')[0] as string);
    await until('the host takes connections', async () => {
      if (!this.#running.has(child)) throw new Error(`the host ended: ${output}`);
      return accepts(socketFile);
    });
    return {
      child,
      uri: `unix:${socketFile}`,
      output: () => output,
      stop: (signal = 'SIGTERM') => {
        child.kill(signal);
        return ended;
      },
    };
  }

  /** Another host beside the first, in a folder of its own with the same keys: two may not share a ledger. */
  async serveBeside(options: readonly string[], run: RunOptions = {}): Promise<ServedHost> {
    const folder = this.at(`host-${this.#beside++}`);
    fs.cpSync(run.env?.AVMA_HOST_DIR ?? this.at('host'), folder, {
      recursive: true,
      filter: (file) => !fs.lstatSync(file).isSocket(),
    });
    for (const name of fs.readdirSync(folder).filter((one) => one.startsWith('ledger.'))) {
      fs.rmSync(path.join(folder, name));
    }
    const socket = (options[1] as string).slice('unix:'.length);
    return this.serve(options.slice(2), socket, { ...run, env: { ...run.env, AVMA_HOST_DIR: folder } });
  }

  /** Has {@link close} end a process that a test has started. */
  adopt(child: ChildProcess): void {
    this.#running.add(child);
    child.once('close', () => this.#running.delete(child));
  }

  /** The last events of one side, newest last. */
  events(side: 'guest' | 'host'): Record<string, unknown>[] {
    const file = this.at(`${side}/events.jsonl`);
    if (!fs.existsSync(file)) return [];
    return fs
      .readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  /** Ends what still runs and removes the folder. */
  async close(): Promise<void> {
    const running = [...this.#running];
    const ended = running.map((child) => new Promise((resolve) => child.once('close', resolve)));
    for (const child of running) child.kill('SIGKILL');
    await Promise.all(ended);
    if (this.#folder !== undefined) fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}

function accepts(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect(file);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}

/** Debian's libfaketime; undefined where it is not installed. */
export function faketimeLibrary(): string | undefined {
  const folders = fs.existsSync('/usr/lib') ? fs.readdirSync('/usr/lib') : [];
  return folders
    .map((folder) => `/usr/lib/${folder}/faketime/libfaketime.so.1`)
    .find((file) => fs.existsSync(file));
}

/** Preloaded rather than through the faketime command, which would stand between us and the process's signals. */
function faketimeEnv(offset: string | undefined): NodeJS.ProcessEnv {
  return offset === undefined ? {} : { LD_PRELOAD: faketimeLibrary(), FAKETIME: offset };
}
