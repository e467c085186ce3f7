import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { type GuestService, openGuestService } from '../../guest/guest-service.ts';
import type { ProductReport } from '../../guest/license-report.ts';
import { guestEnvironment } from '../guest-environment.ts';
import { type Settings, SYSTEM_STATE_FOLDER } from '../settings.ts';
import type { Context } from './context.ts';
import { say } from './output.ts';

/** How a guest is opened. */
interface OpenOptions {
  /** Over a damaged state too, which a new key replaces. */
  readonly recover?: boolean;
  /** So that nothing is written: no state, no event. */
  readonly readOnly?: boolean;
}

/**
 * The guest's service over the real machine.
 *
 * @param pipe - In place of the configured pipe.
 * @throws {AvmaError} as {@link openGuestService} does.
 */
export function openGuest(
  context: Context,
  pipe?: string,
  { recover = false, readOnly = false }: OpenOptions = {},
): Promise<GuestService> {
  const settings = context.settings();
  const environment = guestEnvironment(
    context.launcher,
    pipe === undefined ? settings : { ...settings, pipe },
    say,
  );
  return openGuestService(
    readOnly ? { ...environment, readOnly, events: { write: () => {} } } : environment,
    { recover },
  );
}

/**
 * The guest's service for a command that only shows.
 *
 * @throws {AvmaError} `access-denied`, which names the user who can see the license, where this one cannot.
 */
export async function openGuestToRead(
  context: Context,
  command: string,
  options: OpenOptions = {},
): Promise<GuestService> {
  const settings = context.settings();
  if (isKeptElsewhere(settings, { uid: process.getuid?.(), exists: fs.existsSync })) {
    throw new AvmaError(
      'access-denied',
      `this machine's license is kept in ${SYSTEM_STATE_FOLDER}, which this user cannot read`,
      { hint: `Run it as root: sudo ${command}. For a state folder of your own, set AVMA_STATE_DIR.` },
    );
  }
  try {
    return await openGuest(context, undefined, options);
  } catch (thrown) {
    const error = toAvmaError(thrown, "cannot read the guest's state");
    if (error.code !== 'access-denied') throw error;
    const owner = ownerOf(settings.stateFolder);
    throw new AvmaError(
      'access-denied',
      `the license cannot be seen by this user: ${settings.stateFolder} may be read by ${owner} only`,
      { cause: error, hint: `Run it as that user: sudo -u ${owner} ${command}` },
    );
  }
}

/**
 * Whether the machine's license lies in the system's folder, where an ordinary user cannot look, while that user has
 * no state of their own: then "no key is installed" would be wrong.
 */
export function isKeptElsewhere(
  { stateFolder, stateFolderIsDefault }: Pick<Settings, 'stateFolder' | 'stateFolderIsDefault'>,
  { uid, exists }: { uid: number | undefined; exists: (file: string) => boolean },
): boolean {
  return (
    stateFolderIsDefault &&
    uid !== undefined &&
    uid !== 0 &&
    !exists(path.join(stateFolder, 'guest.state')) &&
    exists(SYSTEM_STATE_FOLDER)
  );
}

/** The name of a folder's owner where it is known without asking the system's user database. */
function ownerOf(folder: string): string {
  const uid = fs.statSync(folder, { throwIfNoEntry: false })?.uid;
  if (uid === undefined || uid === 0) return 'root';
  return uid === process.getuid?.() ? os.userInfo().username : `#${uid}`;
}

/** The products that have a key. */
export async function keyedProducts(service: GuestService): Promise<ProductReport[]> {
  return (await service.products()).filter(({ partialProductKey }) => partialProductKey !== null);
}

/** The product with that activation ID, typed in any case; all of them without one. */
export function findKeyed(
  products: readonly ProductReport[],
  activationId: string | undefined,
): ProductReport[] {
  return products.filter(
    (product) => activationId === undefined || product.activationId === activationId.toLowerCase(),
  );
}
