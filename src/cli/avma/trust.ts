import { Command } from 'commander';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import {
  addTrustAnchor,
  loadTrustAnchors,
  removeTrustAnchor,
  type StoredAnchor,
} from '../../guest/trust-store.ts';
import type { Context } from './context.ts';
import { refreshLicense, requireOwnLicense } from './guest-open.ts';
import { say, writeData, writeJson } from './output.ts';
import { formatTable } from './table.ts';

interface JsonOption {
  readonly json?: boolean;
}

/** `avma guest trust`. */
export function trustCommand(context: Context): Command {
  const trust = new Command('trust').description('Manage trusted vendors');
  trust
    .command('add')
    .description('Trust a vendor: licenses from the hosts that it certified become valid here')
    .argument('<file>', "the vendor's trust anchor, root.pub.json")
    .option('--json', 'print the result as JSON')
    .action(async (file: string, { json }: JsonOption) => {
      requireOwnLicense(context);
      const anchor = addTrustAnchor(file, context.settings().ownTrustFolder);
      await refreshLicense(context);
      if (json === true) {
        writeJson('avma.guest-trust-add/1', { anchor: anchorJson(anchor) });
        return;
      }
      say(`Vendor "${anchor.name}" (${anchor.keyId}) is trusted from now on: ${anchor.file}`);
    });
  trust
    .command('list')
    .description('List the trusted vendors')
    .option('--json', 'print the list as JSON')
    .action(({ json }: JsonOption) => listAnchors(context, json === true));
  trust
    .command('remove')
    .description('Remove a vendor; licenses from its hosts become invalid')
    .argument('<key-id>', 'the key ID that avma guest trust list shows')
    .option('--json', 'print the result as JSON')
    .action(async (keyId: string, { json }: JsonOption) => {
      requireOwnLicense(context);
      const file = removeAnchor(context, keyId);
      await refreshLicense(context);
      if (json === true) {
        writeJson('avma.guest-trust-remove/1', { keyId, file });
        return;
      }
      say(`Vendor ${keyId} is no longer trusted. Removed ${file}`);
    });
  return trust;
}

function listAnchors(context: Context, json: boolean): void {
  const anchors = loadTrustAnchors(context.settings().trustFolders);
  if (json) {
    writeJson('avma.guest-trust-list/1', { anchors: anchors.map(anchorJson) });
    return;
  }
  if (anchors.length === 0) {
    say('No vendor is trusted: no host can activate this machine. Add one: avma guest trust add FILE');
    return;
  }
  const rows = anchors.map(({ keyId, name, file }) => [keyId, name, file]);
  writeData(formatTable(['KEY ID', 'VENDOR', 'FILE'], rows, context.style));
}

/** @throws {AvmaError} `file-not-found`, which says where else the anchor lies, or how to list the anchors. */
function removeAnchor(context: Context, keyId: string): string {
  const { ownTrustFolder, trustFolders } = context.settings();
  try {
    return removeTrustAnchor(keyId, ownTrustFolder);
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot remove the trust anchor');
    if (error.code !== 'file-not-found') throw error;
    const elsewhere = loadTrustAnchors(trustFolders).find((anchor) => anchor.keyId === keyId);
    throw new AvmaError(
      'file-not-found',
      elsewhere === undefined
        ? `no vendor with the key ID ${keyId} is trusted here`
        : `the vendor ${keyId} was not added by this user; its file is ${elsewhere.file}`,
      {
        cause: error,
        hint:
          elsewhere === undefined
            ? 'List the key IDs: avma guest trust list.'
            : 'Remove that file as its owner, root as a rule.',
      },
    );
  }
}

/** A trust anchor as JSON shows it. */
export function anchorJson({ keyId, name, file }: StoredAnchor): object {
  return { keyId, name, file };
}
