import {
  CLEARED_PRODUCT_KEY,
  installedProductKey,
  PRODUCT_KEY_NOT_FOUND,
  UNINSTALLED_PRODUCT_KEY,
} from '../messages.ts';
import { targetsOf } from '../product-selection.ts';
import { adviseToInstallKey } from './advice.ts';
import type { Invocation } from './handler.ts';

/** /ipk */
export async function installProductKey({ values, openService, print, advise }: Invocation): Promise<void> {
  const key = values[0] as string;
  // Installing a key is the way out of a damaged state: what the file held is lost anyway.
  const { activationError } = await (await openService({ recover: true })).installProductKey(key);
  print(installedProductKey(key));
  if (activationError !== null) {
    advise({
      reason: `the key is installed, but not activated: ${activationError.message}`,
      nextStep: `${activationError.hint} Then activate: slmgr /ato`,
      error: activationError,
    });
  }
}

/** /upk */
export async function uninstallProductKey(invocation: Invocation): Promise<void> {
  const { values, openService, print } = invocation;
  const service = await openService();
  const products = targetsOf(await service.products(), values[0]);
  if (products.length === 0) {
    print(PRODUCT_KEY_NOT_FOUND);
    return adviseToInstallKey(invocation, values[0]);
  }
  for (const product of products) await service.uninstallProductKey(product.activationId);
  print(UNINSTALLED_PRODUCT_KEY);
}

/** /cpky */
export async function clearProductKey({ openService, print }: Invocation): Promise<void> {
  await (await openService()).clearProductKey();
  print(CLEARED_PRODUCT_KEY);
}
