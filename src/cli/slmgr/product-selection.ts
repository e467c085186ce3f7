import type { ProductReport } from '../../guest/license-report.ts';
import { WINDOWS_APPLICATION_ID } from '../../policy/windows.ts';

export function isWindows(product: ProductReport): boolean {
  return product.applicationId.toLowerCase() === WINDOWS_APPLICATION_ID;
}

function hasKey(product: ProductReport): boolean {
  return product.partialProductKey !== null;
}

/** Whether the product belongs to a channel, which slmgr tells by its description and nothing else. */
export function isChannel(
  product: ProductReport,
  channel: 'TIMEBASED_' | 'VIRTUAL_MACHINE_ACTIVATION' | 'VOLUME_KMSCLIENT' | 'MAK',
): boolean {
  return product.description.includes(channel);
}

/** The product with this Activation ID, typed in any case, keyed or not. */
export function withActivationId(
  products: readonly ProductReport[],
  activationId: string,
): ProductReport | undefined {
  return products.find((product) => product.activationId.toLowerCase() === activationId.toLowerCase());
}

/** What a command acts on: the keyed product of the ID, else the keyed products that are meant, add-ons left out. */
export function targetsOf(products: readonly ProductReport[], activationId?: string): ProductReport[] {
  if (activationId) return keyed(withActivationId(products, activationId));
  return defaultProducts(products).filter((product) => !product.isAddon);
}

/** What /xpr speaks of: as {@link targetsOf}, with the application's add-ons. */
export function expiringProducts(products: readonly ProductReport[], activationId?: string): ProductReport[] {
  if (activationId) return keyed(withActivationId(products, activationId));
  return defaultProducts(products);
}

/** What /dli and /dlv show without an argument: the product that is meant and the keyed add-ons of any application. */
export function reportedByDefault(products: readonly ProductReport[]): ProductReport[] {
  const main = defaultProducts(products);
  return products.filter((product) => main.includes(product) || (hasKey(product) && product.isAddon));
}

/**
 * The keyed products that slmgr means when no Activation ID is given: those of the Windows application. A vendor's
 * appliance has an application ID of its own and no Windows beside it; there, the products that a virtualization
 * host activates are meant.
 */
function defaultProducts(products: readonly ProductReport[]): ProductReport[] {
  const withKey = products.filter(hasKey);
  const windows = withKey.filter(isWindows);
  if (windows.some((product) => !product.isAddon)) return windows;
  return withKey.filter((product) => isWindows(product) || isChannel(product, 'VIRTUAL_MACHINE_ACTIVATION'));
}

function keyed(product: ProductReport | undefined): ProductReport[] {
  return product !== undefined && hasKey(product) ? [product] : [];
}
