import { Command } from 'commander';
import { loadCatalog } from '../../../catalog/catalog.ts';
import { PRODUCT_ARGUMENT, resolveProduct } from '../../../catalog/product-name.ts';
import { loadTrust } from '../../../guest/trust/trust-reader.ts';
import { type LoadFigures, loadFigures } from '../../../load/load-figures.ts';
import type { LoadPlan } from '../../../load/load-plan.ts';
import { type LoadPhase, type LoadTarget, playGuests } from '../../../load/play.ts';
import { isWindowsProduct } from '../../../policy/windows.ts';
import { MAX_ANCHORS } from '../../../protocol/messages.ts';
import { rootsOf } from '../../../protocol/vendor-trust.ts';
import { counted } from '../../../schema/counted.ts';
import { formatUuid } from '../../../schema/uuid.ts';
import { openProgress } from '../../progress.ts';
import { ANSWER_IS_NO, type Context } from '../context.ts';
import { collectTexts } from '../option-values.ts';
import { say, writeData, writeJson } from '../output.ts';
import { type Field, formatFields } from '../table.ts';
import { untilInterrupted } from '../until-interrupted.ts';
import { startLoadHost } from './load-host.ts';
import { type LoadOptions, planOf } from './load-options.ts';
import { loadSockets } from './load-sockets.ts';

/** The published product that guests ask for unless another is named: Windows Server 2025 Standard. */
const DEFAULT_PRODUCT = 'b2261b65-b18f-5314-9fa2-8ad8aba364cd';

/** `avma host load`. */
export function loadCommand(context: Context): Command {
  return new Command('load')
    .description('Play many guests against a host, with full cryptography, and measure its answers')
    .option(
      '--pipe <uri>',
      'the host: unix:PATH, or unix:FOLDER/ for all *.sock of a folder; may be repeated (default: a host of its own)',
      collectTexts,
    )
    .option('--guests <number>', 'how many virtual machines ask, in turn (default: 1000)')
    .option('--rate <number>', 'requests a second, each at its moment, answered or not (default: 100)')
    .option('--for <time>', 'for how long: 30s, 5m (default: 10s)')
    .option('--requests <number>', 'instead of rate and time: so many, each when the one before was answered')
    .option('--connections <number>', 'connections at the same time (default: 8 with --requests, else 64)')
    .option('--depth <number>', 'requests under way on each connection, with --requests (default: 1)')
    .option('--channels <number>', 'sockets of its own host (default: as many as the connections need)')
    .option(
      '--prepared',
      'seal all requests before the clock starts, verify all answers after it has stopped',
    )
    .option('--product <product>', `what the guests ask for: ${PRODUCT_ARGUMENT}`)
    .option('--seed <text>', 'guests of the same seed have the same VM IDs in each run (default: new ones)')
    .option('--json', 'print the figures as JSON')
    .addHelpText(
      'after',
      `
Without --pipe a host of its own serves from a temporary folder, with the default ledger and no
throttle; all of it is removed at the end. A host on --pipe must be trusted here (avma guest trust
add); it records each request as any other.

Exit status: 0 all were approved, ${ANSWER_IS_NO} a request failed, 130 it was ended by ^C; the figures are
those of what was asked until then.

Examples:
  avma host load --requests 20000 --connections 8 --prepared
  avma host load --guests 10000 --rate 167 --for 60s
  avma host load --pipe unix:/run/avma/host.sock --guests 100 --rate 5 --for 1m`,
    )
    .action((options: LoadOptions) => loadHost(context, options));
}

/** What a run was, and what it found. */
interface LoadReport extends LoadFigures {
  readonly plan: LoadPlan;
  readonly hostName: string;
  /** The pipes that were named; null: a host of its own. */
  readonly pipes: readonly string[] | null;
  readonly channels: number;
  /** How many requests came to an end: fewer than planned where the run was interrupted. */
  readonly requests: number;
  readonly seconds: number;
}

/**
 * `avma host load`. Ends with 1 where a request failed, and as killed by the signal where one has ended it early.
 *
 * @throws {AvmaError} what {@link playGuests} throws.
 */
