import path from 'node:path';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import type { PoolRecord } from '../kvp/pool.ts';
import { HOST_TO_GUEST, readSettledPool } from '../kvp/pool-file.ts';
import { readInstalledFile, readInstalledFileIfAny } from '../storage/read-file.ts';
import { pause } from '../system/pause.ts';
import { MAX_ANSWER_FILE_BYTES, readAnswerFile } from './answer-file.ts';
import type { SetupEnvironment } from './environment.ts';
import type { KeyFinding, SetupValues } from './outcome.ts';
import {
  keyFinding,
  MAX_SETUP_FILE_BYTES,
  readGivenAnchors,
  readSetupFile,
  readSetupMember,
} from './setup-file.ts';

/** What kind of place a setup was found in, in the order in which places are looked at. */
export type PlaceKind =
  | 'argument'
  | 'setup-file'
  | 'credentials'
  | 'data-exchange'
  | 'cloud-init'
  | 'answer-file'
  | 'removable-media';

/** One place that was looked at, and what it gives. */
export interface Candidate {
  readonly kind: PlaceKind;
  /** The file's path, or what else the place is called. */
  readonly place: string;
  /** Whether there is anything. */
  readonly present: boolean;
  readonly finding: KeyFinding;
  readonly values: SetupValues;
}

/** A place that is not there. */
function absent(kind: PlaceKind, place: string): Candidate {
  const finding: KeyFinding = { outcome: 'none', why: 'there is none', where: null, places: [] };
  return { kind, place, present: false, finding, values: {} };
}

/** A place that this process may not look at: nothing is wrong with it, and it gives nothing. */
export function unreadable(kind: PlaceKind, place: string, why: string): Candidate {
  const { finding, ...rest } = absent(kind, place);
  return { ...rest, present: true, finding: { ...finding, why } };
}

/** A place that is there and cannot be used. */
export function unusable(kind: PlaceKind, place: string, why: string): Candidate {
  const finding: KeyFinding = { outcome: 'invalid', why, where: null, places: [] };
  return { kind, place, present: true, finding, values: {} };
}

/** Runs a reader of one place. A place that cannot be read is said, and keeps no other from being read. */
export function readingPlace(kind: PlaceKind, place: string, read: () => Candidate): Candidate {
  try {
    return read();
  } catch (thrown) {
    const error = toAvmaError(thrown, `cannot read ${place}`);
    if (error.code === 'internal') throw error;
    if (error.code === 'file-not-found') return absent(kind, place);
    if (error.code === 'access-denied') return unreadable(kind, place, error.message);
    return unusable(kind, place, error.message);
  }
}

/** The setup files of the administrator or the image. */
function systemSetupFiles(environment: SetupEnvironment): Candidate[] {
  return ['setup.yaml', 'setup.yml', 'setup.json'].map((name) => {
    const file = path.join(environment.root, 'etc/avma', name);
    return readingPlace('setup-file', file, () =>
      readFile('setup-file', file, readInstalledFile(file, MAX_SETUP_FILE_BYTES)),
    );
  });
}

/** The answer files of the administrator or the image. */
function systemAnswerFiles(environment: SetupEnvironment): Candidate[] {
  return ['autounattend.xml', 'unattend.xml'].map((name) => {
    const file = path.join(environment.root, 'etc/avma', name);
    return readingPlace('answer-file', file, () =>
      readFile('answer-file', file, readInstalledFile(file, MAX_ANSWER_FILE_BYTES)),
    );
  });
}

/**
 * What a file gives: an answer file if it is XML by its name or its first character, else a setup file.
 *
 * @param file - The path, for its ending and for messages.
 */
export function readFile(kind: PlaceKind, file: string, bytes: Uint8Array): Candidate {
  if (isXml(file, bytes))
    return { kind, place: file, present: true, finding: readAnswerFile(bytes), values: {} };
  if (bytes.length > MAX_SETUP_FILE_BYTES) {
    return unusable(
      kind,
      file,
      `the file has more than ${MAX_SETUP_FILE_BYTES} bytes, the most of a setup file`,
    );
  }
  // Media may be anybody's: they may not make root read or run what they name.
  const own = kind !== 'removable-media';
  const read = readSetupFile(bytes, { name: file, readAnchor: own ? readAnchor : null, mayRun: own });
  return { kind, place: file, present: true, ...read };
}

/** Whether a file is to be read as XML: by its name, or because it begins with `<` in any encoding. */
export function isXml(file: string, bytes: Uint8Array): boolean {
  if (/\.xml$/i.test(file)) return true;
  if (/\.(ya?ml|json)$/i.test(file)) return false;
  const first = bytes.subarray(0, 64).find((byte) => byte > 0x20 && byte < 0x7f);
  return first === '<'.charCodeAt(0);
}

/**
 * systemd's credentials: each from those that the unit loads, else from those of the whole system, which root alone can
 * read.
 */
function credentials(environment: SetupEnvironment): Candidate {
  const folders = [
    ...(environment.credentialsFolder === undefined ? [] : [environment.credentialsFolder]),
    path.join(environment.root, 'run/credentials/@system'),
  ];
  let denied: string | undefined;
  const read = (name: string) => {
    for (const folder of folders) {
      try {
        const bytes = readInstalledFileIfAny(path.join(folder, name), MAX_SETUP_FILE_BYTES);
        if (bytes !== undefined) return bytes.toString('utf8').trim();
      } catch (thrown) {
        // systemd hides those of the system from units in a sandbox, and from ordinary users.
        if (!(thrown instanceof AvmaError) || thrown.code !== 'access-denied') throw thrown;
        denied ??= thrown.message;
      }
    }
    return undefined;
  };
  const place = 'systemd credentials';
  return readingPlace('credentials', place, () => {
    const found = namedValues('credentials', place, read);
    // A unit without any is told of those of the system only where it cannot know whether there are any.
    const isUnit = environment.credentialsFolder !== undefined;
    return found.present || denied === undefined || isUnit ? found : unreadable('credentials', place, denied);
  });
}

