import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../../../errors/avma-error.ts';
import {
  type ImageFolders,
  insideOf,
  planSeal,
  refuseRunningAgent,
  type SealedFile,
  sealImage,
} from '../../../guest/image-seal.ts';
import { isHostLocked } from '../../../host/host-lock.ts';
import { HOST_FILE } from '../../../host/host-store.ts';
import { readInstalledFileIfAny } from '../../../storage/read-file.ts';
import { type Config, MAX_CONFIG_BYTES, parseConfig, SYSTEM_FOLDER } from '../../config-file.ts';
import { DEFAULT_METRICS_FILE } from '../../metrics-writer.ts';
import { SYSTEM_RUN_FOLDER, SYSTEM_STATE_FOLDER } from '../../settings.ts';
import type { Context } from '../context.ts';
import { requireOwnLicense } from '../guest/open.ts';
import { say, writeData, writeJson } from '../output.ts';
import { type Field, formatFields } from '../table.ts';
import { cloneTraces, type Trace } from './traces.ts';

/** What `avma image seal` takes. */
export interface SealOptions {
  readonly root?: string;
  readonly host?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** The folders of an image, and what its configuration says. */
interface Image extends ImageFolders {
  readonly hostFolder: string;
  readonly config: Pick<Config, 'vmId'>;
  readonly configFile: string;
}

/** What `avma image seal` found and did. */
interface SealReport {
  readonly image: Image;
  readonly dryRun: boolean;
  readonly files: readonly SealedFile[];
  readonly kept: readonly string[];
  readonly warnings: readonly string[];
  readonly others: readonly Trace[];
}

/** `avma image seal`. @throws {AvmaError} `agent-running`, `state-locked`; as sealImage does. */
export async function sealImageAsAsked(context: Context, options: SealOptions): Promise<void> {
  const image = options.root === undefined ? thisMachine(context) : mountedImage(options.root);
  const dryRun = options.dryRun === true;
  await refuseRunningAgent(image.stateFolder);
  const hasHost = await hasIdleHost(image);
  const hostFiles = hasHost && options.host === true ? planHost(image.hostFolder) : [];
  const files = [...(dryRun ? planSeal(image) : await sealImage(image)), ...hostFiles];
  if (!dryRun) for (const file of hostFiles) fs.rmSync(file.path, { recursive: true, force: true });
  const report = {
    image,
    dryRun,
    files,
    kept: keptOf(image),
    warnings: warningsOf(image, hasHost && options.host !== true),
    others: cloneTraces(image.root),
  };
  if (options.json === true) writeJson('avma.image-seal/1', toJson(report));
  else show(report, context);
}

/** @throws {AvmaError} `access-denied` for a user who sees root's license. */
function thisMachine(context: Context): Image {
  requireOwnLicense(context);
  const { stateFolder, runFolder, hostFolder, agent, vmId } = context.settings();
  return {
    root: '/',
    stateFolder,
    runFolder,
    hostFolder,
    reports: [agent.textfile ?? DEFAULT_METRICS_FILE],
    config: { vmId },
    configFile: path.join(SYSTEM_FOLDER, 'config.json'),
  };
}

/** The environment is this machine's and not the image's, so only the image's configuration counts. */
function mountedImage(folder: string): Image {
  const root = path.resolve(folder);
  if (!fs.existsSync(root)) throw new AvmaError('file-not-found', `there is no folder ${root}`);
  if (!fs.statSync(root).isDirectory()) throw new AvmaError('file-invalid', `${root} is no folder`);
  const at = (place: string) => path.join(root, place);
  const configFile = at(path.join(SYSTEM_FOLDER, 'config.json'));
  const bytes = insideOf(root, configFile) ? readInstalledFileIfAny(configFile, MAX_CONFIG_BYTES) : undefined;
  const config = bytes === undefined ? {} : parseConfig(bytes, configFile);
  const stateFolder = at(config.stateFolder || SYSTEM_STATE_FOLDER);
  return {
    root,
    stateFolder,
    runFolder: config.stateFolder ? path.join(stateFolder, 'run') : at(SYSTEM_RUN_FOLDER),
    hostFolder: path.join(stateFolder, 'host'),
    reports: [at(config.agent?.textfile || DEFAULT_METRICS_FILE)],
    config,
    configFile,
  };
}

/** Whether the image holds a host. @throws {AvmaError} `state-locked` for one that serves. */
async function hasIdleHost({ root, hostFolder }: Image): Promise<boolean> {
  const file = path.join(hostFolder, HOST_FILE);
  if (!insideOf(root, file) || !fs.existsSync(file)) return false;
  if (!(await isHostLocked(hostFolder))) return true;
  throw new AvmaError('state-locked', `a host is serving from ${hostFolder}`, {
    hint: 'Stop it first: systemctl stop avma-host.',
  });
}

/** Everything that makes a folder this one host's; its catalogs stay. */
function planHost(hostFolder: string): SealedFile[] {
  return readFolder(hostFolder)
    .filter((name) => name !== 'catalog.d')
    .map((name) => ({
      path: path.join(hostFolder, name),
      action: 'remove',
      what: ['who the host is and what it answered'],
    }));
}

/** What stays and is meant to: for people, so that they can see that it does. */
function keptOf({ root, stateFolder, configFile }: Image): string[] {
  const etc = path.join(root, SYSTEM_FOLDER);
  return [
    configFile,
    ...['trust.d', 'catalog.d'].flatMap((name) => [path.join(etc, name), path.join(stateFolder, name)]),
    path.join(stateFolder, 'guest.state'),
  ].filter((place) => fs.existsSync(place));
}

function warningsOf({ config, configFile, hostFolder }: Image, keepsHost: boolean): string[] {
  return [
    ...(config.vmId
      ? [`a VM ID is configured (${configFile} or AVMA_VM_ID): every clone would be the same machine`]
      : []),
    ...(keepsHost
      ? [`${hostFolder} holds a host's private keys: every clone would be the same host; --host removes them`]
      : []),
  ];
}

function readFolder(folder: string): string[] {
  try {
    return fs.readdirSync(folder).sort();
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot read the folder ${folder}`);
  }
}

function toJson({ image, dryRun, files, kept, warnings, others }: SealReport): object {
  return { root: image.root, stateFolder: image.stateFolder, dryRun, files, kept, warnings, others };
}

function show({ image, dryRun, files, kept, warnings, others }: SealReport, context: Context): void {
  const verbs = dryRun
    ? { remove: 'Would remove', change: 'Would change' }
    : { remove: 'Removed', change: 'Changed' };
  const fields: Field[] = [
    ...files.flatMap(({ path: file, action, what }): Field[] => [
      [verbs[action], file],
      ...what.map((one): Field => ['', `  ${one}`]),
    ]),
    ...kept.map((place, index): Field => [index === 0 ? 'Kept' : '', place]),
    ...warnings.map((warning): Field => ['Warning', { tone: 'warn', text: warning }]),
    ...others.flatMap(({ path: place, what, remedy }): Field[] => [
      ['Not of avma', `${place}: ${what}`],
      ['', `  ${remedy}`],
    ]),
  ];
  if (fields.length > 0) writeData(formatFields(fields, context.style));
  if (files.length === 0) say(`Nothing is to be taken out of ${image.stateFolder}.`);
  else if (dryRun) say('Nothing was changed.');
  else
    say(
      `${image.root === '/' ? 'This machine' : image.root} is sealed. Run no other command of avma on it now.`,
    );
}
