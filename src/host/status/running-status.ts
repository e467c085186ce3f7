import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { MINUTE_MS } from '../../schema/durations.ts';
import { isoInstant } from '../../schema/format-time.ts';
import type { CatalogReader } from '../catalog-reader.ts';
import type { EndpointSet } from '../endpoints/endpoint-set.ts';
import type { HoldingsReader } from '../holdings/holdings-reader.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { LedgerReader } from '../ledger/ledger-reader.ts';
import { formatLedgerUri, type LedgerUri } from '../ledger/ledger-uri.ts';
import type { HostMoment, HostObserver } from '../observer.ts';
import { Activity } from '../observers/activity.ts';
import type { RunningPresence } from '../presence/open-presence.ts';
import { lastReportOf } from '../report/report-store.ts';
import type { Seats } from '../seats.ts';
import { LiveEvents } from '../shown-events/live-events.ts';
import { levelOfFault } from '../shown-events/of-moment.ts';
import { type GuestTally, tallyGuests } from './guest-tally.ts';
import type { HostStatus } from './host-status.ts';
import { hostValidityOf } from './host-validity.ts';
import { decisionsOf, ledgerStatusOf } from './ledger-status.ts';
import { missingRecords } from './missing-records.ts';
import { hostStatusOf } from './status-of.ts';
import { MAX_TOP_CLONES, MAX_TOP_EVENTS, type TopFrame } from './top-frame.ts';

/** What was read of the ledger is shown for so many times as long as the reading took: a twentieth of a processor. */
const FRESH_TIMES = 20;

/** The parts of a running host that its status is made from. */
export interface StatusParts {
  readonly folder: string;
  readonly version: string;
  /** Milliseconds since 1970 UTC. */
  readonly startedAt: number;
  readonly documents: HoldingsReader;
  readonly catalogs: Pick<CatalogReader, 'problem'>;
  readonly presence: RunningPresence;
  /** Of this host, and of the others on its database. */
  readonly seats: Pick<Seats, 'guestsOf'>;
  readonly ledger: Ledger;
  readonly ledgerUri: LedgerUri;
  readonly endpoints: EndpointSet;
  /** Opens the ledger to be read, beside the one that is written; undefined for one that nobody reads. */
  readonly openReader: (() => Promise<LedgerReader>) | undefined;
}

type LedgerStatus = NonNullable<HostStatus['ledger']>;

/** What was read of the ledger at one time. */
interface LedgerLook {
  readonly tally: GuestTally;
  readonly decisions: NonNullable<HostStatus['decisions']>;
  readonly ledger: LedgerStatus;
}

/** What a running host knows of itself: observes all that happens, and answers for the status at any time. */
export class RunningStatus {
  readonly activity = new Activity();
  readonly events = new LiveEvents();
  #parts: StatusParts | undefined;
  #lastError: HostStatus['lastError'] = null;
  #open = 0;
  #look: Promise<LedgerLook> | undefined;
  #last: LedgerLook | undefined;
  #freshUntil = 0;

  readonly observe: HostObserver = (moment) => {
    const now = Date.now();
    this.activity.take(moment, now);
    this.events.take(moment, now);
    if (moment.kind === 'connection-opened') this.#open++;
    if (moment.kind === 'connection-closed') this.#open--;
    const trouble = troubleOf(moment);
    if (trouble !== undefined) this.#lastError = { at: isoInstant(now), message: trouble };
  };

  /** The host is put together: its parts can be asked from now on. */
  show(parts: StatusParts): void {
    this.#parts = parts;
  }

