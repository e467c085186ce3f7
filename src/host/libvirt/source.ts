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
  return new VirshSource((command, signal) => runVirsh(virsh, command, env, signal));
}

/** Runs commands of virsh, one or several with semicolons between them. @throws {AvmaError} `io-error`. */
type RunVirsh = (commands: string, signal: AbortSignal) => Promise<string>;

/**
 * How long the domains are taken to be as they were while the same ones run under the same numbers, in milliseconds.
 * libvirt numbers each start anew; only a device that is plugged into a running domain changes less.
 */
const UNCHANGED_MS = 60_000;

/** How many domains one call of virsh reads. */
const DOMAINS_A_CALL = 100;

/** Names that virsh takes without quotes. As an option's value, one that begins with a hyphen stays a name. */
const PLAIN_NAME = /^[\w.+-]+$/;

/** Lines that no domain's name or XML is: names have no line ends, and what is printed here stands alone. */
const NAMES_FOLLOW = 'avma: names follow';
const DOMAIN_FOLLOWS = 'avma: domain follows';

class VirshSource implements DomainSource {
  readonly name = 'libvirt';
  readonly #run: RunVirsh;
  #last: { readonly table: string; readonly at: number; readonly reading: DomainReading } | undefined;

  constructor(run: RunVirsh) {
    this.#run = run;
  }

  async read(signal: AbortSignal): Promise<DomainReading> {
    const listed = await this.#run(`list; echo ${NAMES_FOLLOW}; list --name`, signal);
    const [table = '', names = ''] = listed.split(`${NAMES_FOLLOW}\n`);
    const last = this.#last;
    const isOld = last === undefined || performance.now() - last.at > UNCHANGED_MS;
    if (!isOld && last.table === table && last.reading.unread.length === 0) return last.reading;
    const reading = await this.#dump(
      names.split('\n').filter((name) => name.trim() !== ''),
      signal,
    );
    this.#last = { table, at: performance.now(), reading };
    return reading;
  }

  /** The XML of all, by few calls; of what those do not give, one by one, to know why. */
  async #dump(names: readonly string[], signal: AbortSignal): Promise<DomainReading> {
    const found = new Map<string, string>();
    const plain = names.filter((name) => PLAIN_NAME.test(name));
    for (let at = 0; at < plain.length; at += DOMAINS_A_CALL) {
      const some = plain.slice(at, at + DOMAINS_A_CALL);
      const commands = some.map((name) => `echo ${DOMAIN_FOLLOWS}; dumpxml --domain ${name}`);
      // The last command's status is virsh's own; that of one domain must not be.
      const output = await this.#run([...commands, `echo ${DOMAIN_FOLLOWS}`].join('; '), signal);
      const dumped = output.split(`${DOMAIN_FOLLOWS}\n`).slice(1);
      for (const [index, xml] of dumped.entries()) {
        if (xml.trim() !== '') found.set(some[index] ?? '', xml.trim());
      }
    }
    const domains: DomainXml[] = [];
    const unread: { from: string; why: string }[] = [];
    for (const name of names) {
      try {
        const xml = found.get(name) ?? (await this.#run(`dumpxml --domain ${quoted(name)}`, signal));
        domains.push({ from: name, xml, runs: true });
      } catch (thrown) {
        if (signal.aborted) throw thrown;
        unread.push({ from: name, why: `cannot be read: ${(thrown as AvmaError).message}` });
      }
    }
    return { domains, unread };
  }
}

/** A word of virsh's own grammar, which is that of a shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
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
  commands: string,
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
    debug('exec', () => `${virsh} ${commands}`);
    execFile(virsh, [commands], options, (failure, stdout, stderr) => {
      if (failure === null) return resolve(stdout);
      const said = stderr.trim().split('\n').at(-1)?.trim();
      const why =
        failure.killed === true ? `no answer in ${VIRSH_TIMEOUT_MS / 1000} seconds` : said || failure.message;
      reject(
        new AvmaError('io-error', `virsh ${/^[a-z]+/.exec(commands)}: ${why}`, {
          cause: failure,
          hint: 'Look whether libvirt runs and may be asked by this user: virsh list.',
        }),
      );
    });
  });
}
