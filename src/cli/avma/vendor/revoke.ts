import { Command, Option } from 'commander';
import { AvmaError } from '../../../errors/avma-error.ts';
import { PAYLOAD_TYPES } from '../../../protocol/envelope.ts';
import {
  REVOCATION_REASONS,
  type RevocationList,
  type RevocationReason,
} from '../../../protocol/revocations.ts';
import { keyIdOf } from '../../../protocol/vendor-trust.ts';
import { counted } from '../../../schema/counted.ts';
import { isoInstant } from '../../../schema/format-time.ts';
import { summarizeSignature } from '../../../vendor/log-summary.ts';
import { signNextRevocations } from '../../../vendor/revocation-file.ts';
import { newestRevocations, REVOCATIONS_FILE, revokedList } from '../../../vendor/revoke.ts';
import { identityOf } from '../../../vendor/trust-root.ts';
import { readVendorLogIfAny, type VendorLogEntry } from '../../../vendor/vendor-log.ts';
import { collectTexts } from '../option-values.ts';
import { say, writeData, writeJson } from '../output.ts';
import type { Cell, Field } from '../table.ts';
import { addRootOptions, openRoot, type RootOptions } from './root.ts';
import {
  refuseExisting,
  type SignedOutputOptions,
  saySigned,
  signedText,
  writeSigned,
} from './signed-output.ts';

interface RevokeOptions extends RootOptions, SignedOutputOptions {
  readonly host: readonly string[];
  readonly license: readonly string[];
  readonly reason: RevocationReason;
}

/** `avma vendor revoke`. */
export function revokeCommand(): Command {
  return addRootOptions(
    new Command('revoke').description(
      'Withdraw host certificates and licenses: sign the next revocation list, which goes to stdout',
    ),
  )
    .option('--host <serial>', "a certificate's serial number; may be given several times", collectTexts, [])
    .option('--license <id>', 'a license ID; may be given several times', collectTexts, [])
    .addOption(
      new Option('--reason <reason>', 'why, for people: each counts the same')
        .choices(REVOCATION_REASONS)
        .default('unspecified'),
    )
    .option('--out <file>', 'write the list to this new file, too, and not to stdout')
    .option('--dry-run', 'show what would be signed, and sign nothing')
    .option('--json', 'print what was signed as JSON in place of the list')
    .addHelpText(
      'after',
      `
The list lies beside the key, in revocations.json, and each list holds all that were before.
It has no end, and what is on it stays there: for a mistake, sign a new certificate or license.

Example:
  avma vendor revoke --key v/root.key --host 00b1abb910ab5af3 --reason stolen > revocations.json`,
    )
    .action(revoke);
}

async function revoke(options: RevokeOptions): Promise<void> {
  const { host, license, reason, dryRun = false } = options;
  if (host.length + license.length === 0) {
    throw new AvmaError('argument-invalid', 'missing: --host <serial> or --license <id>');
  }
  refuseExisting(options);
  const now = Date.now();
  const root = await openRoot(options);
  const log = readVendorLogIfAny(root.logFile);
  const next = (present: RevocationList | null) =>
    revokedList(present, { hosts: host, licenses: license, reason }, identityOf(root), now);
  if (dryRun) {
    const present = newestRevocations(root, log);
    const list = next(present);
    await showList({ list, changed: list !== present, signed: false, file: null }, log, options);
    return;
  }
  const { envelope, ...revoked } = await signNextRevocations(root, next, now);
  await showList({ ...revoked, signed: true }, log, options);
  if (options.out !== undefined) writeSigned(envelope, options.out);
  else if (options.json !== true) writeData(signedText(envelope));
}

interface ShownList {
  readonly list: RevocationList;
  /** Whether it is another list than before. */
  readonly changed: boolean;
  readonly signed: boolean;
  readonly file: string | null;
}

async function showList(
  { list, changed, signed, file }: ShownList,
  log: readonly VendorLogEntry[],
  { json, host, license, dryRun }: RevokeOptions,
): Promise<void> {
  const revoked = [...host.map(named('host', log)), ...license.map(named('license', log))];
  const { vendor, hosts, licenses, sequence, issuedAt } = list;
  const keyId = keyIdOf(vendor.publicKey);
  if (json === true) {
    writeJson('avma.vendor-revoke/1', {
      signed,
      changed,
      file,
      revoked: revoked.map(({ what, id, subject }) => ({ what, id, subject })),
      list: {
        vendor: { name: vendor.name, keyId },
        sequence,
        issuedAt: isoInstant(issuedAt),
        hosts,
        licenses,
      },
    });
    return;
  }
  await saySigned(
    [
      ['Sequence', String(sequence)],
      ...revoked.map(({ what, id, subject }): Field => {
        const unknown: Cell = { tone: 'warn', text: 'not in the vendor log: is the ID right?' };
        return [what === 'host' ? 'Host' : 'License', [`${id}  `, subject ?? unknown]];
      }),
      ['On the list', `${counted(hosts.length, 'host certificate')}, ${counted(licenses.length, 'license')}`],
      ['Signed by', `${vendor.name} (${keyId})`],
    ],
    dryRun,
  );
  if (!changed) say('All of them were on the list already: it is the same list as before.');
  if (file !== null)
    say(`Kept in ${file}.`, `Next: on each host, avma host revocations add ${REVOCATIONS_FILE}`);
}

/** What the vendor log says of an ID; null for one that it does not know. */
function named(what: 'host' | 'license', log: readonly VendorLogEntry[]) {
  const type = what === 'host' ? PAYLOAD_TYPES.hostCertificate : PAYLOAD_TYPES.license;
  return (text: string) => {
    const id = text.trim().toLowerCase();
    const summaries = log.filter(({ payloadType }) => payloadType === type).map(summarizeSignature);
    return { what, id, subject: summaries.find((one) => one.id === id)?.subject ?? null };
  };
}
