import { isNamed, listKnownProducts, listProducts } from '../catalog/product-name.ts';
import { AvmaError } from '../errors/avma-error.ts';
import type { LicenseEvidence } from '../protocol/evidence.ts';
import { inTurn, productToActivate } from './activation.ts';
import { askHost } from './asking.ts';
import { type GuestContext, readBasis, readCatalog } from './context.ts';
import type { GuestState } from './guest-state.ts';

/** What a program wants to have attested. */
export interface AttestationRequest {
  /** An activation ID, an edition, or the end of a key; null for the only product that a host activates here. */
  readonly product: string | null;
  /** The program's own number, as `nonceHex` has it. */
  readonly nonce: string;
}

/**
 * Fresh evidence of a license with a program's own number in it: an exchange as for an activation, verified in the same
 * way. No lease is stored, and no event says so; what the host hands on about whom to trust is kept as ever.
 *
 * @throws {AvmaError} `argument-invalid` where several products are meant, `key-not-installed`, `channel-unsupported`;
 *   what the pipe and the host's answer fail with.
 */
export function attest(
  context: GuestContext,
  { product: wanted, nonce }: AttestationRequest,
): Promise<LicenseEvidence> {
  return inTurn(context, async () => {
    const basis = readBasis(context);
    const product = productToActivate(context, basis, meantProduct(context, basis.state, wanted));
    const { outcome } = await askHost(context, product, basis, { trigger: 'attestation', nonce });
    if (outcome.kind === 'failed') throw outcome.error;
    return outcome.result.evidence;
  });
}

/** The activation ID of the product that is meant, of those that have a key. */
function meantProduct(context: GuestContext, { products }: GuestState, wanted: string | null): string {
  const keyed = readCatalog(context).products.flatMap((product) => {
    const partialProductKey = products[product.activationId]?.partialProductKey ?? null;
    return partialProductKey === null ? [] : [{ ...product, partialProductKey }];
  });
  const meant = keyed.filter((product) =>
    wanted === null ? product.channel === 'VT:IA' : isNamed(product, wanted),
  );
  const [first] = meant;
  if (first !== undefined && meant.length === 1) return first.activationId;
  if (first !== undefined) {
    throw new AvmaError('argument-invalid', `several products may be meant: ${listProducts(meant)}`, {
      hint: 'Name the product by its activation ID.',
    });
  }
  const which = wanted === null ? 'that a host activates' : `"${wanted}"`;
  const known = keyed.length === 0 ? '' : `; keys are installed for ${listKnownProducts(keyed)}`;
  throw new AvmaError('key-not-installed', `no key is installed here for a product ${which}${known}`);
}