/** How long a pool that the daemon is writing is looked at again. */
const POOL_SETTLES_MS = 2_000;
const POOL_PAUSE_MS = 20;

/** A pool between two changes of the daemon's. @throws {AvmaError} as readSettledPool does. */
async function settledPool(file: string): Promise<readonly PoolRecord[]> {
  const signal = AbortSignal.timeout(POOL_SETTLES_MS);
  while (!signal.aborted) {
    const records = await readSettledPool(file, signal);
    if (records !== null) return records;
    await pause(POOL_PAUSE_MS, signal);
  }
  throw new AvmaError('io-error', `${file} changes all the time`);
}

/** What the host wrote into Hyper-V's Data Exchange. */
async function dataExchange(environment: SetupEnvironment): Promise<Candidate> {
  const file = path.join(environment.root, 'var/lib/hyperv', HOST_TO_GUEST);
  let records: readonly PoolRecord[] = [];
  try {
    records = await settledPool(file);
  } catch (thrown) {
    return readingPlace('data-exchange', file, () => {
      throw thrown;
    });
  }
  return readingPlace('data-exchange', file, () => {
    // The last record of a name: the host's newest.
    const read = (name: string) => records.findLast(({ key }) => key === name)?.value.trim();
    return namedValues('data-exchange', file, read);
  });
}

/**
 * The values that a hypervisor gives under names: `avma.key`, `avma.pipe`, and `avma.trust`, which holds what
 * root.pub.json holds, or a JSON list of that.
 */
function namedValues(kind: PlaceKind, place: string, read: (name: string) => string | undefined): Candidate {
  const [key, pipe, trust] = [read('avma.key'), read('avma.pipe'), read('avma.trust')];
  if (key === undefined && pipe === undefined && trust === undefined) return absent(kind, place);
  const setup = JSON.stringify({ schema: 'avma.setup/1', ...(pipe !== undefined && { pipe }) });
  const { values, finding } = readSetupFile(Buffer.from(setup), {
    name: place,
    readAnchor: null,
    mayRun: false,
  });
  if (finding.outcome === 'invalid') return unusable(kind, place, `avma.pipe cannot be used: ${finding.why}`);
  const anchors = trust === undefined ? [] : readGivenAnchors(trust, `avma.trust of ${place}`);
  const found = keyFinding(key ?? '', null);
  return {
    kind,
    place,
    present: true,
    finding: { ...found, where: found.where === null ? null : 'avma.key' },
    values: { ...values, ...(anchors.length > 0 && { trust: anchors }) },
  };
}

/** The longest cloud-config that is read, in bytes. Scripts in it make it large. */
const MAX_CLOUD_CONFIG_BYTES = 4 * 1024 * 1024;

/**
 * The member `avma:` of cloud-init's user-data, which is a setup. Root alone can read the file. cloud-init writes it as
 * YAML with one member at the beginning of a line, so only the lines of this member are parsed.
 */
function cloudInit(environment: SetupEnvironment): Candidate {
  const file = path.join(environment.root, 'var/lib/cloud/instance/cloud-config.txt');
  return readingPlace('cloud-init', file, () => {
    const text = readInstalledFile(file, MAX_CLOUD_CONFIG_BYTES).toString('utf8');
    const lines = text.split(/\r\n|\r|\n/);
    const start = lines.findIndex((line) => /^avma[ \t]*:/.test(line));
    if (start === -1) return absent('cloud-init', file);
    const end = lines.findIndex((line, at) => at > start && /^[^ \t#]/.test(line));
    const member = lines.slice(start, end === -1 ? undefined : end).join('\n');
    if (member.length > MAX_SETUP_FILE_BYTES) {
      return unusable('cloud-init', file, `the member avma has more than ${MAX_SETUP_FILE_BYTES} characters`);
    }
    const read = readSetupMember(
      { text: member, name: 'avma', linesBefore: start },
      { name: file, readAnchor, mayRun: true },
    );
    return { kind: 'cloud-init', place: file, present: true, ...read };
  });
}

/** Reads a trust anchor's file, for a setup that root wrote. */
function readAnchor(file: string): string {
  try {
    return readInstalledFile(file, MAX_SETUP_FILE_BYTES).toString('utf8');
  } catch (thrown) {
    const error = toAvmaError(thrown, `cannot read ${file}`);
    if (error.code !== 'access-denied') throw error;
    // root reads everything, unless a sandbox keeps it away.
    const why = `${error.message}; the service of the agent sees no home folders, so put the file into /etc/avma`;
    throw new AvmaError(error.code, why, { hint: error.hint, cause: error });
  }
}

/** Every place of the machine itself, in order of rank; removable media come after them. */
export async function readPlaces(environment: SetupEnvironment): Promise<Candidate[]> {
  return [
    ...systemSetupFiles(environment),
    credentials(environment),
    await dataExchange(environment),
    cloudInit(environment),
    ...systemAnswerFiles(environment),
  ];
}
