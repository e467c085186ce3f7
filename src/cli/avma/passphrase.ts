import { AvmaError } from '../../errors/avma-error.ts';
import { printable } from '../../schema/printable.ts';
import { readBoundedFile } from '../../storage/read-file.ts';
import { HiddenPrompt } from '../hidden-prompt.ts';

/** The longest file with a passphrase, in bytes. */
const MAX_PASSPHRASE_BYTES = 4096;

/** The first line of a file: an editor ends it with a newline, which is no part of the passphrase. */
function readPassphraseFile(file: string): string {
  const text = readBoundedFile(file, MAX_PASSPHRASE_BYTES).toString('utf8');
  const [line = ''] = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (line === '') throw new AvmaError('passphrase-missing', `the first line of ${file} is empty`);
  return line;
}

/**
 * The passphrase of a key that has one, from the file if one was named, else from the terminal.
 *
 * @throws {AvmaError} `passphrase-missing` where there is neither, and for an empty one; as `readBoundedFile`.
 */
export async function askPassphrase(keyFile: string, file: string | undefined): Promise<string> {
  if (file !== undefined) return readPassphraseFile(file);
  return withPrompt(keyFile, '--passphrase-file FILE', async (prompt) => {
    const passphrase = await prompt.ask(`Passphrase of ${printable(keyFile)}: `);
    if (passphrase) return passphrase;
    throw new AvmaError('passphrase-missing', `no passphrase was given for ${keyFile}`);
  });
}

/**
 * A new passphrase, from the file if one was named, else from the terminal, where it is asked for twice.
 *
 * @param option - The option that names the file, for hints.
 * @throws {AvmaError} `passphrase-missing`; `argument-invalid` for two that are not equal; as `readBoundedFile`.
 */
export async function askNewPassphrase(
  keyFile: string,
  file: string | undefined,
  option: string,
): Promise<string> {
  if (file !== undefined) return readPassphraseFile(file);
  return withPrompt(keyFile, option, async (prompt) => {
    const passphrase = await prompt.ask(`New passphrase of ${printable(keyFile)}: `);
    if (!passphrase) throw new AvmaError('passphrase-missing', `no passphrase was given for ${keyFile}`);
    if ((await prompt.ask('Once more: ')) === passphrase) return passphrase;
    throw new AvmaError('argument-invalid', 'the two passphrases are not the same', {
      hint: 'Run the command again, and give the same passphrase twice.',
    });
  });
}

async function withPrompt<T>(
  keyFile: string,
  option: string,
  work: (prompt: HiddenPrompt) => Promise<T>,
): Promise<T> {
  const prompt = HiddenPrompt.open();
  if (prompt === null) {
    throw new AvmaError(
      'passphrase-missing',
      `${keyFile} needs a passphrase, and there is no terminal to ask on`,
      {
        hint: `Put the passphrase in a file that only you can read, and name it: ${option}.`,
      },
    );
  }
  try {
    return await work(prompt);
  } finally {
    prompt.close();
  }
}
