import type { Command } from 'commander';
import { openVendorRoot, type VendorRoot } from '../../../vendor/trust-root.ts';
import { misplaced } from '../file-kinds.ts';
import { askPassphrase } from '../passphrase.ts';

/** What every command that signs is told of the vendor's root. */
export interface RootOptions {
  readonly key: string;
  readonly passphraseFile?: string;
  readonly log?: string;
}

/** The options of a command that signs with the vendor's root. */
export function addRootOptions(command: Command): Command {
  return command
    .requiredOption('--key <file>', 'the private key, root.key')
    .option('--passphrase-file <file>', "the key's passphrase is the first line of this file; - for stdin")
    .option('--log <file>', 'the vendor log (default: vendor-log.jsonl beside the key)');
}

/** The root of {@link addRootOptions}; asks for the passphrase of a key that has one. @throws {AvmaError} */
export async function openRoot({ key, passphraseFile, log }: RootOptions): Promise<VendorRoot> {
  try {
    return await openVendorRoot(key, {
      passphrase: (keyFile) => askPassphrase(keyFile, passphraseFile),
      logFile: log,
    });
  } catch (thrown) {
    throw misplaced(thrown, key, 'root-key', 'private-key');
  }
}
