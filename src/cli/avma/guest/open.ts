import fs from 'node:fs';
import os from 'node:os';
import { isNamed, listProducts } from '../../../catalog/product-name.ts';
import { AvmaError, toAvmaError } from '../../../errors/avma-error.ts';
import type { GuestService } from '../../../guest/guest-service.ts';
import { rootsLicense } from '../../../guest/license-file.ts';
import type { DerivedReport } from '../../../guest/product-report.ts';
import { debug } from '../../../system/debug.ts';
import { guestEnvironment } from '../../guest-environment.ts';
import { openGuestHere } from '../../open-guest.ts';
import { SYSTEM_STATE_FOLDER } from '../../settings.ts';
import { whoseLicense } from '../../whose-license.ts';
import type { Context } from '../context.ts';
import { say } from '../output.ts';

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
 * @throws {AvmaError} as {@link openGuestHere} does.
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
  return openGuestHere(
    readOnly ? { ...environment, readOnly, events: { write: () => {} } } : environment,
    settings,
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
  if (whoseLicense(settings) === 'hidden') {
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
 * For a command that changes files of this user's, of which a user who sees the machine's license has none.
 *
 * @throws {AvmaError} `access-denied`.
 */
export function requireOwnLicense(context: Context): void {
  if (whoseLicense(context.settings()) !== 'machine') return;
  throw rootsLicense();
}

/** Has license.json say what follows from trust anchors or catalogs that were changed. Fails silently. */
export async function refreshLicense(context: Context): Promise<void> {
  try {
    await (await openGuest(context)).look();
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot look at the license');
    if (error.code === 'internal') throw error;
    debug('state', () => `the license is not looked at: ${error.message}`);
  }
}

/** The name of a folder's owner where it is known without asking the system's user database. */
function ownerOf(folder: string): string {
  const uid = fs.statSync(folder, { throwIfNoEntry: false })?.uid;
  if (uid === undefined || uid === 0) return 'root';
  return uid === process.getuid?.() ? os.userInfo().username : `#${uid}`;
}

/** The products that have a key. */
export async function keyedProducts(service: GuestService): Promise<DerivedReport[]> {
  const { products } = await service.look();
  return products.filter(({ report }) => report.partialProductKey !== null);
}

/**
 * The product that a text names, in a list of one; all of them without a name.
 *
 * @throws {AvmaError} `argument-invalid` for a text that names several.
 */
export function findKeyed(products: readonly DerivedReport[], name: string | undefined): DerivedReport[] {
  if (name === undefined) return [...products];
  const named = products.filter(({ product, report }) =>
    isNamed({ ...product, partialProductKey: report.partialProductKey }, name),
  );
  if (named.length <= 1) return named;
  const choice = listProducts(named.map(({ product }) => product));
  throw new AvmaError('argument-invalid', `"${name}" may be any of ${choice}`, {
    hint: 'Name the product by its activation ID.',
  });
}
