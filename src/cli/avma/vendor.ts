import { Command } from 'commander';
import { createVendorRoot } from '../../vendor/trust-root.ts';
import type { Context } from './context.ts';
import { say, writeJson } from './output.ts';
import { vendorCatalogCommand } from './vendor-catalog.ts';
import { certifyCommand } from './vendor-certify.ts';
import { productCommand } from './vendor-product.ts';

interface InitOptions {
  readonly out: string;
  readonly name: string;
  readonly json?: boolean;
}

/** `avma vendor`. */
export function vendorCommand(context: Context): Command {
  const vendor = new Command('vendor').description(
    "The vendor's tools: trust root, products, host certificates",
  );
  vendor
    .command('init')
    .description('Create a trust root: a private key, and the trust anchor that goes to the guests')
    .requiredOption('--out <folder>', 'folder for root.key and root.pub.json')
    .option('--name <name>', "the vendor's name, as guests show it", 'vendor')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Example:
  avma vendor init --out ~/avma-vendor --name "Example Ltd"`,
    )
    .action(init);
  vendor.addCommand(productCommand());
  vendor.addCommand(vendorCatalogCommand(context));
  vendor.addCommand(certifyCommand(context));
  return vendor;
}

function init({ out, name, json }: InitOptions): void {
  const { keyId, keyFile, anchorFile } = createVendorRoot({ folder: out, name, now: Date.now() });
  if (json === true) {
    writeJson('avma.vendor-init/1', { name, keyId, keyFile, anchorFile });
    return;
  }
  const width = Math.max(keyFile.length, anchorFile.length);
  say(
    `Created the trust root ${keyId} of vendor "${name}":`,
    `  ${keyFile.padEnd(width)}  the private key. Keep it: whoever has it can license anything as you.`,
    `  ${anchorFile.padEnd(width)}  the trust anchor. It goes to every guest: avma guest trust add root.pub.json`,
    `Next: certify a host. avma vendor certify REQUEST --key ${keyFile}`,
  );
}
