import fs from 'node:fs';
import { AvmaError } from '../../errors/avma-error.ts';
import { type FileKind, identifyFile } from '../../protocol/identify-file.ts';
import { readInput } from './input.ts';

/** What each kind of file is called, with its article. */
export const KIND_NAMES: Readonly<Record<FileKind, string>> = {
  'host-request': 'a host request',
  'host-certificate': 'a host certificate',
  license: 'a customer license',
  revocations: 'a revocation list',
  'trust-update': 'a trust update',
  catalog: 'a catalog',
  answer: "a host's answer",
  'usage-report': 'a usage report',
  'trust-anchor': 'a trust anchor',
  evidence: 'evidence of a license',
  'signed-lease': 'a lease of an earlier version',
  'license-file': 'a license file',
  setup: 'a setup file',
  host: "a host's name and hardware ID",
  'host-keys': "a host's private keys",
  'site-key': "a site's key for pseudonyms",
  'root-key': "a vendor's private key",
  'private-key': 'a private key',
  'guest-state': "a guest's state",
  ledger: "a host's ledger",
  'vendor-log': "a vendor's log of signatures",
  events: 'a log of events',
  output: 'JSON that a command of avma printed',
  unknown: 'unknown',
};

/** What to do with a file that was given to the wrong command, with FILE in the place of its name. */
const USES: Partial<Record<FileKind, string>> = {
  'host-request': 'It is for the vendor: avma vendor certify FILE --key root.key',
  'host-certificate': 'It is for its host: avma host activate FILE',
  license: "It is for the customer's hosts: avma host license add FILE",
  revocations:
    'It is for hosts: avma host revocations add FILE. A guest takes it with avma guest trust add FILE',
  'trust-update':
    'It is for hosts: avma host trust add FILE. A guest takes it with avma guest trust add FILE',
  catalog: 'A guest takes it with avma guest catalog add FILE, a host with avma host receive FILE',
  'usage-report': 'It is for the vendor: avma vendor report show FILE',
  'trust-anchor': 'It is for guests: avma guest trust add FILE',
  setup: 'It is for a guest: avma guest apply FILE',
  'host-keys': 'It is secret: leave it where it is.',
  'site-key': 'It is secret. It is for the other hosts of the site: avma host site-key import FILE',
  'root-key': 'It is secret: keep it where it was made. What others get is root.pub.json, beside it.',
  'private-key': 'It is secret: keep it where it was made. What others get is root.pub.json, beside it.',
};

/**
 * The error to show for a file that a command could not take: when the file is of another kind than the command wants,
 * or empty, one of the same code that says so, and which command takes it. Otherwise `thrown`.
 */
export function misplaced(thrown: unknown, file: string, ...wanted: readonly FileKind[]): unknown {
  if (!(thrown instanceof AvmaError) || !fs.statSync(file, { throwIfNoEntry: false })?.isFile())
    return thrown;
  let bytes: Buffer;
  try {
    bytes = readInput(file);
  } catch {
    return thrown;
  }
  const name = KIND_NAMES[wanted[0] ?? 'unknown'];
  const { code, hint } = thrown;
  if (bytes.length === 0) {
    return new AvmaError(code, `${file} is empty, and not ${name}`, { hint, cause: thrown });
  }
  const { kind } = identifyFile(bytes);
  if (kind === 'unknown' || wanted.includes(kind)) return thrown;
  return new AvmaError(code, `${file} is ${KIND_NAMES[kind]}, not ${name}`, {
    hint: (USES[kind] ?? 'See what it says: avma inspect FILE').replaceAll('FILE', () => file),
    cause: thrown,
  });
}

/** What `read` makes of a file; its error as {@link misplaced} says it. @throws {AvmaError} */
export function readAs<T>(file: string, wanted: readonly FileKind[], read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw misplaced(thrown, file, ...wanted);
  }
}
