import fs from 'node:fs';
import { Command, Option } from 'commander';
import type { GuestService } from '../../../guest/guest-service.ts';
import { licenseFileIn } from '../../../guest/license-file.ts';
import { LicenseStatus } from '../../../guest/license-report.ts';
import type { DerivedReport } from '../../../guest/product-report.ts';
import { rootsOf, type VendorTrust } from '../../../protocol/vendor-trust.ts';
import type { Settings } from '../../settings.ts';
import { whoseLicense } from '../../whose-license.ts';
import { ANSWER_IS_NO, type Context } from '../context.ts';
import { writeData, writeJson } from '../output.ts';
import { candidateFields, choosePipe, type PipeChoice } from '../pipe/pipe-choice.ts';
import { type Field, formatFields } from '../table.ts';
import { openGuestToRead } from './open.ts';
import { describeProduct, type ProductStatus } from './product-status.ts';
import { originFields, type SetupOrigin, setupOrigins } from './setup-origins.ts';
import { productFields } from './status-text.ts';
import { vendorJson, vendorText } from './trust-report.ts';
import { wmiProduct, wmiService } from './wmi-json.ts';

interface StatusOptions {
  readonly json?: boolean;
  readonly check?: boolean;
  readonly readOnly?: boolean;
  readonly watch?: boolean;
}

/** `avma guest status`. */
export function statusCommand(context: Context): Command {
  return new Command('status')
    .description('Show what is licensed here and why, or why not, and what to do next')
    .option('--check', `exit with ${ANSWER_IS_NO} unless every product that has a key is licensed`)
    .option('--read-only', 'write nothing, not even the time, which a license is otherwise measured by')
    .addOption(
      new Option('--watch', 'show it as it changes, with the agent and the last events, until ^C').conflicts([
        'json',
        'check',
      ]),
    )
    .option('--json', 'print the status as JSON')
    .addHelpText(
      'after',
      `
Exit status: 0 when the status could be read; with --check, 0 only when at least one product has
a key and all of them that a host can activate are licensed now, and ${ANSWER_IS_NO} otherwise. 77 when this
user may not see the license.

Where stdout is no terminal, --watch prints a line for each change and each event.

Examples:
  avma guest status
  avma guest status --watch
  avma guest status --check || avma guest activate
  avma guest status --json | jq '.wmi[].LicenseStatus'`,
    )
    .action((options: StatusOptions) => showGuestStatus(context, options));
}

/** The whole status: what the JSON holds and the table is made from. */
interface GuestStatus {
  readonly service: GuestService;
  readonly settings: Settings;
  readonly derived: readonly DerivedReport[];
  readonly products: readonly ProductStatus[];
  readonly pipe: PipeChoice;
  readonly trust: VendorTrust;
  /** Where key, pipe, VM ID and trust anchors came from, as far as a setup gave them. */
  readonly given: readonly SetupOrigin[];
  /** What is unsafe about the guest's folders. */
  readonly warnings: readonly string[];
  readonly nextSteps: readonly string[];
}

async function showGuestStatus(context: Context, options: StatusOptions): Promise<void> {
  const { json, check, readOnly = false, watch } = options;
  const service = await openGuestToRead(context, 'avma guest status', { readOnly });
  if (watch === true) {
    // Loaded by those who watch.
    const { watchGuest } = await import('./watch.ts');
    await watchGuest(context, service);
    return;
  }
  const { products: looked, trust } = await service.look();
  const withKey = looked.filter(({ report }) => report.partialProductKey !== null);
  const products = withKey.map((derived) => describeProduct(derived, trust));
  const status: GuestStatus = {
    service,
    settings: context.settings(),
    derived: withKey,
    products,
    pipe: choosePipe(undefined, context.settings().pipe),
    trust,
    given: setupOrigins(service.state().setup ?? [], {
      productKeys: withKey.map(({ product }) => product.productKey),
      keyIds: rootsOf(trust).map(({ keyId }) => keyId),
      pipe: context.settings().pipe,
      vmId: context.settings().vmId,
      vmIdSource: context.settings().vmIdSource,
    }),
    warnings: service.warnings,
    nextSteps: products.length > 0 ? [] : firstSteps(trust.length === 0),
  };
  if (json === true) writeJson('avma.guest-status/1', toJson(status));
  else writeData(formatFields(toFields(status), context.style));
  if (check === true && !isLicensed(products)) context.setExitStatus(ANSWER_IS_NO);
}

/** Whether there is a product that a host activates, and all such products are licensed now. */
export function isLicensed(products: readonly ProductStatus[]): boolean {
  const activatable = products.filter(({ channel }) => channel === 'VT:IA');
  return (
    activatable.length > 0 && activatable.every(({ license }) => license.status === LicenseStatus.licensed)
  );
}

/** The way to a first license. */
function firstSteps(trustsNobody: boolean): string[] {
  return [
    ...(trustsNobody ? ['Trust the vendor: avma guest trust add FILE'] : []),
    'Install a product key: avma guest install-key KEY',
  ];
}

function toJson({
  service,
  settings,
  derived,
  products,
  pipe,
  trust,
  given,
  warnings,
  nextSteps,
}: GuestStatus): object {
  const { uri, from, candidates } = pipe;
  return {
    vmId: service.vmId,
    licensed: isLicensed(products),
    products,
    wmi: derived.map(wmiProduct),
    wmiService: wmiService(service.service()),
    pipe: { uri, from, tried: candidates },
    trust: trust.map(vendorJson),
    given,
    stateFile: service.stateFile,
    license: whoseLicense(settings) === 'machine' ? 'machine' : 'own',
    warnings,
    nextSteps,
  };
}

/** The file that is shown, and whose license that is where a user might take it for another's. */
function stateText({ service, settings }: GuestStatus): string {
  if (whoseLicense(settings) === 'machine')
    return `${service.stateFile} (root's license; only root changes it)`;
  const machine = licenseFileIn(settings.machineRunFolder);
  const isRoot = process.getuid?.() === 0;
  return !isRoot && settings.stateFolderIsDefault && fs.existsSync(machine)
    ? `${service.stateFile} (this user's own license; the machine's is in ${machine})`
    : service.stateFile;
}

function toFields(status: GuestStatus): Field[] {
  const { service, products, pipe, trust, given, warnings, nextSteps } = status;
  return [
    ...(products.length === 0
      ? ([['Product', { tone: 'warn', text: 'no product key is installed' }]] as Field[])
      : products.length === 1
        ? products.flatMap(productFields)
        : products.flatMap((product): Field[] => [...productFields(product), ['', '']])),
    ['VM ID', `${service.vmId.value} (${service.vmId.source}: ${service.vmId.from})`],
    [
      'Pipe',
      pipe.uri === null
        ? { tone: 'warn', text: 'none found; looked for:' }
        : `${pipe.uri} (${pipe.from === 'found' ? 'found automatically' : pipe.from})`,
    ],
    ...(pipe.uri === null ? candidateFields(pipe) : []),
    [
      'Trust',
      trust.length === 0 ? { tone: 'warn', text: 'no vendor is trusted' } : trust.map(vendorText).join(', '),
    ],
    ...originFields(given),
    ['State', stateText(status)],
    ...warnings.map((warning): Field => ['Warning', { tone: 'warn', text: warning }]),
    ...nextSteps.map((step, index): Field => [index === 0 ? 'Next' : '', { tone: 'strong', text: step }]),
  ];
}
