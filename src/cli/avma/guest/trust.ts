import { Command } from 'commander';
import { AvmaError, toAvmaError } from '../../../errors/avma-error.ts';
import { writeAgentEvent } from '../../../guest/guest-events.ts';
import type { GuestVendor } from '../../../guest/trust/guest-trust.ts';
import { parseTrustDocument, removeTrust, takeDocument } from '../../../guest/trust/trust-changes.ts';
import type { TrustDocument } from '../../../guest/trust/trust-documents.ts';
import { trustEvents } from '../../../guest/trust/trust-events.ts';
import { loadTrust } from '../../../guest/trust/trust-reader.ts';
import { addTrustAnchor, loadTrustAnchors } from '../../../guest/trust/trust-store.ts';
import { vendorOfKeyId } from '../../../protocol/vendor-trust.ts';
import { counted } from '../../../schema/counted.ts';
import { guestEnvironment } from '../../guest-environment.ts';
import { whoseLicense } from '../../whose-license.ts';
import type { Context } from '../context.ts';
import { readAs } from '../file-kinds.ts';
import { readInput } from '../input.ts';
import { say, writeData, writeJson } from '../output.ts';
import { formatTable } from '../table.ts';
import { openGuest, refreshLicense, requireOwnLicense } from './open.ts';
import { TRUST_HEADINGS, trustRows, vendorJson, vendorText } from './trust-report.ts';

interface JsonOption {
  readonly json?: boolean;
}

/** `avma guest trust`. */
export function trustCommand(context: Context): Command {
  const trust = new Command('trust').description('Manage trusted vendors');
  trust
    .command('add')
    .description('Trust a vendor, or take what a trusted vendor has signed')
    .argument('<file>', "a vendor's root.pub.json, a trust update, or a revocation list")
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
A root.pub.json: licenses from the hosts that this vendor certified become valid here.
A trust update: the vendor's next roots count, and those that it leaves out do not any more.
A revocation list: hosts and licenses on it do not count any more.

Hosts hand on updates and lists by themselves; this is for those that somebody brings. One that
is known already changes nothing.

Example:
  avma guest trust add root.pub.json`,
    )
    .action((file: string, { json }: JsonOption) => addTrust(context, file, json === true));
  trust
    .command('list')
    .description('List the trusted vendors, their roots, and where each came from')
    .option('--json', 'print the list as JSON')
    .action(({ json }: JsonOption) => listTrust(context, json === true));
  trust
    .command('remove')
    .description('Remove a vendor; licenses from its hosts become invalid')
    .argument('<key-id>', 'the key ID that avma guest trust list shows')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Example:
  avma guest trust remove 9f5f3f100702c965`,
    )
    .action(async (keyId: string, { json }: JsonOption) => {
      requireOwnLicense(context);
      const files = await removeAnchor(context, keyId);
      await refreshLicense(context);
      if (json === true) {
        writeJson('avma.guest-trust-remove/1', { keyId, files });
        return;
      }
      say(`Vendor ${keyId} is no longer trusted. Removed ${files.join(', ')}`);
    });
  return trust;
}

/** Any of the three kinds of files. */
async function addTrust(context: Context, file: string, json: boolean): Promise<void> {
  requireOwnLicense(context);
  const bytes = readInput(file);
  const document = parseTrustDocument(bytes);
  if (document !== undefined) return takeFile(context, document, json);
  const settings = context.settings();
  const anchor = readAs(file, ['trust-anchor'], () => addTrustAnchor(bytes, file, settings.ownTrustFolder));
  await refreshLicense(context);
  if (json) {
    const vendor = vendorOfKeyId(loadTrust(settings), anchor.keyId);
    writeJson('avma.guest-trust-add/1', {
      added: 'anchor',
      changed: true,
      vendor: vendor === undefined ? null : vendorJson(vendor),
    });
    return;
  }
  say(`Vendor "${anchor.name}" (${anchor.keyId}) is trusted from now on: ${anchor.file}`);
}

async function takeFile(context: Context, document: TrustDocument, json: boolean): Promise<void> {
  const settings = context.settings();
  const change = await takeDocument(settings, document);
  const { events, readClock } = guestEnvironment(context.launcher, settings, say);
  for (const event of change === null ? [] : trustEvents(document, change)) {
    writeAgentEvent({ environment: { events, readClock }, vmId: null }, { ...event, trigger: 'command' });
  }
  await refreshLicense(context);
  if (json) {
    const vendor = change === null ? null : vendorJson(change.after);
    writeJson('avma.guest-trust-add/1', { added: document.kind, changed: change !== null, vendor });
    return;
  }
  if (change === null) {
    say('It is known here already, or a newer one is. Nothing was changed.');
    return;
  }
  const { before, after } = change;
  if (document.kind === 'revocations') {
    const { sequence, hosts, licenses } = document.list;
    say(
      `The revocation list ${sequence} of "${after.name}" counts from now on, with ${counted(hosts.length, 'host')} and ${counted(licenses.length, 'license')}.`,
    );
    return;
  }
  const retired = before.roots.filter(({ keyId }) => vendorOfRoot(after.roots, keyId) === undefined);
  say(
    `Followed the trust update ${after.trustVersion}: trusted from now on is ${vendorText(after)}.`,
    ...retired.map(({ keyId }) => `The root ${keyId} counts no more: its vendor has retired it.`),
  );
}

function vendorOfRoot(roots: readonly { readonly keyId: string }[], id: string) {
  return roots.find(({ keyId }) => keyId === id);
}

async function listTrust(context: Context, json: boolean): Promise<void> {
  const settings = context.settings();
  // Who sees the machine's license sees whom the machine trusts.
  const isMachine = whoseLicense(settings) === 'machine';
  const trust = isMachine ? (await (await openGuest(context)).look()).trust : loadTrust(settings);
  if (json) {
    const follow = settings.followTrustUpdates;
    writeJson('avma.guest-trust-list/1', { vendors: trust.map(vendorJson), follow });
    return;
  }
  if (trust.length === 0) {
    say('No vendor is trusted: no host can activate this machine. Add one: avma guest trust add FILE');
    return;
  }
  writeData(formatTable(TRUST_HEADINGS, trustRows(trust), context.style));
}

/** @throws {AvmaError} `file-not-found`, which says where else the anchor lies, or how to list the anchors. */
async function removeAnchor(context: Context, keyId: string): Promise<string[]> {
  const settings = context.settings();
  try {
    return await removeTrust(keyId, settings.ownTrustFolder, settings);
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot remove the trust anchor');
    if (error.code !== 'file-not-found') throw error;
    const elsewhere = loadTrustAnchors(settings.trustFolders).find((anchor) => anchor.keyId === keyId);
    if (elsewhere !== undefined) {
      throw new AvmaError(
        'file-not-found',
        `the vendor ${keyId} was not added by this user; its file is ${elsewhere.file}`,
        { cause: error, hint: 'Remove that file as its owner, root as a rule.' },
      );
    }
    const [anchor] = (vendorOfKeyId(loadTrust(settings), keyId) as GuestVendor | undefined)?.anchors ?? [];
    throw new AvmaError(
      'file-not-found',
      anchor === undefined
        ? `no vendor with the key ID ${keyId} is trusted here`
        : `the root ${keyId} came with a trust update of "${anchor.name}", and has no file of its own`,
      {
        cause: error,
        hint:
          anchor === undefined
            ? 'List the key IDs: avma guest trust list.'
            : `To trust that vendor no more: avma guest trust remove ${anchor.keyId}.`,
      },
    );
  }
}
