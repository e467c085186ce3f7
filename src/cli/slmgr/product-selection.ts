import type { ProductReport } from '../../guest/license-report.ts';
import { WINDOWS_APPLICATION_ID } from '../../policy/windows.ts';

/** True for a product of the Windows application. Application IDs are compared in lower case. */
export function isWindows(product: ProductReport): boolean {
  return product.applicationId.toLowerCase() === WINDOWS_APPLICATION_ID;
}

/** Whether the product belongs to a channel. slmgr.vbs looks for the channel's name anywhere in the description. */
export function isChannel(
  product: ProductReport,
  channel: 'TIMEBASED_' | 'VIRTUAL_MACHINE_ACTIVATION' | 'VOLUME_KMSCLIENT',
): boolean {
  return product.description.includes(channel);
}

/**
 * Whether the product is activated by a multiple activation key. slmgr.vbs looks for `MAK` anywhere in the description
 * here too. That would take a vendor's "DATAMAKER" for one, whose lease would then never be renewed, so `MAK` must not
 * be part of a longer word here, as in `VOLUME_MAK` or `RETAIL(MAK)`, and the key must not be a guest's.
 */
export function isMak(product: ProductReport): boolean {
  return (
    /(?<![A-Za-z0-9])MAK(?![A-Za-z0-9])/.test(product.description) && product.productKeyChannel !== 'VT:IA'
  );
}

/** The product with this Activation ID, typed in any case, with or without a key. */
export function withActivationId(
  products: readonly ProductReport[],
  activationId: string,
): ProductReport | undefined {
  return products.find((product) => product.activationId.toLowerCase() === activationId.toLowerCase());
}

/** The products that a command changes: the one of the Activation ID, else the default products without add-ons. */
export function targetsOf(products: readonly ProductReport[], activationId?: string): ProductReport[] {
  if (activationId) return withKeyAndId(products, activationId);
  return defaultProducts(products).filter((product) => !product.isAddon);
}

/** The products that /xpr reports: as {@link targetsOf}, with the application's add-ons. */
export function expiringProducts(products: readonly ProductReport[], activationId?: string): ProductReport[] {
  return activationId ? withKeyAndId(products, activationId) : defaultProducts(products);
}

/** The products that /dli and /dlv show without an argument: the default ones, and add-ons of any application. */
export function reportedByDefault(products: readonly ProductReport[]): ProductReport[] {
  const main = defaultProducts(products);
  return withKey(products).filter((product) => main.includes(product) || product.isAddon);
}

/**
 * The products that slmgr acts on when no Activation ID is given: those of the Windows application that have a key. A
 * vendor's appliance has an application ID of its own and no Windows beside it. There, they are the products that a
 * virtualization host activates.
 */
function defaultProducts(products: readonly ProductReport[]): ProductReport[] {
  const candidates = withKey(products);
  const windows = candidates.filter(isWindows);
  if (windows.some((product) => !product.isAddon)) return windows;
  return candidates.filter(
    (product) => isWindows(product) || isChannel(product, 'VIRTUAL_MACHINE_ACTIVATION'),
  );
}

function withKeyAndId(products: readonly ProductReport[], activationId: string): ProductReport[] {
  const product = withActivationId(withKey(products), activationId);
  return product === undefined ? [] : [product];
}

function withKey(products: readonly ProductReport[]): ProductReport[] {
  return products.filter(({ partialProductKey }) => partialProductKey !== null);
}
