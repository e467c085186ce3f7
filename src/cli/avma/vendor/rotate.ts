import path from 'node:path';
import { Command } from 'commander';
import { AvmaError } from '../../../errors/avma-error.ts';
import { PAYLOAD_TYPES } from '../../../protocol/envelope.ts';
import { keyIdOf } from '../../../protocol/vendor-trust.ts';
import { counted } from '../../../schema/counted.ts';
import { signNextRevocations } from '../../../vendor/revocation-file.ts';
import { newestRevocations, revokedList } from '../../../vendor/revoke.ts';
import { keepRotation, keepUpdate, retire, rotate, type SignedTrustUpdate } from '../../../vendor/rotate.ts';
import { readRootSet, TRUST_UPDATE_FILE } from '../../../vendor/trust-chain.ts';
import { identityOf, type VendorRoot } from '../../../vendor/trust-root.ts';
import { readVendorLogIfAny, type VendorLogEntry } from '../../../vendor/vendor-log.ts';
import { say, writeJson } from '../output.ts';
import { askNewPassphrase } from '../passphrase.ts';
import { addRootOptions, openRoot, type RootOptions } from './root.ts';
import { refuseExisting, saySigned } from './signed-output.ts';

interface RotateOptions extends RootOptions {
  readonly out?: string;
  readonly newPassphrase?: boolean;
  readonly newPassphraseFile?: string;
  readonly retire?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `avma vendor rotate`. */
export function rotateCommand(): Command {
  return addRootOptions(
    new Command('rotate').description(
      'Make a new root that the present one introduces to guests, or retire a root',
    ),
  )
    .option('--out <folder>', 'the new folder for the new root, and for all that lies beside the present one')
    .option('--new-passphrase', 'seal the new key with a passphrase, which is asked for')
    .option('--new-passphrase-file <file>', 'seal the new key with the first line of this file')
    .option('--retire <key-id>', 'retire this root, and sign that with --key, one that stays')
    .option('--dry-run', 'show what would be signed, and sign nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  avma vendor rotate --key v/root.key --out v2
  avma vendor rotate --key v2/root.key --retire 00b1abb910ab5af3`,
    )
    .action((options: RotateOptions) => (options.retire === undefined ? add(options) : remove(options)));
}

async function add(options: RotateOptions): Promise<void> {
  const { out, newPassphrase, newPassphraseFile, dryRun = false, json } = options;
  if (out === undefined)
    throw new AvmaError('argument-invalid', 'missing: --out <folder> or --retire <key-id>');
  refuseExisting({ out });
  const now = Date.now();
  const root = await openRoot(options);
  const set = readRootSet(root, readVendorLogIfAny(root.logFile));
  const rotation = rotate(root, set, now);
  const isSealed = newPassphrase === true || newPassphraseFile !== undefined;
  const keyFile = path.join(out, 'root.key');
  if (!dryRun) {
    const passphrase = isSealed
      ? await askNewPassphrase(keyFile, newPassphraseFile, '--new-passphrase-file FILE')
      : undefined;
    await keepRotation(root, rotation, { out, passphrase, now });
  }
  const newKeyId = rotation.envelope.signatures[1]?.keyid ?? '';
  const file = dryRun ? null : path.join(out, TRUST_UPDATE_FILE);
  if (json === true) {
    writeJson('avma.vendor-rotate/1', {
      ...updateJson(rotation, dryRun, file),
      newRoot: {
        keyId: newKeyId,
        keyFile,
        anchorFile: path.join(out, 'root.pub.json'),
        passphrase: isSealed,
      },
      retired: null,
      revocations: null,
    });
    return;
  }
  await showUpdate(rotation, root, dryRun, dryRun ? 'adds a root' : `adds ${newKeyId}`);
  if (dryRun) return;
  say(
    `The new root is in ${out}, with all that lay beside the present one: go on there.`,
    ...(isSealed ? [] : [`It has no passphrase: avma vendor passphrase --key ${keyFile} gives it one.`]),
    `Next: on each host, avma host trust add ${TRUST_UPDATE_FILE}; in new images, ${path.join(out, 'root.pub.json')} beside the present one.`,
    'Then sign certificates and licenses with the new root, and retire the present one.',
  );
}

async function remove(options: RotateOptions): Promise<void> {
  const { retire: id = '', out, newPassphrase, newPassphraseFile, dryRun = false, json } = options;
  if (out !== undefined || newPassphrase === true || newPassphraseFile !== undefined) {
    throw new AvmaError(
      'argument-invalid',
      '--retire makes no new root: leave out --out and the new passphrase',
    );
  }
  const now = Date.now();
  const retired = id.trim().toLowerCase();
  const root = await openRoot(options);
  const log = readVendorLogIfAny(root.logFile);
  const set = readRootSet(root, log);
  // A command that was killed after the update may have left the list of revocations to this one.
  const signed = set.retiredRoots.map(keyIdOf).includes(retired) ? null : retire(root, set, retired, now);
  const file = dryRun || signed === null ? null : await keepUpdate(root, signed, now);
  const revocations = dryRun ? null : await resignRevocations(root, log, now);
  const lost = stillSigned(log, retired, now);
  if (json === true) {
    writeJson('avma.vendor-rotate/1', {
      ...(signed === null ? { signed: false, file, update: null } : updateJson(signed, dryRun, file)),
      newRoot: null,
      retired: { keyId: retired, ...lost },
      revocations,
    });
    return;
  }
  if (signed === null) say(`The root ${retired} was retired before.`);
  else await showUpdate(signed, root, dryRun, `retires ${retired}`);
  say(
    `Of what that root has signed, ${counted(lost.certificates, 'certificate')} and ${counted(lost.licenses, 'license')} have not ended; they count no more on a guest that has the update. Sign them anew with ${root.keyFile}.`,
  );
  if (revocations !== null) say(`The revocation list was signed anew: ${revocations}.`);
  if (file !== null) say(`Kept in ${file}.`, `Next: on each host, avma host trust add ${TRUST_UPDATE_FILE}`);
}

/** A list of a retired root gives way to any other, so the list is signed by the root that stays. */
async function resignRevocations(
  root: VendorRoot,
  log: readonly VendorLogEntry[],
  now: number,
): Promise<string | null> {
  if (newestRevocations(root, log) === null) return null;
  const nothing = { hosts: [], licenses: [], reason: 'unspecified' } as const;
  const next = (present: Parameters<typeof revokedList>[0]) =>
    revokedList(present, nothing, identityOf(root), now);
  return (await signNextRevocations(root, next, now)).file;
}

/** What a root has signed that has not ended. */
function stillSigned(log: readonly VendorLogEntry[], keyId: string, now: number) {
  const count = (type: string) =>
    log.filter(
      (entry) =>
        entry.keyId === keyId && entry.payloadType === type && Number(entry.statement['graceUntil']) > now,
    ).length;
  return { certificates: count(PAYLOAD_TYPES.hostCertificate), licenses: count(PAYLOAD_TYPES.license) };
}

function updateJson({ update }: SignedTrustUpdate, dryRun: boolean, file: string | null): object {
  const { version, roots, formerRoots } = update;
  return {
    signed: !dryRun,
    file,
    update: { version, roots: roots.map(keyIdOf), formerRoots: formerRoots.map(keyIdOf) },
  };
}

async function showUpdate(
  { update, envelope }: SignedTrustUpdate,
  root: VendorRoot,
  dryRun: boolean,
  what: string,
): Promise<void> {
  await saySigned(
    [
      ['Trust update', `version ${update.version}, ${what}`],
      ['Roots', update.roots.map(keyIdOf).join(', ')],
      ['Before', update.formerRoots.map(keyIdOf).join(', ')],
      ['Signed by', `${identityOf(root).name} (${envelope.signatures.map(({ keyid }) => keyid).join(', ')})`],
    ],
    dryRun,
  );
}
