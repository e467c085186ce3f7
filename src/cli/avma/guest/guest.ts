import { Command } from 'commander';
import { partialProductKey } from '../../../catalog/product-key.ts';
import { PRODUCT_ARGUMENT } from '../../../catalog/product-name.ts';
import { AvmaError, toAvmaError } from '../../../errors/avma-error.ts';
import { exitStatusOf } from '../../../errors/hresult.ts';
import type { GuestService } from '../../../guest/guest-service.ts';
import type { KeyInstallation } from '../../../guest/licensing-service.ts';
import type { DerivedReport } from '../../../guest/product-report.ts';
import { MINUTE_MS } from '../../../schema/durations.ts';
import { formatDuration } from '../../../schema/format-duration.ts';
import { whileWaiting } from '../../terminal.ts';
import type { Context } from '../context.ts';
import { readInput } from '../input.ts';
import { say, writeJson } from '../output.ts';
import { errorJson } from '../report-json.ts';
import { agentCommand } from './agent.ts';
import { applyCommand } from './apply.ts';
import { attestCommand } from './attest.ts';
import { catalogCommand } from './catalog.ts';
import { checkCommand } from './check.ts';
import { eventsCommand } from './events.ts';
import { findKeyed, keyedProducts, openGuest } from './open.ts';
import { describeNow, type ProductStatus } from './product-status.ts';
import { resetCommand } from './reset.ts';
import { statusCommand } from './status.ts';
import { trustCommand } from './trust.ts';

/** What `avma guest install-key` takes. */
interface InstallKeyOptions extends ExchangeOptions {
  readonly activate: boolean;
  readonly dryRun?: boolean;
}

/** What every command that talks to the host takes. */
interface ExchangeOptions {
  readonly pipe?: string;
  readonly json?: boolean;
}

const PIPE_OPTION = [
  '--pipe <uri>',
  'the pipe to the host (default: AVMA_PIPE, else the first that is found)',
] as const;

/** `avma guest`. */
export function guestCommand(context: Context): Command {
  const guest = new Command('guest').description('Activate this machine and show its license');
  guest.addCommand(installKeyCommand(context));
  guest.addCommand(activateCommand(context));
  guest.addCommand(applyCommand(context));
  guest.addCommand(statusCommand(context));
  guest.addCommand(eventsCommand(context));
  guest.addCommand(agentCommand(context));
  guest.addCommand(checkCommand(context));
  guest.addCommand(attestCommand(context));
  guest.addCommand(trustCommand(context));
  guest.addCommand(catalogCommand(context));
  guest.addCommand(resetCommand(context));
  return guest;
}

function installKeyCommand(context: Context): Command {
  return new Command('install-key')
    .description('Install a product key, then activate')
    .argument('<key>', 'the key; - reads it from stdin, @FILE from a file')
    .option(...PIPE_OPTION)
    .option('--no-activate', 'install the key, ask no host, and leave the activation to the agent')
    .option('--dry-run', 'say which product the key is for and whether it is installed; change nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
While the command runs, every user of the machine can see a key that is an argument. A key
from stdin or a file stays hidden.

Exit status: 0 when the key is installed, also when the activation failed: the key stays, and
the output says why.

Examples:
  avma guest install-key DBGBW-NPF86-BJVTX-K3WKJ-MTB6V
  avma guest install-key - < key.txt
  avma guest install-key @/root/key.txt
  avma guest install-key @/root/key.txt --no-activate     # in an image`,
    )
    .action((key: string, options: InstallKeyOptions) => installKey(context, key, options));
}

async function installKey(context: Context, argument: string, options: InstallKeyOptions): Promise<void> {
  // Read once: stdin and a pipe are empty afterwards.
  const key = readKey(argument);
  if (options.dryRun === true) return tryKey(context, key, options.json === true);
  const service = await openGuest(context, options.pipe, { recover: true });
  const { activationId, activationError } = options.activate
    ? await whileWaiting('waiting for the host', service.installProductKey(key), context.settings().deadline)
    : await installOnly(service, key);
  const product = await describeNow(service, activationId);
  if (options.json === true) {
    writeJson('avma.guest-install-key/1', {
      dryRun: false,
      installed: true,
      product,
      activationError: activationError === null ? null : errorJson(activationError),
    });
    return;
  }
  say(`Installed the key of "${product.name}" (it ends in ${product.partialProductKey}).`);
  if (product.license.status === 1) say(activatedText(product));
  else if (activationError !== null) {
    say(`It is not activated yet: ${activationError.message}.`, activationError.hint);
  } else {
    const next = options.activate ? '' : ' The agent activates it; by hand: avma guest activate.';
    say(`Its license: ${product.license.statusText}.${next}`);
  }
}

