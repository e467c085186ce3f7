import fs from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { placeOf } from '../schema/issue-place.ts';
import { readInstalledFileIfAny } from '../storage/read-file.ts';

/** Folders and choices: flags override the environment, and the environment overrides the configuration file. */
export interface Settings {
  readonly stateFolder: string;
  /** Whether nobody named the state folder, so that it depends on the user. */
  readonly stateFolderIsDefault: boolean;
  readonly hostFolder: string;
  readonly trustFolders: readonly string[];
  /** Where `avma guest trust add` puts anchors; one of {@link trustFolders}. */
  readonly ownTrustFolder: string;
  readonly guestCatalogFolders: readonly string[];
  readonly ownCatalogFolder: string;
  readonly hostCatalogFolders: readonly string[];
  /** As configured; undefined when the guest is to look for one. */
  readonly pipe: string | undefined;
  readonly vmId: string | undefined;
  /** For one activation, in milliseconds. */
  readonly deadline: number;
}

const SYSTEM_FOLDER = '/etc/avma';
/** The folder of root's guest state, unless another one is configured. */
export const SYSTEM_STATE_FOLDER = '/var/lib/avma';
const DEADLINE_SECONDS = 10;
const MIN_DEADLINE_SECONDS = 0.1;
const MAX_DEADLINE_SECONDS = 600;
const MAX_CONFIG_BYTES = 64 * 1024;

/** `/etc/avma/config.json`, or the file that AVMA_CONFIG names. */
const ConfigFile = z.strictObject({
  pipe: z.optional(z.string()),
  vmId: z.optional(z.string()),
  deadlineSeconds: z.optional(
    z.number().check(z.minimum(MIN_DEADLINE_SECONDS), z.maximum(MAX_DEADLINE_SECONDS)),
  ),
  stateFolder: z.optional(z.string()),
});

/** What each member of the configuration has to be, for the message about one that is not. */
const CONFIG_MEMBERS: Record<keyof z.infer<typeof ConfigFile>, string> = {
  pipe: 'text, as in "pipe": "unix:/run/avma/host.sock"',
  vmId: 'text, as in "vmId": "11111111-2222-4333-8444-555555555555"',
  deadlineSeconds: `a number from ${MIN_DEADLINE_SECONDS} to ${MAX_DEADLINE_SECONDS}, as in "deadlineSeconds": 10`,
  stateFolder: 'text, as in "stateFolder": "/var/lib/avma"',
};

/**
 * @param packageRoot - The folder that holds `keys/`.
 * @throws {AvmaError} `config-invalid` for a configuration file that is wrong, or that AVMA_CONFIG names in vain.
 */
export function readSettings(packageRoot: string, env: NodeJS.ProcessEnv = process.env): Settings {
  const config = readConfig(env.AVMA_CONFIG);
  const namedStateFolder = env.AVMA_STATE_DIR || config.stateFolder;
  const stateFolder = path.resolve(namedStateFolder || defaultStateFolder(env));
  const hostFolder = path.resolve(env.AVMA_HOST_DIR || path.join(stateFolder, 'host'));
  const packaged = path.join(packageRoot, 'keys');
  const systemCatalogs = path.join(SYSTEM_FOLDER, 'catalog.d');
  const ownTrustFolder = path.join(stateFolder, 'trust.d');
  const ownCatalogFolder = path.join(stateFolder, 'catalog.d');
  return {
    stateFolder,
    stateFolderIsDefault: !namedStateFolder,
    hostFolder,
    trustFolders: [
      path.join(packaged, 'trust'),
      path.resolve(env.AVMA_TRUST_DIR || path.join(SYSTEM_FOLDER, 'trust.d')),
      ownTrustFolder,
    ],
    ownTrustFolder,
    guestCatalogFolders: [packaged, systemCatalogs, ownCatalogFolder],
    ownCatalogFolder,
    hostCatalogFolders: [packaged, systemCatalogs, path.join(hostFolder, 'catalog.d')],
    pipe: env.AVMA_PIPE || config.pipe,
    vmId: env.AVMA_VM_ID || config.vmId,
    deadline: deadlineSeconds(env.AVMA_DEADLINE, config.deadlineSeconds) * 1000,
  };
}

