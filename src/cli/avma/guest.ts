import { Command } from 'commander';
import { AvmaError } from '../../errors/avma-error.ts';
import { type GuestService, openGuestService } from '../../guest/guest-service.ts';
import { LicenseStatus, type ProductReport } from '../../guest/license-report.ts';
import { addTrustAnchor, loadTrustAnchors, removeTrustAnchor } from '../../guest/trust-store.ts';
import { guestEnvironment } from '../guest-environment.ts';
import { whileWaiting } from '../terminal.ts';
import type { Context } from './context.ts';
import { showGuestStatus } from './guest-status.ts';
import { readInput } from './input.ts';
import { say, writeData } from './output.ts';

export function guestCommand(context: Context): Command {
  const guest = new Command('guest').description(
    'this machine as a guest: what slmgr does, in another manner',
  );

  guest
    .command('install-key')
    .description('install a product key and activate')
    .argument('<key>', 'the key; - for stdin, @FILE for a file')
    .option('--pipe <uri>', 'the pipe to the host')
    .action(async (key: string, { pipe }: { pipe?: string }) => {
      const service = await open(context, pipe, { recover: true });
      await whileWaiting('waiting for the host', service.installProductKey(readKey(key)));
      const product = (await keyedProducts(service)).find(({ partialProductKey }) =>
        readKey(key)
          .trim()
          .toUpperCase()
          .endsWith(partialProductKey ?? '-'),
      );
      say(`Installed the key of "${product?.name}".`, ...nextStep(product));
    });

  guest
    .command('activate')
    .description('ask the host to activate this machine now')
    .argument('[activation-id]', 'the product; all that have a key, without it')
    .option('--pipe <uri>', 'the pipe to the host')
    .action(async (activationId: string | undefined, { pipe }: { pipe?: string }) => {
      const service = await open(context, pipe);
      const products = (await keyedProducts(service)).filter(
        (product) => activationId === undefined || product.activationId === activationId.toLowerCase(),
      );
      if (products.length === 0) {
        throw new AvmaError('key-not-installed', 'no key is installed for anything that could be activated');
      }
      for (const product of products) {
        await whileWaiting('waiting for the host', service.activate(product.activationId));
        const after = (await keyedProducts(service)).find((one) => one.activationId === product.activationId);
        say(`Activated "${product.name}" for ${after?.license.remainingMinutes} minutes.`);
      }
    });

  guest
    .command('status')
    .description('show what is licensed here, by whom, and over which pipe it is renewed')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) =>
      showGuestStatus(await open(context), context.settings(), json === true),
    );

  guest.addCommand(trustCommand(context));
  return guest;
}

function trustCommand(context: Context): Command {
  const trust = new Command('trust').description('whose hosts this machine believes');

  trust
    .command('add')
    .description('believe the hosts that a vendor certifies')
    .argument('<file>', "the vendor's root.pub.json")
    .action((file: string) => {
      const anchor = addTrustAnchor(file, context.settings().ownTrustFolder);
      say(`Trusting vendor "${anchor.name}" (${anchor.keyId}) from now on: ${anchor.file}.`);
    });

  trust
    .command('list')
    .description('list the trust anchors')
    .action(() => {
      for (const anchor of loadTrustAnchors(context.settings().trustFolders)) {
        writeData(`${anchor.keyId}  ${anchor.name}  ${anchor.file}`);
      }
    });

  trust
    .command('remove')
    .description('stop believing a vendor; what its hosts activated no longer counts')
    .argument('<key-id>', 'from avma guest trust list')
    .action((keyId: string) => {
      say(`Removed ${removeTrustAnchor(keyId, context.settings().ownTrustFolder)}.`);
    });

  return trust;
}

function open(context: Context, pipe?: string, options: { recover?: boolean } = {}): Promise<GuestService> {
  const settings = context.settings();
  return openGuestService(
    guestEnvironment(context.launcher, pipe === undefined ? settings : { ...settings, pipe }),
    options,
  );
}

async function keyedProducts(service: GuestService): Promise<ProductReport[]> {
  return (await service.products()).filter(({ partialProductKey }) => partialProductKey !== null);
}

function nextStep(product: ProductReport | undefined): string[] {
  return product?.license.status === LicenseStatus.licensed
    ? [`It is activated for ${product.license.remainingMinutes} minutes.`]
    : ['It is not activated yet: avma guest activate says why.'];
}

/** A key from an argument list can be read by every user of the machine, so a file or stdin will do too. */
function readKey(key: string): string {
  if (key !== '-' && !key.startsWith('@')) return key;
  return Buffer.from(readInput(key === '-' ? '-' : key.slice(1)))
    .toString('utf8')
    .trim();
}