/** Installs a key and asks no host. @throws {AvmaError} `key-invalid`. */
async function installOnly(service: GuestService, key: string): Promise<KeyInstallation> {
  const { activationId } = service.productOfKey(key);
  await service.installGivenKey(key);
  return { activationId, activationError: null };
}

/**
 * What installing the key would find: its product, and whether this key is installed already.
 *
 * @throws {AvmaError} `key-invalid`, as the installation would, and what reading the state throws.
 */
async function tryKey(context: Context, key: string, json: boolean): Promise<void> {
  const service = await openGuest(context, undefined, { readOnly: true });
  const { activationId, productKey } = service.productOfKey(key);
  const product = await describeNow(service, activationId);
  // A product has one key; another one is there when the catalog was changed after it was installed.
  const installed = product.partialProductKey === partialProductKey(productKey);
  if (json) {
    writeJson('avma.guest-install-key/1', { dryRun: true, installed, product, activationError: null });
    return;
  }
  say(
    installed
      ? `The key of "${product.name}" is installed already. Its license: ${product.license.statusText}.`
      : `The key is that of "${product.name}", and is not installed. Nothing was changed.`,
  );
}

function activateCommand(context: Context): Command {
  return new Command('activate')
    .description('Ask the host to activate this machine now; renews a license that is still valid')
    .argument('[product]', `${PRODUCT_ARGUMENT} (default: every product with a key that a host activates)`)
    .option(...PIPE_OPTION)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
The agent renews every license by itself: avma guest agent. Without it, run this from a timer,
once a day for example. More often does no harm.

Exit status: 0 when every product is activated, else that of the first error. With --json and
several products, one object has what was activated and each failure; with a single product, a
failure is the error, as with other commands.

Examples:
  avma guest activate
  avma guest activate --pipe unix:/run/avma/host.sock`,
    )
    .action((product: string | undefined, options: ExchangeOptions) => activate(context, product, options));
}

async function activate(
  context: Context,
  wanted: string | undefined,
  options: ExchangeOptions,
): Promise<void> {
  const service = await openGuest(context, options.pipe);
  const targets = targetsOf(await keyedProducts(service), wanted);
  const activated: ProductStatus[] = [];
  const failures: { readonly activationId: string; readonly name: string; readonly error: AvmaError }[] = [];
  for (const { activationId: id, name } of targets.map(({ product }) => product)) {
    try {
      await whileWaiting('waiting for the host', service.activate(id), context.settings().deadline);
    } catch (thrown) {
      // One product that fails does not keep the others from being activated.
      const error = toAvmaError(thrown, 'cannot activate');
      failures.push({ activationId: id, name, error });
      if (targets.length > 1 && options.json !== true) say(`"${name}": ${error.message}.`);
      continue;
    }
    const product = await describeNow(service, id);
    activated.push(product);
    if (options.json !== true) say(activatedText(product));
  }
  const [failure] = failures;
  // One product alone fails as every other command does; of several, each has its report.
  if (failure !== undefined && (options.json !== true || targets.length === 1)) throw failure.error;
  if (options.json !== true) return;
  writeJson('avma.guest-activate/1', {
    products: activated,
    failures: failures.map((one) => ({ ...one, error: errorJson(one.error) })),
  });
  if (failure !== undefined) context.setExitStatus(exitStatusOf(failure.error.hresult, process.platform));
}

/**
 * The named product. Without a name: all products with a key that a host activates; if there are none, all other
 * products with a key, so that their error says why.
 *
 * @throws {AvmaError} `key-not-installed`; `argument-invalid` for a name of several.
 */
function targetsOf(withKey: readonly DerivedReport[], wanted: string | undefined): DerivedReport[] {
  const targets = findKeyed(withKey, wanted);
  if (targets.length === 0) {
    throw new AvmaError(
      'key-not-installed',
      wanted === undefined
        ? 'no product key is installed on this machine'
        : `no product key is installed for a product "${wanted}"`,
      { hint: 'Install one: avma guest install-key KEY.' },
    );
  }
  const activatable = targets.filter(({ product }) => product.channel === 'VT:IA');
  return activatable.length > 0 ? activatable : targets;
}

function activatedText({ name, license, lease }: ProductStatus): string {
  const by = lease === null ? '' : ` by host ${lease.hostName}`;
  return `"${name}" is activated${by} for ${formatDuration(license.remainingMinutes * MINUTE_MS)}.`;
}

/** The key: the argument itself, what `@FILE` holds, or stdin for `-`. */
function readKey(argument: string): string {
  if (argument !== '-' && !argument.startsWith('@')) return argument;
  return readInput(argument === '-' ? '-' : argument.slice(1))
    .toString('utf8')
    .trim();
}
