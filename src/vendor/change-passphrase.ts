import fs from 'node:fs';
import { toAvmaError } from '../errors/avma-error.ts';
import type { KeyPair } from '../protocol/curve-keys.ts';
import { replaceFile } from '../storage/atomic-file.ts';
import { rootKeyText } from './root-key.ts';

/**
 * Writes `root.key` anew, sealed with a passphrase or without one; the key stays the same. Of a link, the file that it
 * leads to is replaced: the link alone would leave the old one where it is.
 *
 * @throws {AvmaError} `passphrase-missing`, `argument-invalid` for a weak one; `access-denied`, `disk-full`,
 *   `io-error`. The file is then as it was.
 */
export function changePassphrase(keyFile: string, keyPair: KeyPair, passphrase: string | undefined): void {
  const text = rootKeyText(keyPair, passphrase);
  let file: string;
  try {
    file = fs.realpathSync(keyFile);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot write ${keyFile}`);
  }
  replaceFile(file, text, 0o600);
}
