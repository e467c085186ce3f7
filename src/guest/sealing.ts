import { MAX_INSTANT } from '../schema/shapes.ts';
import { emptyState, type GuestState, type InstalledProduct } from './guest-state.ts';

/** A state that an image may carry, and what was taken out of it, in words. */
export interface SealedState {
  /** The same object where nothing had to be taken out. Null where nothing is left: then there is no file. */
  readonly state: GuestState | null;
  readonly taken: readonly string[];
}

/**
 * What a clone must not take along is taken out: leases and how they were got, the time that was seen, what was derived
 * from the VM ID, the host that answered, and the memory of given setup, so that it is looked at again. Keys, rearm
 * counts and KMS settings stay. The initial grace of each key begins when a clone first looks at it. Pure.
 */
export function sealState(state: GuestState): SealedState {
  const taken: string[] = [];
  const products: Record<string, InstalledProduct> = {};
  for (const [activationId, installed] of Object.entries(state.products)) {
    const sealed = sealProduct(installed);
    for (const what of takenOf(installed)) taken.push(`${what} of product ${activationId}`);
    if (sealed !== null) products[activationId] = sealed;
  }
  const { clock, host, setup, ...kept } = state;
  const fresh = emptyState();
  if (!isSame(clock, fresh.clock)) taken.push('the highest time seen, and how wrong the clock was');
  if (host !== null) taken.push('the certificate of the host that answered last');
  for (const { what, origin } of setup ?? []) taken.push(`the memory that ${what} was given by ${origin}`);
  const sealed = { ...kept, products, clock: fresh.clock, host: null };
  if (isSame(sealed, fresh)) return { state: null, taken };
  return { state: taken.length === 0 ? state : sealed, taken };
}

/** A product with its key alone; null for one that has none any more. */
function sealProduct(installed: InstalledProduct): InstalledProduct | null {
  const { productKey, partialProductKey } = installed;
  if (partialProductKey === null) return null;
  return {
    productKey,
    partialProductKey,
    // Made anew from a clone's own VM ID.
    extendedPid: '',
    installationId: '',
    iaid: null,
    // In the future: the first look of a clone sets it to its own time.
    graceStartedAt: MAX_INSTANT,
    activation: null,
    reported: null,
  };
}

/** Whether a product is as {@link sealState} leaves it: no machine has looked at it since. */
export function isSealed({ graceStartedAt }: InstalledProduct): boolean {
  return graceStartedAt === MAX_INSTANT;
}

function takenOf(installed: InstalledProduct): string[] {
  if (installed.partialProductKey === null) return ['what was remembered'];
  const { activation, lastAttempt, iaid, reported } = installed;
  return [
    ...(activation === null ? [] : ['the lease']),
    ...(lastAttempt === undefined ? [] : ['the last attempt']),
    ...(iaid === null ? [] : ['the numbers made from the VM ID']),
    ...(isSealed(installed) ? [] : ['the beginning of the initial grace']),
    ...(reported === null ? [] : ['the license state that was last logged']),
  ];
}

function isSame(one: object, other: object): boolean {
  return JSON.stringify(one, sortedKeys) === JSON.stringify(other, sortedKeys);
}

/** For JSON whose text is the same for the same members, in whatever order they were written. */
function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
