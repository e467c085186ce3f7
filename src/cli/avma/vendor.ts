import { Command } from 'commander';
import type { Context } from './context.ts';
import { vendorCatalogCommand } from './vendor-catalog.ts';
import { certifyCommand } from './vendor-certify.ts';
import { initCommand } from './vendor-init.ts';
import { vendorLicenseCommand } from './vendor-license.ts';
import { vendorLogCommand } from './vendor-log.ts';
import { passphraseCommand } from './vendor-passphrase.ts';
import { productCommand } from './vendor-product.ts';
import { vendorReportCommand } from './vendor-report.ts';
import { revokeCommand } from './vendor-revoke.ts';
import { rotateCommand } from './vendor-rotate.ts';

/** `avma vendor`. */
export function vendorCommand(context: Context): Command {
  const vendor = new Command('vendor').description(
    "The vendor's tools: the trust root, products, and all that is signed",
  );
  for (const command of [
    initCommand(),
    productCommand(),
    vendorCatalogCommand(context),
    certifyCommand(context),
    vendorLicenseCommand(context),
    revokeCommand(),
    rotateCommand(),
    passphraseCommand(),
    vendorLogCommand(context),
    vendorReportCommand(context),
  ]) {
    vendor.addCommand(command);
  }
  return vendor;
}
