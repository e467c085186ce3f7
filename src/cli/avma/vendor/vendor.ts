import { Command } from 'commander';
import type { Context } from '../context.ts';
import { vendorCatalogCommand } from './catalog.ts';
import { certifyCommand } from './certify.ts';
import { initCommand } from './init.ts';
import { vendorLicenseCommand } from './license.ts';
import { vendorLogCommand } from './log.ts';
import { passphraseCommand } from './passphrase.ts';
import { productCommand } from './product.ts';
import { vendorReportCommand } from './report.ts';
import { revokeCommand } from './revoke.ts';
import { rotateCommand } from './rotate.ts';

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