/** Loaded when it is needed: a command that shows the license of root needs neither name nor home folder. */
function os(): typeof import('node:os') {
  return process.getBuiltinModule('node:os');
}

/**
 * The machine's name in printable ASCII: the default for a host's name, and the guest's name in the host's event log.
 */
export function machineName(): string {
  const name = os()
    .hostname()
    .replace(/[^\x21-\x7e]/g, '');
  return name.slice(0, 63) || 'localhost';
}

/** This package's version, from its package.json. */
export function packageVersion(packageRoot: string): string {
  const record = JSON.parse(fs.readFileSync(path.join(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  return record.version;
}

function readConfig(named: string | undefined): z.infer<typeof ConfigFile> {
  const file = named || path.join(SYSTEM_FOLDER, 'config.json');
  const bytes = readInstalledFileIfAny(file, MAX_CONFIG_BYTES);
  if (bytes === undefined) {
    if (!named) return {};
    throw new AvmaError('config-invalid', `AVMA_CONFIG names ${file}, which does not exist`, {
      hint: 'Correct AVMA_CONFIG, or unset it to use /etc/avma/config.json.',
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new AvmaError('config-invalid', `the configuration ${file} is not JSON: ${cause.message}`, {
      cause,
      hint: 'Write it as {"pipe": "unix:/run/avma/host.sock"}, for example.',
    });
  }
  const parsed = ConfigFile.safeParse(json);
  if (parsed.success) return parsed.data;
  throw wrongMember(file, json, placeOf(parsed.error));
}

/** The error for a wrong member of the configuration: its name, what is wrong, and how to write it. */
function wrongMember(file: string, json: unknown, place: string): AvmaError {
  const members = Object.keys(CONFIG_MEMBERS);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return new AvmaError('config-invalid', `the configuration ${file} is not a JSON object`, {
      hint: 'Write it as {"pipe": "unix:/run/avma/host.sock"}, for example.',
    });
  }
  if (Object.hasOwn(CONFIG_MEMBERS, place)) {
    const value = JSON.stringify((json as Record<string, unknown>)[place]);
    const wanted = CONFIG_MEMBERS[place as keyof typeof CONFIG_MEMBERS];
    return new AvmaError('config-invalid', `"${place}" in the configuration ${file} is ${value}`, {
      hint: `It has to be ${wanted}.`,
    });
  }
  const alike = members.find((member) => isAlike(member, place));
  return new AvmaError('config-invalid', `the configuration ${file} has an unknown member "${place}"`, {
    hint: `${alike === undefined ? '' : `Did you mean "${alike}"? `}The members are ${members.join(', ')}.`,
  });
}

/** Whether one name begins with the other or holds it, in any case: `deadline` and `deadlineSeconds`. */
function isAlike(member: string, written: string): boolean {
  const [a, b] = [member.toLowerCase(), written.toLowerCase().replace(/[-_]/g, '')];
  return b.length >= 2 && (a.startsWith(b) || b.startsWith(a) || a.includes(b) || b.includes(a));
}

function deadlineSeconds(named: string | undefined, configured: number | undefined): number {
  if (!named) return configured ?? DEADLINE_SECONDS;
  const seconds = Number(named);
  if (seconds >= MIN_DEADLINE_SECONDS && seconds <= MAX_DEADLINE_SECONDS) return seconds;
  throw new AvmaError(
    'config-invalid',
    `AVMA_DEADLINE is "${named}", not a number of seconds from ${MIN_DEADLINE_SECONDS} to ${MAX_DEADLINE_SECONDS}`,
    { hint: 'Write it as AVMA_DEADLINE=10, for example.' },
  );
}

function defaultStateFolder(env: NodeJS.ProcessEnv): string {
  if (process.platform === 'win32') return path.join(env.ProgramData || 'C:\\ProgramData', 'avma');
  if (process.getuid?.() === 0) return SYSTEM_STATE_FOLDER;
  return path.join(env.XDG_STATE_HOME || path.join(os().homedir(), '.local', 'state'), 'avma');
}
