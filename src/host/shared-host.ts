import { toAvmaError } from '../errors/avma-error.ts';
import { MINUTE_MS } from '../schema/durations.ts';
import { debug } from '../system/debug.ts';
import type { Notify } from '../system/notify.ts';
import { pause } from '../system/pause.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { PostgresLedger } from './ledger/postgres/postgres-ledger.ts';
import type { RunningPresence } from './presence/open-presence.ts';
import type { Seats } from './seats.ts';
import type { HostStatus } from './status/host-status.ts';

/** From one report of a host's status to the next, in milliseconds. */
const REPORT_MS = MINUTE_MS;

/** How long the last report of a host that stops may take, in milliseconds. */
const CLOSE_MS = 3000;

/** Gives a host's status as it is now. */
type StatusSource = () => HostStatus | Promise<HostStatus>;

/** What a host shares with the others on its database. */
export interface SharedHost {
  /** Seats of all hosts. */
  readonly seats: Seats;
  /** Shows this host to the others, and looks at them; leaves its status in the database once a minute. */
  start(status: StatusSource): void;
  /** Takes this host's guests out of the others' sight; before the ledger is closed. */
  close(): Promise<void>;
}

/** What is shared. */
export interface SharedHostOptions {
  readonly ledger: Ledger;
  /** The hardware ID. */
  readonly host: string;
  readonly presence: RunningPresence;
  /** Wall clock, milliseconds since 1970 UTC. */
  readonly now: () => number;
  readonly notify: Notify;
}

/** Shares a host's presence with the other hosts on its database; null for a ledger of its own. */
export async function shareHost(options: SharedHostOptions): Promise<SharedHost | null> {
  const { ledger } = options;
  if (!isShared(ledger)) return null;
  const [{ SharedPresence }, { reportStatus }] = await Promise.all([
    import('./presence/shared-presence.ts'),
    import('./fleet/database.ts'),
  ]);
  const shared = new SharedPresence({ ...options, link: ledger.link });
  let source: StatusSource | undefined;
  let timer: NodeJS.Timeout | undefined;
  const report = async (change: (status: HostStatus) => HostStatus = (status) => status) => {
    if (!ledger.link.up || source === undefined) return;
    try {
      await reportStatus(ledger.link, change(await source()), shared.clockOffset);
    } catch (thrown) {
      // A database that is away is said already; the next report says all of this one and more.
      debug('host', () => `no status reported: ${toAvmaError(thrown, 'it failed').message}`);
    }
  };
  return {
    seats: shared.seats,
    start(status) {
      source = status;
      shared.start();
      void shared.look().then(() => report());
      timer = setInterval(() => void report(), REPORT_MS);
      timer.unref();
    },
    async close() {
      clearInterval(timer);
      const closing = report(stopped).then(() => shared.close());
      // A database that does not answer keeps no host from stopping.
      const patience = new AbortController();
      await Promise.race([closing, pause(CLOSE_MS, patience.signal)]);
      patience.abort();
    },
  };
}

/** The last thing that a host says before it stops. */
function stopped(status: HostStatus): HostStatus {
  return { ...status, serving: { state: 'not running', since: null, pid: null, endpoints: [] } };
}

function isShared(ledger: Ledger): ledger is PostgresLedger {
  return 'link' in ledger;
}
