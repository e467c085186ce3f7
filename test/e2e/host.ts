import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/** A vendor with two hosts, each made by the real commands. */
export interface Site {
  /** The trust anchor that goes to the guests. */
  readonly anchor: string;
  /** The host outside, hv01. */
  readonly hostFolder: string;
  /** Another host of the same vendor, hv02, as a guest meets one after a migration. */
  readonly otherHostFolder: string;
  /**
   * Starts hv01 as a process of its own; resolves when it answers.
   *
   * @param listen - Where it listens, one or several.
   * @param environment - More variables of the process, faketime's for example.
   */
  serve(listen: string | readonly string[], environment?: NodeJS.ProcessEnv): Promise<HostProcess>;
}

export interface HostProcess {
  /** SIGTERM as a service manager would, SIGKILL as a crash, SIGSTOP and SIGCONT as an overloaded machine. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/**
 * @param folder - For the keys, certificates and ledgers.
 * @param installed - Where avma is.
 */
export function makeSite(folder: string, installed: string): Site {
  const at = (name: string) => path.join(folder, name);
  fs.writeFileSync(at('config.json'), '{}');
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AVMA_')));
  const launcher = path.join(installed, 'bin/avma');
  const settings = (hostFolder: string) => ({
    ...env,
    AVMA_STATE_DIR: at('outside'),
    AVMA_CONFIG: at('config.json'),
    AVMA_HOST_DIR: hostFolder,
  });
  const avma = (hostFolder: string, ...args: string[]) =>
    execFileSync(process.execPath, [launcher, ...args], { env: settings(hostFolder), stdio: 'pipe' });

  avma(at('hv01'), 'vendor', 'init', '--out', at('vendor'), '--name', 'Test Vendor');
  for (const name of ['hv01', 'hv02']) {
    avma(at(name), 'host', 'init', '--name', name);
    fs.writeFileSync(at(`${name}.request`), avma(at(name), 'host', 'request'));
    fs.writeFileSync(
      at(`${name}.certificate`),
      avma(
        at(name),
        ...['vendor', 'certify', at(`${name}.request`), '--key', at('vendor/root.key')],
        ...[
          '--edition',
          'ServerDatacenter',
          '--os-version',
          '10.0.26100',
          '--channel',
          'MAK',
          '--days',
          '30',
        ],
      ),
    );
    avma(at(name), 'host', 'activate', at(`${name}.certificate`));
  }

  return {
    anchor: at('vendor/root.pub.json'),
    hostFolder: at('hv01'),
    otherHostFolder: at('hv02'),
    async serve(listen, environment = {}) {
      // The host ends with the test, even where the test is killed; setpriv becomes the host, so the pid is the host's.
      const sockets = [listen].flat().flatMap((socket) => ['--listen', socket]);
      const command = [process.execPath, launcher, 'host', 'serve', ...sockets];
      const host = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], {
        env: { ...settings(at('hv01')), ...environment },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const ended = new Promise<void>((resolve) => host.once('close', () => resolve()));
      await new Promise<void>((resolve, reject) => {
        let said = '';
        host.stderr.setEncoding('utf8').on('data', (text: string) => {
          said += text;
          if (said.includes('answers guests')) resolve();
        });
        host.once('error', reject);
        host.once('close', () => reject(new Error(`the host ended: ${said}`)));
      });
      return {
        signal: (signal) => void host.kill(signal),
        async end(signal) {
          host.kill(signal);
          await ended;
        },
      };
    },
  };
}
