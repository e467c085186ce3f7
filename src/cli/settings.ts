import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { placeOf } from '../schema/issue-place.ts';
import { readFileIfAny } from '../storage/atomic-file.ts';

/** Where things are and what was asked for: flags over the environment over the configuration file. */
export interface Settings {
  readonly stateFolder: string;
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
const DEADLINE_SECONDS = 10;

/** `/etc/avma/config.json`, or the file that AVMA_CONFIG names. */
const ConfigFile = z.strictObject({
  pipe: z.optional(z.string()),
  vmId: z.optional(z.string()),
  deadlineSeconds: z.optional(z.number().check(z.minimum(0.1), z.maximum(600))),
  stateFolder: z.optional(z.string()),
});

/**
 * @param packageRoot - The folder that holds `keys/`.
 * @throws {AvmaError} `config-invalid` for a configuration file that is wrong, or that AVMA_CONFIG names in vain.
 */
export function readSettings(packageRoot: string, env: NodeJS.ProcessEnv = process.env): Settings {
  const config = readConfig(env.AVMA_CONFIG);
  const stateFolder = path.resolve(env.AVMA_STATE_DIR || config.stateFolder || defaultStateFolder(env));
  const hostFolder = path.resolve(env.AVMA_HOST_DIR || path.join(stateFolder, 'host'));
  const packaged = path.join(packageRoot, 'keys');
  const systemCatalogs = path.join(SYSTEM_FOLDER, 'catalog.d');
  const ownTrustFolder = path.join(stateFolder, 'trust.d');
  const ownCatalogFolder = path.join(stateFolder, 'catalog.d');
  return {
    stateFolder,
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

/** The host's name, when it is not told another; the guest's, for the host's event log. */
export function machineName(): string {
  const name = os.hostname().replace(/[^\x21-\x7e]/g, '');
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
  const bytes = readFileIfAny(file);
  if (bytes === undefined) {
    if (!named) return {};
    throw new AvmaError('config-invalid', `AVMA_CONFIG names ${file}, which is not there`);
  }
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new AvmaError('config-invalid', `the configuration ${file} is not JSON`, { cause });
  }
  const parsed = ConfigFile.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new AvmaError('config-invalid', `the configuration ${file} is wrong at ${placeOf(parsed.error)}`);
}

function deadlineSeconds(named: string | undefined, configured: number | undefined): number {
  if (!named) return configured ?? DEADLINE_SECONDS;
  const seconds = Number(named);
  if (seconds >= 0.1 && seconds <= 600) return seconds;
  throw new AvmaError(
    'config-invalid',
    `AVMA_DEADLINE is "${named}", not a number of seconds from 0.1 to 600`,
  );
}

function defaultStateFolder(env: NodeJS.ProcessEnv): string {
  if (process.platform === 'win32') return path.join(env.ProgramData || 'C:\\ProgramData', 'avma');
  if (process.getuid?.() === 0) return '/var/lib/avma';
  return path.join(env.XDG_STATE_HOME || path.join(os.homedir(), '.local', 'state'), 'avma');
}
