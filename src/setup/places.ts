import path from 'node:path';
import { toAvmaError } from '../errors/avma-error.ts';
import { readInstalledFile, readInstalledFileIfAny } from '../storage/read-file.ts';
import type { SetupEnvironment } from './environment.ts';
import type { GivenValues, KeyFinding } from './outcome.ts';
import { keyFinding, MAX_SETUP_FILE_BYTES, readGivenAnchor, readSetupFile } from './setup-file.ts';

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
  readonly values: GivenValues;
}

/** A place that is not there. */
export function absent(kind: PlaceKind, place: string): Candidate {
  const finding: KeyFinding = { outcome: 'none', why: 'it is not there', where: null, places: [] };
  return { kind, place, present: false, finding, values: {} };
}

/** A place that is there and cannot be used. */
export function unusable(kind: PlaceKind, place: string, why: string): Candidate {
  const finding: KeyFinding = { outcome: 'invalid', why, where: null, places: [] };
  return { kind, place, present: true, finding, values: {} };
}

/**
 * Runs a reader of one place. A place that cannot be read is said and keeps no other from being read.
 */
export function readingPlace(kind: PlaceKind, place: string, read: () => Candidate): Candidate {
  try {
    return read();
  } catch (thrown) {
    const error = toAvmaError(thrown, `cannot read ${place}`);
    if (error.code === 'internal') throw error;
    return error.code === 'file-not-found' ? absent(kind, place) : unusable(kind, place, error.message);
  }
}

/** The setup files of the administrator and of the image, `/etc/avma/setup.yaml` and its other endings. */
export function systemSetupFiles(environment: SetupEnvironment): Candidate[] {
  return ['setup.yaml', 'setup.yml', 'setup.json'].map((name) => {
    const file = path.join(environment.root, 'etc/avma', name);
    return readingPlace('setup-file', file, () =>
      setupFile('setup-file', file, readInstalledFile(file, MAX_SETUP_FILE_BYTES)),
    );
  });
}

/** A setup file that may name trust anchors of this machine by their paths. */
export function setupFile(kind: PlaceKind, file: string, bytes: Uint8Array): Candidate {
  const readAnchor = (anchor: string) => readInstalledFile(anchor, MAX_SETUP_FILE_BYTES).toString('utf8');
  return { kind, place: file, present: true, ...readSetupFile(bytes, { name: file, readAnchor }) };
}

/** systemd's credentials: those that the unit loads, else those of the whole system, which root alone can read. */
export function credentials(environment: SetupEnvironment): Candidate {
  const folder = environment.credentialsFolder ?? path.join(environment.root, 'run/credentials/@system');
  const read = (name: string) => {
    const bytes = readInstalledFileIfAny(path.join(folder, name), MAX_SETUP_FILE_BYTES);
    return bytes?.toString('utf8').trim();
  };
  const place = 'systemd credentials';
  return readingPlace('credentials', place, () => namedValues('credentials', place, read));
}

/** The three values that a hypervisor gives under names: `avma.key`, `avma.pipe`, `avma.trust`. */
export function namedValues(
  kind: PlaceKind,
  place: string,
  read: (name: string) => string | undefined,
): Candidate {
  const [key, pipe, trust] = [read('avma.key'), read('avma.pipe'), read('avma.trust')];
  if (key === undefined && pipe === undefined && trust === undefined) return absent(kind, place);
  const setup = JSON.stringify({ schema: 'avma.setup/1', ...(pipe !== undefined && { pipe }) });
  const { values, finding } = readSetupFile(Buffer.from(setup), { name: place, readAnchor: null });
  if (finding.outcome === 'invalid') return unusable(kind, place, `avma.pipe: ${finding.why}`);
  return {
    kind,
    place,
    present: true,
    finding: keyFinding(key ?? '', null),
    values: {
      ...values,
      ...(trust !== undefined && { trust: [readGivenAnchor(trust, `avma.trust of ${place}`)] }),
    },
  };
}

/**
 * Every place that is looked at without a file being named, in order of rank.
 */
export async function readPlaces(environment: SetupEnvironment): Promise<Candidate[]> {
  return [...systemSetupFiles(environment), credentials(environment)];
}
