import type { ProductReport } from '../../../guest/license-report.ts';
import { expirationLines } from '../expiration-text.ts';
import { productLines, type ReportDetail, serviceVersionLine } from '../license-report-text.ts';
import { PRODUCT_KEY_NOT_FOUND } from '../messages.ts';
import { expiringProducts, reportedByDefault, withActivationId } from '../product-selection.ts';
import { adviseToInstallKey } from './advice.ts';
import type { Invocation } from './handler.ts';

/** /dli */
export function shortReport(invocation: Invocation): Promise<void> {
  return report(invocation, 'short');
}

/** /dlv */
export function fullReport(invocation: Invocation): Promise<void> {
  return report(invocation, 'full');
}

async function report(invocation: Invocation, detail: ReportDetail): Promise<void> {
  const { values, openService, print, explain } = invocation;
  const licensing = await openService();
  const service = licensing.service();
  if (detail === 'full') print(serviceVersionLine(service));
  const { products, separated } = select(await licensing.products(), values[0]);
  if (products.length === 0) {
    print(PRODUCT_KEY_NOT_FOUND);
    return adviseToInstallKey(invocation, values[0]);
  }
  for (const product of products) {
    print(...productLines(product, service, detail));
    if (separated) print('');
  }
  explain(products);
}

/** slmgr prints an empty line after each product, but not after one that was asked for by its Activation ID. */
function select(
  products: readonly ProductReport[],
  argument: string | undefined,
): { products: readonly ProductReport[]; separated: boolean } {
  if (!argument) return { products: reportedByDefault(products), separated: true };
  if (argument.toLowerCase() === 'all') return { products, separated: true };
  const product = withActivationId(products, argument);
  return { products: product === undefined ? [] : [product], separated: false };
}

/** /xpr */
export async function expiration(invocation: Invocation): Promise<void> {
  const { values, openService, now, print, explain } = invocation;
  const products = expiringProducts(await (await openService()).products(), values[0]);
  if (products.length === 0) {
    print(PRODUCT_KEY_NOT_FOUND);
    return adviseToInstallKey(invocation, values[0]);
  }
  const time = now();
  print(...products.flatMap((product) => expirationLines(product, time)));
  explain(products);
}
