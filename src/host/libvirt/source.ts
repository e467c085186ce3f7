import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { readPlainFile } from '../../storage/read-file.ts';
import { debug } from '../../system/debug.ts';
import { findProgram } from '../../system/find-program.ts';
import { type DomainXml, MAX_DOMAIN_XML_LENGTH } from './domain.ts';

/** The domains as they are now. */
export interface DomainReading {
  readonly domains: readonly DomainXml[];
  /** The domains that exist and could not be read just now, by their {@link DomainXml.from}, and why. */
  readonly unread: readonly { readonly from: string; readonly why: string }[];
}

/** Where domains are read. */
export interface DomainSource {
  /** The source's name in messages. */
  readonly name: string;
  /** @throws {AvmaError} If nothing can be read at all: then it is unknown which domains there are. */
  read(signal: AbortSignal): Promise<DomainReading>;
}

/** How long one call of virsh may take, in milliseconds. */
const VIRSH_TIMEOUT_MS = 10_000;
const MAX_OUTPUT_LENGTH = 16 * 1024 * 1024;

/**
 * libvirt's running domains, through virsh, of the libvirt that virsh chooses: `LIBVIRT_DEFAULT_URI` if set.
 *
 * @throws {AvmaError} `file-not-found` when there is no virsh.
 */
export function virshSource(env: NodeJS.ProcessEnv): DomainSource {
  const virsh = findProgram('virsh', env);
  if (virsh === null) {
    throw new AvmaError('file-not-found', 'there is no virsh on PATH to ask libvirt with', {
      hint: 'Install libvirt-clients (libvirt-client on Fedora), or name a folder: --libvirt /run/libvirt/qemu.',
    });
  }
  return {
    name: 'libvirt',
    async read(signal) {
      const run = (args: readonly string[]) => runVirsh(virsh, args, env, signal);
      const names = (await run(['list', '--name'])).split('\n').filter((name) => name.trim() !== '');
      const domains: DomainXml[] = [];
      const unread: { from: string; why: string }[] = [];
      for (const name of names) {
        try {
          // As an option's value, a name that begins with a hyphen stays a name.
          domains.push({ from: name, xml: await run(['dumpxml', '--domain', name]), runs: true });
        } catch (thrown) {
          if (signal.aborted) throw thrown;
          unread.push({ from: name, why: `cannot be read: ${(thrown as AvmaError).message}` });
        }
      }
      return { domains, unread };
    },
  };
}

/** Every `*.xml` of a folder: `/run/libvirt/qemu` for the running domains, or a folder of your own. */
export function folderSource(folder: string): DomainSource {
  return {
    name: folder,
    async read() {
      const domains: DomainXml[] = [];
      const unread: { from: string; why: string }[] = [];
      for (const file of await xmlFiles(folder)) {
        try {
          domains.push({ from: file, xml: readPlainFile(file, MAX_DOMAIN_XML_LENGTH).toString('utf8') });
        } catch (thrown) {
          const error = toAvmaError(thrown, 'it');
          // Deleted since the folder was read: a domain that has ended.
          if (error.code !== 'file-not-found')
            unread.push({ from: file, why: `cannot be read: ${error.message}` });
        }
      }
      return { domains, unread };
    },
  };
}

async function xmlFiles(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names
      .filter((name) => name.endsWith('.xml') && !name.startsWith('.'))
      .sort()
      .map((name) => path.join(folder, name));
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot read the domains in ${folder}`);
  }
}

function runVirsh(
  virsh: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      env,
      signal,
      timeout: VIRSH_TIMEOUT_MS,
      killSignal: 'SIGKILL',
      maxBuffer: MAX_OUTPUT_LENGTH,
    } as const;
    debug('exec', () => [virsh, ...args].join(' '));
    execFile(virsh, args, options, (failure, stdout, stderr) => {
      if (failure === null) return resolve(stdout);
      const said = stderr.trim().split('\n').at(-1)?.trim();
      const why =
        failure.killed === true ? `no answer in ${VIRSH_TIMEOUT_MS / 1000} seconds` : said || failure.message;
      reject(
        new AvmaError('io-error', `virsh ${args[0]}: ${why}`, {
          cause: failure,
          hint: 'Look whether libvirt runs and may be asked by this user: virsh list.',
        }),
      );
    });
  });
}