async function loadHost(context: Context, options: LoadOptions): Promise<void> {
  const named = options.pipe?.flatMap(loadSockets);
  const { plan, channels } = planOf(options, named?.length);
  const interrupted = await untilInterrupted(async (signal) => {
    const own = named === undefined ? await startLoadHost(context.launcher, channels, signal) : undefined;
    if (named === undefined && own === undefined) return say('Interrupted before the host was there.');
    const progress = await openProgress();
    try {
      const sockets = own?.sockets ?? named ?? [];
      const { hostName, outcomes, seconds } = await playGuests(plan, {
        ...subjectOf(context, options, own?.trustFolder),
        sockets,
        signal,
        progress: (phase, done, total) => progress.show(PHASES[phase], done, total),
      });
      progress.end();
      const run = { plan, hostName, pipes: options.pipe ?? null, channels: sockets.length, seconds };
      show(context, options, { ...run, requests: outcomes.length, ...loadFigures(outcomes, seconds) });
      if (signal.aborted) {
        say(`Interrupted: ${outcomes.length} of ${counted(plan.requests, 'request')} came to an end.`);
      }
    } finally {
      progress.end();
      await own?.remove();
    }
  });
  if (interrupted !== undefined) context.setExitStatus(interrupted);
}

const PHASES: Record<LoadPhase, string> = {
  sealing: 'Sealing requests',
  asking: 'Asking the host',
  verifying: 'Verifying answers',
};

/** Who asks for what, and whom they trust: this machine's vendors, or the one of the run's own host. */
function subjectOf(
  { settings }: Context,
  { product: named, seed }: LoadOptions,
  ownTrust: string | undefined,
): Omit<LoadTarget, 'sockets' | 'signal' | 'progress'> {
  const { trustFolders, stateFolder, guestCatalogFolders } = settings();
  const trust = loadTrust(
    ownTrust === undefined
      ? { trustFolders, stateFolder }
      : { trustFolders: [ownTrust], stateFolder: ownTrust },
  );
  const product = resolveProduct(loadCatalog(guestCatalogFolders).products, named ?? DEFAULT_PRODUCT);
  const { activationId, edition, version } = product;
  const roots = rootsOf(trust).map(({ keyId }) => keyId);
  return {
    trust,
    product: { activationId, edition, version },
    productVendor: product.vendor?.publicKey ?? null,
    windows: isWindowsProduct(product),
    anchors: [...new Set(roots)].slice(0, MAX_ANCHORS),
    seed: seed ?? formatUuid(crypto.getRandomValues(new Uint8Array(16))),
  };
}

function show({ style, setExitStatus }: Context, { json }: LoadOptions, report: LoadReport): void {
  if (json === true) writeJson('avma.host-load/1', reportJson(report));
  else writeData(formatFields(reportFields(report), style));
  if (report.failures > 0) setExitStatus(ANSWER_IS_NO);
  if (json !== true && report.failuresByCode.some(({ code }) => code === 'throttled')) {
    say("The host's throttle refused some: start it with a higher --throttle to measure what it bears.");
  }
}

function reportJson({ plan, pipes, failuresByCode, ...report }: LoadReport): object {
  const { guests, rate, connections, depth, prepared } = plan;
  return { pipes, guests, rate, connections, depth, prepared, ...report, failuresByCode };
}

function reportFields(report: LoadReport): Field[] {
  const { plan, hostName, pipes, channels, requests, seconds, failuresByCode } = report;
  const ms = (value: number | null) => (value === null ? 'no answer' : `${value.toFixed(1)} ms`);
  const how =
    plan.rate === null
      ? `${plan.connections} connections, each with ${plan.depth} under way`
      : `${plan.rate} a second, ${plan.connections} connections at most`;
  return [
    ['Host', `${hostName}, ${pipes?.join(', ') ?? 'of this run'}, ${counted(channels, 'channel')}`],
    ['Load', `${plan.guests} guests, ${how}${plan.prepared ? ', prepared' : ''}`],
    ['Requests', `${requests} in ${seconds.toFixed(1)} s`],
    ['Approved', { tone: 'strong', text: `${report.renewalsPerSecond.toFixed(0)} a second` }],
    ['Median', ms(report.p50Ms)],
    ['99 percent', ms(report.p99Ms)],
    ['Slowest', ms(report.maxMs)],
    ['Failures', { tone: report.failures === 0 ? 'good' : 'bad', text: String(report.failures) }],
    ...failuresByCode.map(({ code, count }): Field => ['', `${count} ${code}`]),
  ];
}
