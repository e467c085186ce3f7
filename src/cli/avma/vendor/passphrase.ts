import { Command } from 'commander';
import { AvmaError } from '../../../errors/avma-error.ts';
import { keyId } from '../../../protocol/envelope.ts';
import { changePassphrase } from '../../../vendor/change-passphrase.ts';
import { readRootKey, unsealRootKey } from '../../../vendor/root-key.ts';
import { say, writeJson } from '../output.ts';
import { askNewPassphrase, askPassphrase } from '../passphrase.ts';

interface PassphraseOptions {
  readonly key: string;
  readonly passphraseFile?: string;
  readonly newPassphraseFile?: string;
  readonly remove?: boolean;
  readonly json?: boolean;
}

/** `avma vendor passphrase`. */
export function passphraseCommand(): Command {
  return new Command('passphrase')
    .description('Give root.key a passphrase, change it, or take it away; the key itself stays the same')
    .requiredOption('--key <file>', 'the private key, root.key')
    .option('--passphrase-file <file>', 'the present passphrase is the first line of this file; - for stdin')
    .option('--new-passphrase-file <file>', 'the new passphrase is the first line of this file')
    .option('--remove', 'take the passphrase away')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Without the files, the passphrases are asked for on the terminal.
A lost passphrase is a lost key: keep a copy of it apart from the key.

Examples:
  avma vendor passphrase --key root.key
  avma vendor passphrase --key root.key --remove`,
    )
    .action(setPassphrase);
}

async function setPassphrase(options: PassphraseOptions): Promise<void> {
  const { key: file, passphraseFile, newPassphraseFile, remove = false, json } = options;
  if (remove && newPassphraseFile !== undefined) {
    throw new AvmaError('argument-invalid', '--remove and --new-passphrase-file contradict each other');
  }
  const stored = readRootKey(file);
  const keyPair = stored.sealed
    ? unsealRootKey(stored, await askPassphrase(file, passphraseFile))
    : stored.keyPair;
  const passphrase = remove
    ? undefined
    : await askNewPassphrase(file, newPassphraseFile, '--new-passphrase-file FILE');
  // A key without one that is to have none is left as it is.
  if (stored.sealed || !remove) changePassphrase(file, keyPair, passphrase);
  if (json === true) {
    writeJson('avma.vendor-passphrase/1', {
      keyFile: file,
      keyId: keyId(keyPair.publicKey),
      passphrase: !remove,
    });
    return;
  }
  say(
    `${file} ${remove ? 'has no passphrase' : stored.sealed ? 'has a new passphrase' : 'has a passphrase now'}.`,
  );
  if (!stored.sealed && !remove) {
    say('Copies and backups of the file are still without one, and the disk may still hold its old bytes.');
  }
}
