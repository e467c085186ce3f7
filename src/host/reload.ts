import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { counted } from '../schema/counted.ts';
import type { Notify } from '../system/notify.ts';
import type { CatalogReader } from './catalog-reader.ts';
import type { EndpointSet, WantedEndpoints } from './endpoints/endpoint-set.ts';
import type { HoldingsReader } from './holdings/holdings-reader.ts';
import type { HostObserver } from './observer.ts';

/** What a running host is to be like from now on, as its options and its configuration say it now. */
export interface Reread extends WantedEndpoints {
  /** The longest lease to grant, in milliseconds. */
  readonly leaseMs: number;
  /** What has changed and counts only when the host is started again, as it is named in the configuration. */
  readonly needsRestart: readonly string[];
}

/** What a reload has done. */
export interface ReloadReport {
  /** A sentence each, without its full stop; none where nothing has changed. */
  readonly changes: readonly string[];
  /** As {@link Reread.needsRestart}. */
  readonly needsRestart: readonly string[];
}

/** The parts of a running host that are read anew. */
export interface Reloaded {
  readonly endpoints: EndpointSet;
  readonly catalogs: CatalogReader;
  readonly documents: HoldingsReader;
  /** The longest lease to grant, in milliseconds. */
  readonly limits: { leaseMs: number };
  readonly observe: HostObserver;
  readonly notify: Notify;
  /** Hears that a reload begins and ends. */
  readonly onReload?: ((step: 'begun' | 'done') => void) | undefined;
  /** Reads options and configuration anew. @throws {AvmaError} for a mistake in them. */
  readonly reread: () => Reread;
}

/**
 * Makes the function that reads all anew: configuration, catalogs, certificates, licenses, endpoints. What serves goes
 * on serving meanwhile. Whatever is wrong keeps what it would have replaced; the configuration and the catalogs are
 * read before anything is changed.
 *
 * What it did, and what it could not do, is said to the operator.
 *
 * @returns The function; calls of it happen one after the other. It throws `config-invalid`, what the catalogs and
 *   {@link EndpointSet.change} throw, and `file-invalid` for a file of the host's folder that counts for nothing: then
 *   all the rest was taken.
 */
export function createReload(parts: Reloaded): () => Promise<ReloadReport> {
  let turn: Promise<unknown> = Promise.resolve();
  return () => {
    const done = turn.then(() => reloadAndSay(parts));
    turn = done.catch(() => {});
    return done;
  };
}

async function reloadAndSay(parts: Reloaded): Promise<ReloadReport> {
  const { notify, onReload = () => {} } = parts;
  onReload('begun');
  try {
    const report = await reload(parts);
    const { changes, needsRestart } = report;
    notify(changes.length === 0 ? 'Reloaded: nothing has changed.' : `Reloaded: ${changes.join(', ')}.`);
    for (const member of needsRestart) notify(`A change of ${member} counts when the host is started again.`);
    return report;
  } catch (thrown) {
    const { code, message, hint } = toAvmaError(thrown, 'the host failed');
    notify(`The reload failed, and what it would have replaced stays: ${message} [${code}]. ${hint}`, {
      level: 'warning',
    });
    throw thrown;
  } finally {
    onReload('done');
  }
}

async function reload({
  endpoints,
  catalogs,
  documents,
  limits,
  observe,
  reread,
}: Reloaded): Promise<ReloadReport> {
  const { leaseMs, needsRestart, ...wanted } = reread();
  const products = catalogs.read();
  const held = countsOf(documents);
  documents.refresh();
  const { opened, closed } = await endpoints.change(wanted);
  const changes = [
    ...opened.filter((name) => !closed.includes(name)).map((name) => `endpoint ${name} is served`),
    ...closed.filter((name) => !opened.includes(name)).map((name) => `endpoint ${name} is no longer served`),
    ...opened
      .filter((name) => closed.includes(name))
      .map((name) => `endpoint ${name} is served in another way`),
    ...(products.changed ? [`the catalogs have ${counted(products.count, 'product')}`] : []),
    ...differences(held, countsOf(documents)),
    ...(leaseMs === limits.leaseMs ? [] : [`leases are for ${counted(leaseMs / 60_000, 'minute')} at most`]),
  ];
  limits.leaseMs = leaseMs;
  observe({ kind: 'reloaded', changes });
  refuseProblems(documents.problems);
  return { changes, needsRestart };
}

type Counts = Readonly<Record<'certificate' | 'license', string>>;

/** What the host holds, so that two looks can be compared. */
function countsOf(documents: HoldingsReader): Counts {
  const { certificates, licenses } = documents.snapshot.stored;
  const list = (files: readonly { readonly file: string }[]) => files.map(({ file }) => file).join('\n');
  return { certificate: list(certificates), license: list(licenses) };
}

function differences(before: Counts, after: Counts): string[] {
  return (['certificate', 'license'] as const)
    .filter((kind) => before[kind] !== after[kind])
    .map((kind) => `there ${sayCount(after[kind] === '' ? 0 : after[kind].split('\n').length, kind)}`);
}

function sayCount(count: number, kind: string): string {
  return `${count === 1 ? 'is' : 'are'} ${counted(count, kind)} now`;
}

/** @throws {AvmaError} `file-invalid` if something is wrong with a file that the host holds. */
function refuseProblems([first, ...others]: readonly string[]): void {
  if (first === undefined) return;
  const more = others.length === 0 ? '' : `, and ${others.length} more like it`;
  throw new AvmaError('file-invalid', `a file counts for nothing: ${first}${more}`, {
    hint: 'Everything else was taken. Remove the file, or put the right one in its place: avma host status lists all.',
  });
}
