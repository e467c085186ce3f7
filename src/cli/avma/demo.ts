import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { AvmaError } from '../../errors/avma-error.ts';
import { commandLine, type Launcher } from '../launcher.ts';
import type { Context } from './context.ts';
import { writeData } from './output.ts';

/** The published client key of Windows Server 2012 R2 Standard: the product of the guest in the demonstration. */
const CLIENT_KEY = 'DBGBW-NPF86-BJVTX-K3WKJ-MTB6V';

/** How long the host may take until its socket is there, in milliseconds. */
const HOST_START_TIMEOUT_MS = 15_000;

/** `avma demo`. */
export function demoCommand(context: Context): Command {
  return new Command('demo')
    .description('Run a full demo in a temporary folder: vendor, host and guest on this machine')
    .action(() => runDemo(context.launcher));
}

/**
 * A whole activation with the real commands, each in a process of its own and with its own output.
 * All files are in one temporary folder, which is removed at the end and after a failure.
 */
async function runDemo(launcher: Launcher): Promise<void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-demo-'));
  const configuration = path.join(folder, 'config.json');
  fs.writeFileSync(configuration, '{}');
  const socket = path.join(folder, 'host.sock');
  const env = {
    ...process.env,
    AVMA_STATE_DIR: path.join(folder, 'guest'),
    AVMA_HOST_DIR: path.join(folder, 'host'),
    AVMA_HOST_CONFIG_DIR: path.join(folder, 'host.d'),
    AVMA_TRUST_DIR: path.join(folder, 'trust'),
    AVMA_CONFIG: configuration,
    AVMA_PIPE: `unix:${socket}`,
    // A container has no ID of its own, and the guest of the demonstration is a new VM on any machine.
    AVMA_VM_ID: randomUUID(),
  };
  const at = (name: string) => path.join(folder, name);
  const avma = (args: string[], output?: string) => runCommand(launcher, 'avma', args, env, output);
  const slmgr = (args: string[]) => runCommand(launcher, 'slmgr', args, env);
  let host: ChildProcess | undefined;
  try {
    writeData('# The vendor makes a trust root.');
    await avma(['vendor', 'init', '--out', at('vendor')]);
    writeData('\n# The host asks the vendor for a certificate, and answers its guests from then on.');
    await avma(['host', 'init', '--name', 'hv01']);
    await avma(['host', 'request'], at('request.json'));
    await avma(
      [
        ...['vendor', 'certify', at('request.json'), '--key', at('vendor/root.key')],
        ...[
          '--edition',
          'ServerDatacenter',
          '--os-version',
          '6.3.9600',
          '--licensing',
          'MAK',
          '--days',
          '365',
        ],
      ],
      at('certificate.json'),
    );
    await avma(['host', 'activate', at('certificate.json')]);
    const listen = ['host', 'serve', '--listen', `unix:${socket}`];
    writeData(`$ avma ${listen.join(' ')} &`);
    const [file, ...words] = commandLine(launcher, 'avma', listen);
    host = spawn(file, words, {
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    await socketThere(socket, host);
    writeData('\n# The guest trusts the vendor, installs its client key, and that is all.');
    await avma(['guest', 'trust', 'add', at('vendor/root.pub.json')]);
    await slmgr(['/ipk', CLIENT_KEY]);
    await slmgr(['/ato']);
    await slmgr(['/dlv']);
    await slmgr(['/xpr']);
  } finally {
    if (host?.exitCode === null && host.kill('SIGTERM')) {
      await new Promise((resolve) => host?.once('exit', resolve));
    }
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Prints the command as a user would type it, then runs it. @throws {AvmaError} `internal` if the command fails. */
async function runCommand(
  launcher: Launcher,
  command: 'avma' | 'slmgr',
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  output?: string,
): Promise<void> {
  writeData(`$ ${command} ${args.join(' ')}${output === undefined ? '' : ` > ${output}`}`);
  const stdout = output === undefined ? 'inherit' : fs.openSync(output, 'wx', 0o600);
  const [file, ...words] = commandLine(launcher, command, args);
  const child = spawn(file, words, {
    env,
    stdio: ['ignore', stdout, 'inherit'],
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  if (typeof stdout === 'number') fs.closeSync(stdout);
  if (status !== 0) throw new AvmaError('internal', `${command} ${args[0]} ended with status ${status}`);
}

/** Waits until the host listens. @throws {AvmaError} `internal` if it ends first or takes too long. */
async function socketThere(socket: string, host: ChildProcess): Promise<void> {
  const givenUpAt = performance.now() + HOST_START_TIMEOUT_MS;
  while (!fs.existsSync(socket)) {
    if (host.exitCode !== null || performance.now() > givenUpAt) {
      throw new AvmaError('internal', 'the host of the demonstration did not start');
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