  /** The guests by state as they were read last, a moment ago; null before the first reading, which this begins. */
  get guests(): HostStatus['guests'] {
    if (this.#parts === undefined) return null;
    this.#ledgerLook(this.#parts).catch(() => {});
    return this.#last === undefined ? null : this.#guestsOf(this.#parts, this.#last.tally);
  }

  /** As {@link guests}, by the names of the states; at first only how many are present. */
  get guestStates(): Readonly<Record<string, number>> {
    const { present = this.#parts?.presence.presence.size ?? 0, ...others } = this.guests ?? {};
    return { ...others, present: present ?? 0 };
  }

  /** The status now; what it says of the ledger is a moment old, or some seconds where the ledger is long. */
  async status(): Promise<HostStatus> {
    if (this.#parts === undefined)
      throw new TypeError('a status was asked for before the host was put together');
    const parts = this.#parts;
    const { documents, presence, seats, endpoints, catalogs } = parts;
    const problems = [...documents.problems];
    const warnings =
      catalogs.problem === null
        ? []
        : [`the host goes on with the products that it has read before, because ${catalogs.problem}`];
    let look: LedgerLook | null = null;
    try {
      look = await this.#ledgerLook(parts);
      warnings.push(...missingRecords(parts.folder, documents.current, parts.ledger.head().seq));
    } catch (thrown) {
      problems.push(`the ledger cannot be read: ${toAvmaError(thrown, 'it failed').message}`);
    }
    const now = Date.now();
    const named = endpoints.named.map(({ channel }) => channel.name);
    return hostStatusOf({
      ...{ now, from: 'host', version: parts.version, folder: parts.folder },
      holdings: documents.current,
      ...{ problems, warnings },
      serving: {
        state: 'running',
        record: { pid: process.pid, startedAt: parts.startedAt, endpoints: named },
      },
      ledger: { ...(look?.ledger ?? unreadLedger(parts.ledgerUri)), ...headOf(parts.ledger) },
      channels: this.#channels(endpoints),
      tally: look && { ...look.tally, counts: this.#guestsOf(parts, look.tally) },
      present: presence.presence.size,
      seatsOf: (licenseId) => seats.guestsOf(licenseId, now),
      decisions: look?.decisions ?? null,
      lastError: this.#lastError,
      lastReport: lastReportOf(parts.folder),
    });
  }

  /** The host now, for `avma host top`. */
  top(): TopFrame {
    if (this.#parts === undefined)
      throw new TypeError('a status was asked for before the host was put together');
    const { documents, presence, seats, endpoints, ledger, startedAt, version } = this.#parts;
    const now = Date.now();
    const holdings = documents.current;
    const { state, remainingMs } = hostValidityOf(holdings, now);
    const { ok, waiting } = ledger.health();
    return {
      ...{ at: isoInstant(now), name: holdings.host.name, version, state, since: isoInstant(startedAt) },
      remainingMinutes: remainingMs === null ? null : Math.floor(remainingMs / MINUTE_MS),
      perSecond: [...this.activity.perSecond(now)],
      latency: { minute: this.activity.latency(1, now), hour: this.activity.latency(60, now) },
      decisions: {
        minute: this.activity.counts(1, now),
        hour: this.activity.counts(60, now),
        day: this.activity.counts(24 * 60, now),
      },
      guests: this.guests,
      channels: this.#channels(endpoints),
      seats: holdings.licenses.map(({ license: { licenseId, product, guests } }) => ({
        licenseId,
        product: product.name,
        taken: seats.guestsOf(licenseId, now),
        limit: guests,
      })),
      ledger: { records: ledger.head().seq, ok, waiting },
      clones: [...clonesOf(presence)].slice(0, MAX_TOP_CLONES),
      events: [...this.events.newest(MAX_TOP_EVENTS)],
    };
  }

  #channels(endpoints: EndpointSet): NonNullable<HostStatus['channels']> {
    return {
      open: Math.max(0, this.#open),
      named: endpoints.named.length,
      domains: endpoints.domains ?? 0,
    };
  }

  /** A running host knows of more clones than the last decisions say. */
  #guestsOf({ presence }: StatusParts, { counts }: GuestTally): NonNullable<HostStatus['guests']> {
    return { ...counts, present: presence.presence.size, clones: presence.clones.size };
  }

  /** One reading at a time, and none while the last one is fresh: a large ledger takes its time. */
  #ledgerLook(parts: StatusParts): Promise<LedgerLook> {
    const now = performance.now();
    if (this.#look !== undefined && now < this.#freshUntil) return this.#look;
    this.#freshUntil = Number.POSITIVE_INFINITY;
    this.#look = lookAtLedger(parts, this.activity).finally(() => {
      const took = performance.now() - now;
      this.#freshUntil = performance.now() + took * FRESH_TIMES;
    });
    this.#look.then(
      (look) => {
        this.#last = look;
      },
      () => {},
    );
    return this.#look;
  }
}

/** The VM IDs that are at two places now. */
function* clonesOf({ presence, clones }: RunningPresence): Generator<TopFrame['clones'][number]> {
  if (clones.size === 0) return;
  for (const { vmId } of presence.all()) {
    if (!clones.has(vmId)) continue;
    yield {
      vmId,
      places: clones
        .placesOf(vmId)
        .map(({ host, channel }) => (host === null ? channel : `${host} ${channel}`)),
    };
  }
}

async function lookAtLedger(parts: StatusParts, activity: Activity): Promise<LedgerLook> {
  const { ledger, ledgerUri, openReader, documents } = parts;
  if (openReader === undefined) throw new AvmaError('io-error', 'this ledger is only written');
  const reader = await openReader();
  try {
    const now = Date.now();
    return {
      tally: await tallyGuests(reader, documents.current.host.hardwareId, now),
      decisions: await decisionsOf(reader, activity, now),
      ledger: await ledgerStatusOf(ledgerUri, ledger.head(), reader, { ok: true, lastError: null }),
    };
  } finally {
    await reader.close();
  }
}

/** A ledger of which nothing is known but where it is. */
function unreadLedger(uri: LedgerUri): Pick<LedgerStatus, 'engine' | 'place' | 'checkpoint' | 'bytes'> {
  return { engine: uri.engine, place: formatLedgerUri(uri), checkpoint: null, bytes: null };
}

/** The head and the health as they are now. */
function headOf(ledger: Ledger): Omit<LedgerStatus, 'engine' | 'place' | 'checkpoint' | 'bytes'> {
  const { seq, digest, time } = ledger.head();
  const { ok, lastError } = ledger.health();
  return {
    records: seq,
    digest: seq === 0 ? null : digest,
    time: seq === 0 ? null : isoInstant(time),
    ok,
    lastError: lastError && { at: isoInstant(lastError.at), message: lastError.message },
  };
}

/** What is an error of the host's own. */
function troubleOf(moment: HostMoment): string | undefined {
  if (moment.kind === 'ledger-failed') return `the ledger cannot be written: ${moment.message}`;
  return moment.kind === 'request-faulted' && levelOfFault(moment) === 'error' ? moment.message : undefined;
}
