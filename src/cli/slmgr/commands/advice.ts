import type { Invocation } from './handler.ts';

/**
 * After `Error: product not found.` and `Error: product key not found.`, which do not say that a product key is
 * missing.
 */
export function adviseToInstallKey({ advise }: Pick<Invocation, 'advise'>, activationId?: string): void {
  if (activationId) {
    advise({
      reason: `no product with the Activation ID ${activationId} has a key`,
      nextStep: 'List the products and their IDs: slmgr /dlv all',
    });
  } else {
    advise({ reason: 'no product key is installed', nextStep: 'Install one: slmgr /ipk KEY' });
  }
}
