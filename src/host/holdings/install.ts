import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { makePrivateFolder, replaceFile } from '../../storage/atomic-file.ts';
import { withFolderLock } from '../../storage/folder-lock.ts';
import { hostKeysFile } from '../host-keys.ts';
import { openHost } from '../host-store.ts';
import { storedPath } from './file-store.ts';
import { HoldingsReader, LEGACY_CERTIFICATE_FILE } from './holdings-reader.ts';
import { type Given, type HostSnapshot, type Taken, takeIn } from './intake.ts';

/**
 * Reads what a host has, and runs `work` with it while nobody else changes the host's folder.
 *
 * @param readOnly - `work` changes nothing, and needs no lock.
 * @throws {AvmaError} `file-not-found` if there is no host; `state-locked`; `access-denied`; what `work` throws.
 */
export async function changeHost<T>(
  folder: string,
  readOnly: boolean,
  work: (snapshot: HostSnapshot) => T,
): Promise<T> {
  const host = openHost(folder);
  const run = () => work(new HoldingsReader(folder, host).snapshot);
  return readOnly ? run() : withFolderLock(folder, run);
}

/** What was installed, or could be. */
interface Installed {
  readonly given: Given;
  readonly outcome: Taken['outcome'];
}

/** What became of all that was given. */
export interface Installation {
  readonly installed: readonly Installed[];
  readonly before: HostSnapshot;
  readonly after: HostSnapshot;
}

/**
 * Installs what is given in a host's folder, all or none: each is checked, with those before it, before one is written.
 *
 * @param now - The host's clock, milliseconds since 1970 UTC.
 * @throws {AvmaError} What {@link changeHost} and {@link takeIn} throw; `disk-full`, `io-error`.
 */
export async function installAll(
  folder: string,
  documents: readonly Given[],
  { now, dryRun }: { readonly now: number; readonly dryRun: boolean },
): Promise<Installation> {
  return changeHost(folder, dryRun, (snapshot) => installIn(snapshot, documents, { now, dryRun }));
}

/** As {@link installAll}, for a caller who holds the folder's lock. */
export function installIn(
  before: HostSnapshot,
  documents: readonly Given[],
  { now, dryRun }: { readonly now: number; readonly dryRun: boolean },
): Installation {
  let after = before;
  const taken = documents.map((given) => {
    const one = takeIn(after, given, now);
    after = one.after;
    return { ...one, given };
  });
  if (!dryRun) {
    for (const { outcome, file, given } of taken) if (outcome === 'taken') writeGiven(file, given);
    tidyHost(after, now);
  }
  return { installed: taken.map(({ given, outcome }) => ({ given, outcome })), before, after };
}

/** Writes what was given into the host's folder. @throws {AvmaError} `access-denied`, `disk-full`, `io-error`. */
export function writeGiven(file: string, given: Given): void {
  makePrivateFolder(path.dirname(file));
  const envelope =
    given.kind === 'certificate'
      ? given.content.envelope
      : JSON.parse(Buffer.from(given.content.bytes).toString('utf8'));
  replaceFile(file, `${JSON.stringify(envelope, null, 2)}\n`, 0o644);
}

/**
 * Puts a host's folder in order after a change: the certificate of a version before goes where the others are, and keys
 * whose last certificate has ended are removed, unless they are the newest or the first.
 */
export function tidyHost({ folder, stored, holdings }: HostSnapshot, now: number): void {
  const legacy = path.join(folder, LEGACY_CERTIFICATE_FILE);
  for (const { file, content } of stored.certificates) {
    if (file !== legacy) continue;
    writeGiven(storedPath(folder, 'certificates', content.certificate.serial), {
      kind: 'certificate',
      content,
    });
    remove(legacy);
  }
  const { keys, certificates } = holdings;
  for (const old of keys.slice(1, -1)) {
    const certified = certificates.filter((held) => held.keys === old);
    if (certified.length === 0 || certified.some(({ certificate }) => now < certificate.graceUntil)) continue;
    remove(hostKeysFile(folder, old));
  }
}

/** Removes a file; one that is gone is fine. @throws {AvmaError} `access-denied`, `io-error`. */
function remove(file: string): void {
  try {
    fs.rmSync(file, { force: true });
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot remove ${file}`);
  }
}

/**
 * Removes a license from a host. Guests that were activated by it keep it until their leases end.
 *
 * @returns The license that was removed, or would be.
 * @throws {AvmaError} `file-not-found` if the host has no license with that ID; `access-denied`, `io-error`.
 */
export async function removeLicense(folder: string, licenseId: string, dryRun: boolean) {
  return changeHost(folder, dryRun, ({ stored }) => {
    const found = stored.licenses.find(({ content }) => content.license.licenseId === licenseId);
    if (found === undefined) {
      throw new AvmaError('file-not-found', `this host has no license ${licenseId}`, {
        hint: 'List the licenses: avma host license list.',
      });
    }
    if (!dryRun) remove(found.file);
    return found.content;
  });
}
