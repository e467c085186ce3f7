import fs from 'node:fs';
import path from 'node:path';
import { AvmaError } from '../errors/avma-error.ts';
import type { VmIdSource } from '../machine/vm-id.ts';
import { MINUTE_MS } from '../schema/durations.ts';
import { MAX_DEADLINE_SECONDS, MIN_DEADLINE_SECONDS, readConfig, SYSTEM_FOLDER } from './config-file.ts';

/** Folders and choices: flags override the environment, and the environment overrides the configuration file. */
export interface Settings {
  readonly stateFolder: string;
  /** Whether nobody named the state folder, so that it depends on the user. */
  readonly stateFolderIsDefault: boolean;
  /** Where license.json lies. Others may read it, so it is never the state folder itself. */
  readonly runFolder: string;
  /** Where root's license.json lies, which every user may read. */
  readonly machineRunFolder: string;
  readonly hostFolder: string;
  /** Where the files lie that say how a host serves, besides the options of its command. */
  readonly hostConfigFolder: string;
  readonly trustFolders: readonly string[];
  /** Where `avma guest trust add` puts anchors; one of {@link trustFolders}. */
  readonly ownTrustFolder: string;
  readonly guestCatalogFolders: readonly string[];
  readonly ownCatalogFolder: string;
  readonly hostCatalogFolders: readonly string[];
  /** Where `avma host receive` puts catalogs; one of {@link hostCatalogFolders}. */
  readonly ownHostCatalogFolder: string;
  /** As configured; undefined when the guest is to look for one. */
  readonly pipe: string | undefined;
  readonly vmId: string | undefined;
  /** The only source that the VM ID may come from; undefined when the first one that has it counts. */
  readonly vmIdSource: VmIdSource | undefined;
  /** For one activation, in milliseconds. */
  readonly deadline: number;
  /** Whether this machine follows a vendor's trust updates by itself, when a host hands them on. */
  readonly followTrustUpdates: boolean;
  readonly agent: AgentSettings;
  readonly events: EventSettings;
}

/** How `avma guest agent` behaves. */
interface AgentSettings {
  /** The folder of programs that are run when the license changes. */
  readonly hooksFolder: string;
  /** The file for node_exporter; undefined when nobody named one. */
  readonly textfile: string | undefined;
  /** The longest that the agent sleeps before it looks at clocks and files again, in milliseconds. */
  readonly maxSleep: number;
}

/** Where else events are written; undefined where nobody said, so that the program decides. */
interface EventSettings {
  readonly journald: boolean | undefined;
  readonly syslog: boolean | undefined;
  readonly windowsEventLog: boolean | undefined;
}

/** The folder of root's guest state, unless another one is configured. */
export const SYSTEM_STATE_FOLDER = '/var/lib/avma';
/** Where root's programs keep what lasts until the next boot, unless another folder is configured. */
export const SYSTEM_RUN_FOLDER = '/run/avma';
const DEFAULT_DEADLINE_SECONDS = 10;
const DEFAULT_MAX_SLEEP_MINUTES = 10;

/**
 * @param packageRoot - The folder that holds `keys/`.
 * @throws {AvmaError} `config-invalid` for a configuration file that is wrong, or that AVMA_CONFIG names in vain.
 */
export function readSettings(packageRoot: string, env: NodeJS.ProcessEnv = process.env): Settings {
  const config = readConfig(env);
  const namedStateFolder = env.AVMA_STATE_DIR || config.stateFolder;
  const stateFolder = path.resolve(namedStateFolder || defaultStateFolder(env));
  const hostFolder = path.resolve(env.AVMA_HOST_DIR || path.join(stateFolder, 'host'));
  const packaged = path.join(packageRoot, 'keys');
  const systemCatalogs = path.join(SYSTEM_FOLDER, 'catalog.d');
  const ownTrustFolder = path.join(stateFolder, 'trust.d');
  const ownCatalogFolder = path.join(stateFolder, 'catalog.d');
  const ownHostCatalogFolder = path.join(hostFolder, 'catalog.d');
  return {
    stateFolder,
    stateFolderIsDefault: !namedStateFolder,
    runFolder: runFolderOf(env, stateFolder, !namedStateFolder),
    machineRunFolder: path.resolve(env.AVMA_RUN_DIR || SYSTEM_RUN_FOLDER),
    hostFolder,
    hostConfigFolder: path.resolve(env.AVMA_HOST_CONFIG_DIR || path.join(SYSTEM_FOLDER, 'host.d')),
    trustFolders: [
      path.join(packaged, 'trust'),
      path.resolve(env.AVMA_TRUST_DIR || path.join(SYSTEM_FOLDER, 'trust.d')),
      ownTrustFolder,
    ],
    ownTrustFolder,
    guestCatalogFolders: [packaged, systemCatalogs, ownCatalogFolder],
    ownCatalogFolder,
    hostCatalogFolders: [packaged, systemCatalogs, ownHostCatalogFolder],
    ownHostCatalogFolder,
    pipe: env.AVMA_PIPE || config.pipe,
    vmId: env.AVMA_VM_ID || config.vmId,
    vmIdSource: config.vmIdSource,
    deadline: deadlineSeconds(env.AVMA_DEADLINE, config.deadlineSeconds) * 1000,
    followTrustUpdates: config.trust?.follow ?? true,
    agent: {
      hooksFolder: path.resolve(config.agent?.hooksFolder || path.join(SYSTEM_FOLDER, 'on-change.d')),
      textfile: config.agent?.textfile ? path.resolve(config.agent.textfile) : undefined,
      maxSleep: (config.agent?.maxSleepMinutes ?? DEFAULT_MAX_SLEEP_MINUTES) * MINUTE_MS,
    },
    events: {
      journald: config.events?.journald,
      syslog: config.events?.syslog,
      windowsEventLog: config.events?.windowsEventLog,
    },
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

function deadlineSeconds(named: string | undefined, configured: number | undefined): number {
  if (!named) return configured ?? DEFAULT_DEADLINE_SECONDS;
  const seconds = Number(named);
  if (seconds >= MIN_DEADLINE_SECONDS && seconds <= MAX_DEADLINE_SECONDS) return seconds;
  throw new AvmaError(
    'config-invalid',
    `AVMA_DEADLINE is "${named}", not a number of seconds from ${MIN_DEADLINE_SECONDS} to ${MAX_DEADLINE_SECONDS}`,
    { hint: 'Write it as AVMA_DEADLINE=10, for example.' },
  );
}

/** A state folder that somebody named has a run folder of its own: two states never write one license.json. */
function runFolderOf(env: NodeJS.ProcessEnv, stateFolder: string, stateFolderIsDefault: boolean): string {
  if (env.AVMA_RUN_DIR) return path.resolve(env.AVMA_RUN_DIR);
  if (stateFolderIsDefault && stateFolder === SYSTEM_STATE_FOLDER) return SYSTEM_RUN_FOLDER;
  return path.join(stateFolder, 'run');
}

function defaultStateFolder(env: NodeJS.ProcessEnv): string {
  if (process.platform === 'win32') return path.join(env.ProgramData || 'C:\\ProgramData', 'avma');
  if (process.getuid?.() === 0) return SYSTEM_STATE_FOLDER;
  return path.join(env.XDG_STATE_HOME || path.join(homeFolder(), '.local', 'state'), 'avma');
}

/** `/nonexistent`, as Debian has it, for a user without a home: those of containers and of systemd's DynamicUser. */
function homeFolder(): string {
  try {
    return os().homedir();
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ERR_SYSTEM_ERROR') throw thrown;
    return '/nonexistent';
  }
}
