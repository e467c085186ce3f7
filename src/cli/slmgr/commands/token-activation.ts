import { AvmaError } from '../../../errors/avma-error.ts';
import { HRESULT } from '../../../errors/hresult.ts';
import { activating, NO_LICENSES_FOUND, PRODUCT_NOT_FOUND } from '../messages.ts';
import { targetsOf } from '../product-selection.ts';
import type { Invocation } from './handler.ts';

const CERTIFICATE_NOT_FOUND = HRESULT.CRYPT_E_NOT_FOUND;

/** /lil and /ril. Whether Windows prints its heading before this is not known. */
export function noIssuanceLicenses({ print }: Invocation): void {
  print(NO_LICENSES_FOUND);
}

/** /ltc: slmgr prints nothing when there is no certificate to use. */
export function noTokenCertificates(): void {}

/** /fta. What Windows prints for an unknown thumbprint is not known. CRYPT_E_NOT_FOUND says that there is none. */
export async function forceTokenActivation({ values, openService, print }: Invocation): Promise<void> {
  const [product] = targetsOf(await (await openService()).products());
  if (product === undefined) return print(PRODUCT_NOT_FOUND);
  print(activating(product.name, product.activationId));
  throw new AvmaError('argument-invalid', `no certificate has the thumbprint ${values[0]}`, {
    hresult: CERTIFICATE_NOT_FOUND,
    hint: 'There is no token-based activation here: activate with slmgr /ato.',
  });
}
