import { AvmaError } from '../../../errors/avma-error.ts';
import { COMMAND_COMPLETED, PLEASE_RESTART, PRODUCT_NOT_FOUND } from '../messages.ts';
import { withActivationId } from '../product-selection.ts';
import type { Invocation } from './handler.ts';

/** /rearm */
export async function rearmWindows({ openService, print }: Invocation): Promise<void> {
  await (await openService()).rearmWindows();
  print(COMMAND_COMPLETED, PLEASE_RESTART);
}

/** /rearm-app */
export async function rearmApplication({ values, openService, print }: Invocation): Promise<void> {
  const service = await openService();
  const applicationId = (values[0] as string).toLowerCase();
  // On Windows a failing call is an uncaught script error here. An error line is more useful.
  if (!(await service.products()).some((product) => product.applicationId.toLowerCase() === applicationId)) {
    throw new AvmaError('argument-invalid', `no product belongs to the application ${applicationId}`);
  }
  await service.rearmApplication(applicationId);
  print(COMMAND_COMPLETED);
}

/** /rearm-sku. Whether Windows requires a key on the product is not known; this service does not. */
export async function rearmProduct({ values, openService, print }: Invocation): Promise<void> {
  const service = await openService();
  const product = withActivationId(await service.products(), values[0] as string);
  if (product === undefined) return print(PRODUCT_NOT_FOUND);
  await service.rearmProduct(product.activationId);
  print(COMMAND_COMPLETED);
}
