import type { Product } from '../catalog/product.ts';
import { partialProductKey } from '../catalog/product-key.ts';
import { AvmaError } from '../errors/avma-error.ts';
import type { ClockReading } from '../machine/clock.ts';
import { MAX_INSTANT } from '../schema/shapes.ts';
import type { ActivationResult } from './exchange.ts';
import {
  type GuestState,
  type InstalledProduct,
  type LastAttempt,
  type RearmScope,
  rearmCount,
  type SetupRecord,
} from './guest-state.ts';
import type { KmsClientSettings } from './licensing-service.ts';
import { deriveProductIdentity, guestIaid, type ProductIdentity } from './product-identity.ts';
import { anchorClock, trustedTime } from './trusted-time.ts';

/** The changes that commands make to the guest's state. All are pure: they return a new state. */

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
    lastAttempt: before?.lastAttempt,
  };
  return { ...state, products };
}

/** The product's numbers: those of the first installation on this machine. A clone gets numbers of its own. */
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

/** Remembers what was applied of a setup, in place of what was remembered of the same `what`. */
export function rememberSetup(state: GuestState, records: readonly SetupRecord[]): GuestState {
  if (records.length === 0) return state;
  const kept = (state.setup ?? []).filter(({ what }) => records.every((record) => record.what !== what));
  return { ...state, setup: [...kept, ...records] };
}

/** Takes the product's key and lease away. @throws {AvmaError} `key-not-installed`. */
export function uninstallKey(state: GuestState, activationId: string): GuestState {
  return changeInstalled(state, activationId, withoutKey);
}

function withoutKey(installed: InstalledProduct): InstalledProduct {
  return {
    ...installed,
    productKey: null,
    partialProductKey: null,
    activation: null,
    lastAttempt: undefined,
  };
}

/** Removes the full keys. Their last five characters and the leases stay. */
export function clearKeys(state: GuestState): GuestState {
  const products: Record<string, InstalledProduct> = {};
  for (const [activationId, installed] of Object.entries(state.products)) {
    products[activationId] = { ...installed, productKey: null };
  }
  return { ...state, products };
}

/**
 * Stores a verified lease and anchors the clock to it. The beginnings of all graces move by the same correction, so
 * that a wrong clock that is corrected makes no grace longer or shorter.
 *
 * @throws {AvmaError} `key-not-installed` if the key was uninstalled while the host was asked.
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
    activation: result.evidence,
  }));
  const products: Record<string, InstalledProduct> = {};
  for (const [id, installed] of Object.entries(anchored.products)) {
    products[id] = { ...installed, graceStartedAt: withinInstants(installed.graceStartedAt + correction) };
  }
  return { ...anchored, products, clock: anchor, host: result.evidence.certificate };
}

/** The nearest moment that the state can hold: the grace of a sealed image begins at its last one. */
function withinInstants(time: number): number {
  return Math.min(Math.max(0, time), MAX_INSTANT);
}

/**
 * Starts the license states again from the initial grace and takes one from the counter.
 *
 * @param inScope - The products to reset, with or without a key.
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
    throw new AvmaError('rearm-exhausted', 'the license state has been reset as often as it may be');
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

/** Records how an activation went, if the product has a key. */
export function recordAttempt(state: GuestState, activationId: string, lastAttempt: LastAttempt): GuestState {
  const installed = state.products[activationId];
  if (installed === undefined || installed.partialProductKey === null) return state;
  return { ...state, products: { ...state.products, [activationId]: { ...installed, lastAttempt } } };
}

/** Changes KMS settings: of the machine when `activationId` is null. */
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
