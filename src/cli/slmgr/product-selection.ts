import type { ProductReport } from '../../guest/license-report.ts';

/** The application whose products slmgr means when no Activation ID is given. */
const WINDOWS_APPLICATION_ID = '55c92734-d682-4d71-983e-d6ec3f16059f';

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

/** What a command acts on: the keyed product of the ID, else the keyed Windows products that are not add-ons. */
export function actedOn(products: readonly ProductReport[], activationId?: string): ProductReport[] {
  if (activationId) return keyed(withActivationId(products, activationId));
  return products.filter((product) => hasKey(product) && isWindows(product) && !product.isAddon);
}

/** What /xpr speaks of: as {@link actedOn}, with the add-ons of Windows. */
export function expiring(products: readonly ProductReport[], activationId?: string): ProductReport[] {
  if (activationId) return keyed(withActivationId(products, activationId));
  return products.filter((product) => hasKey(product) && isWindows(product));
}

/** What /dli and /dlv show without an argument: the Windows product and the keyed add-ons of any application. */
export function reportedByDefault(products: readonly ProductReport[]): ProductReport[] {
  return products.filter((product) => hasKey(product) && (isWindows(product) || product.isAddon));
}

function keyed(product: ProductReport | undefined): ProductReport[] {
  return product !== undefined && hasKey(product) ? [product] : [];
}
