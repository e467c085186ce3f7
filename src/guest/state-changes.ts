import type { Product } from '../catalog/product.ts';
import { partialProductKey } from '../catalog/product-key.ts';
import { AvmaError } from '../errors/avma-error.ts';
import type { ClockReading } from '../machine/clock.ts';
import type { ActivationResult } from './exchange.ts';
import { type GuestState, type InstalledProduct, type RearmScope, rearmCount } from './guest-state.ts';
import type { KmsClientSettings } from './licensing-service.ts';
import { deriveProductIdentity, guestIaid, type ProductIdentity } from './product-identity.ts';
import { anchorClock, trustedTime } from './trusted-time.ts';

/** What commands do to the guest's state. All are pure: the state before in, the state after out. */

/**
 * Puts the key in place of the application's present one; an add-on's key stands beside it. The same product's
 * activation stays, and so does the beginning of its initial grace.
 */
export function installKey(
  state: GuestState,
  product: Product,
  isReplaced: (activationId: string) => boolean,
  vmId: string,
  clock: ClockReading,
): GuestState {
  const { now } = trustedTime(clock, state.clock);
  const products: Record<string, InstalledProduct> = {};
  for (const [activationId, installed] of Object.entries(state.products)) {
    products[activationId] = isReplaced(activationId) ? withoutKey(installed) : installed;
  }
  const before = state.products[product.activationId];
  products[product.activationId] = {
    ...identityOn(product, vmId, before, clock),
    productKey: product.productKey,
    partialProductKey: partialProductKey(product.productKey),
    graceStartedAt: before?.graceStartedAt ?? now,
    activation: before?.activation ?? null,
    reported: before?.reported ?? null,
  };
  return { ...state, products };
}

/** The numbers that were made before, on the machine that they were made for; a clone gets its own. */
function identityOn(
  product: Product,
  vmId: string,
  before: InstalledProduct | undefined,
  clock: ClockReading,
): ProductIdentity {
  if (before === undefined || before.iaid === null || before.iaid !== guestIaid(product.activationId, vmId)) {
    return deriveProductIdentity(product, vmId, clock.wall);
  }
  return { extendedPid: before.extendedPid, installationId: before.installationId, iaid: before.iaid };
}

/** @throws {AvmaError} `key-not-installed`. */
export function uninstallKey(state: GuestState, activationId: string): GuestState {
  return changeInstalled(state, activationId, withoutKey);
}

function withoutKey(installed: InstalledProduct): InstalledProduct {
  return { ...installed, productKey: null, partialProductKey: null, activation: null };
}

/** Forgets the full keys; the last five characters and the activations stay. */
export function clearKeys(state: GuestState): GuestState {
  const products: Record<string, InstalledProduct> = {};
  for (const [activationId, installed] of Object.entries(state.products)) {
    products[activationId] = { ...installed, productKey: null };
  }
  return { ...state, products };
}

/**
 * Keeps a verified activation and anchors the clock to it. Graces that are running move with the anchor: they are
 * neither shortened nor lengthened by the correction of a wrong clock.
 *
 * @throws {AvmaError} `key-not-installed` if the key went away while the host was asked.
 */
export function storeActivation(
  state: GuestState,
  product: Product,
  result: ActivationResult,
  vmId: string,
  clock: ClockReading,
): GuestState {
  const { activationId } = product;
  const before = trustedTime(clock, state.clock).now;
  const anchor = anchorClock(result.answer, clock);
  const correction = result.answer.issuedAt - before;
  const anchored = changeInstalled(state, activationId, (installed) => ({
    ...installed,
    ...identityOn(product, vmId, installed, clock),
    activation: result.signedLease,
  }));
  const products: Record<string, InstalledProduct> = {};
  for (const [id, installed] of Object.entries(anchored.products)) {
    products[id] = { ...installed, graceStartedAt: Math.max(0, installed.graceStartedAt + correction) };
  }
  return { ...anchored, products, clock: anchor, host: result.signedLease.certificate };
}

/**
 * Starts the licence states again from the initial grace and takes one from the counter.
 *
 * @param inScope - The products that it is about, keyed or not.
 * @throws {AvmaError} `rearm-exhausted`.
 */
export function rearm(
  state: GuestState,
  scope: RearmScope,
  inScope: readonly Product[],
  clock: ClockReading,
): GuestState {
  const left = rearmCount(state, scope);
  if (left <= 0)
    throw new AvmaError('rearm-exhausted', 'the licence state has been reset as often as it may be');
  const { now } = trustedTime(clock, state.clock);
  const products = { ...state.products };
  for (const { activationId } of inScope) {
    const installed = products[activationId];
    if (installed !== undefined) {
      products[activationId] = { ...installed, activation: null, graceStartedAt: now, reported: null };
    }
  }
  const counts = { ...state.rearm };
  if (scope.kind === 'windows') counts.windows = left - 1;
  else if (scope.kind === 'application')
    counts.applications = { ...counts.applications, [scope.id]: left - 1 };
  else counts.products = { ...counts.products, [scope.id]: left - 1 };
  return { ...state, products, rearm: counts };
}

export function changeKmsClient(
  state: GuestState,
  activationId: string | null,
  change: Partial<KmsClientSettings>,
): GuestState {
  const { machine, products } = state.kmsClient;
  const kmsClient =
    activationId === null
      ? { machine: { ...machine, ...change }, products }
      : { machine, products: { ...products, [activationId]: { ...products[activationId], ...change } } };
  return { ...state, kmsClient };
}

/** @throws {AvmaError} `key-not-installed`. */
function changeInstalled(
  state: GuestState,
  activationId: string,
  change: (installed: InstalledProduct) => InstalledProduct,
): GuestState {
  const installed = state.products[activationId];
  if (installed === undefined || installed.partialProductKey === null) {
    throw new AvmaError('key-not-installed', `no key is installed for product ${activationId}`);
  }
  return { ...state, products: { ...state.products, [activationId]: change(installed) } };
}
