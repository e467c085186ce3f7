import { HRESULT } from '../../../errors/hresult.ts';
import { LicenseStatus, type ProductReport } from '../../../guest/license-report.ts';
import type { LicensingService } from '../../../guest/licensing-service.ts';
import {
  ACTIVATED,
  ACTIVATION_FAILED,
  activating,
  depositedConfirmationId,
  EXTENDED_GRACE,
  installationId,
  NON_GENUINE_GRACE,
  NON_GENUINE_NOTIFICATION,
  PRODUCT_NOT_FOUND,
  TOKEN_ACTIVATION_ONLY,
} from '../messages.ts';
import { isMak, targetsOf, withActivationId } from '../product-selection.ts';
import { adviseToInstallKey } from './advice.ts';
import type { Invocation } from './handler.ts';

const TOKEN_ONLY = 3;
const NOT_GENUINE = HRESULT.SL_E_NOT_GENUINE;

/** /ato */
export async function activate(invocation: Invocation): Promise<void> {
  const { values, openService, print } = invocation;
  const service = await openService();
  const products = targetsOf(await service.products(), values[0]);
  if (products.length === 0) {
    print(PRODUCT_NOT_FOUND);
    return adviseToInstallKey(invocation, values[0]);
  }
  for (const product of products) {
    if (product.kmsClient.activationTypeEnabled === TOKEN_ONLY) {
      print(TOKEN_ACTIVATION_ONLY);
      continue;
    }
    print(activating(product.name, product.activationId));
    if (!isActivatedMak(product)) await service.activate(product.activationId);
    print(...outcomeLines(await again(service, product), ACTIVATED));
  }
}

/** /dti */
export async function showInstallationId({ values, openService, print }: Invocation): Promise<void> {
  const products = targetsOf(await (await openService()).products(), values[0]);
  if (products.length === 0) return print(PRODUCT_NOT_FOUND);
  print(...products.map((product) => installationId(product.installationId)));
}

/** /atp */
export async function depositConfirmationId({ values, openService, print }: Invocation): Promise<void> {
  const service = await openService();
  const [confirmationId, activationId] = values as [string, string?];
  const products = targetsOf(await service.products(), activationId);
  if (products.length === 0) return print(PRODUCT_NOT_FOUND);
  for (const product of products) {
    await service.depositConfirmationId(product.activationId, confirmationId);
    print(...outcomeLines(await again(service, product), depositedConfirmationId(product.activationId)));
  }
}

/** An activation by a multiple activation key does not end, and each further one would use up its count. */
function isActivatedMak(product: ProductReport): boolean {
  return isMak(product) && product.license.status === LicenseStatus.licensed;
}

async function again(service: LicensingService, product: ProductReport): Promise<ProductReport> {
  return withActivationId(await service.products(), product.activationId) ?? product;
}

/** What slmgr prints after a call that succeeded, by the license status that the product has then. */
function outcomeLines({ license }: ProductReport, licensed: string): string[] {
  switch (license.status) {
    case LicenseStatus.licensed:
      return [licensed];
    case LicenseStatus.extendedGrace:
      return [ACTIVATED, EXTENDED_GRACE];
    case LicenseStatus.nonGenuineGrace:
      return [NON_GENUINE_GRACE];
    case LicenseStatus.notification:
      return [license.reason >>> 0 === NOT_GENUINE ? NON_GENUINE_NOTIFICATION : ACTIVATION_FAILED];
    default:
      return [ACTIVATION_FAILED];
  }
}
