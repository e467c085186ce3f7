import { Command } from 'commander';
import { createVendorRoot, filesOfNewRoot } from '../../../vendor/trust-root.ts';
import { say, writeJson } from '../output.ts';
import { askNewPassphrase } from '../passphrase.ts';

interface InitOptions {
  readonly out: string;
  readonly name: string;
  readonly passphrase?: boolean;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

/** `avma vendor init`. */
export function initCommand(): Command {
  return new Command('init')
    .description('Create a trust root: a private key, and the trust anchor that goes to the guests')
    .requiredOption('--out <folder>', 'folder for root.key and root.pub.json')
    .option('--name <name>', "the vendor's name, as guests show it", 'vendor')
    .option('--passphrase', 'seal the private key with a passphrase, which is asked for')
    .option('--passphrase-file <file>', 'seal it with the first line of this file; - for stdin')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Example:
  avma vendor init --out ~/avma-vendor --name "Example Ltd" --passphrase`,
    )
    .action(init);
}

async function init({ out, name, passphrase, passphraseFile, json }: InitOptions): Promise<void> {
  const isSealed = passphrase === true || passphraseFile !== undefined;
  // Nobody should have to think of a passphrase for a root that is there already.
  const { keyFile: newKeyFile } = filesOfNewRoot(out);
  const { keyId, keyFile, anchorFile } = createVendorRoot({
    folder: out,
    name,
    passphrase: isSealed
      ? await askNewPassphrase(newKeyFile, passphraseFile, '--passphrase-file FILE')
      : undefined,
    now: Date.now(),
  });
  if (json === true) {
    writeJson('avma.vendor-init/1', { name, keyId, keyFile, anchorFile, passphrase: isSealed });
    return;
  }
  const width = Math.max(keyFile.length, anchorFile.length);
  say(
    `Created the trust root ${keyId} of vendor "${name}":`,
    `  ${keyFile.padEnd(width)}  the private key. Keep it: whoever has it can license anything as you.`,
    `  ${anchorFile.padEnd(width)}  the trust anchor. It goes to every guest: avma guest trust add root.pub.json`,
    ...(isSealed ? [] : [`The key has no passphrase: avma vendor passphrase --key ${keyFile} gives it one.`]),
    'Next: describe your product. avma vendor product add --catalog FILE --name NAME --product-version VERSION',
    `Or certify a host: avma vendor certify REQUEST --key ${keyFile}`,
  );
}
