import * as z from 'zod/mini';
import { toAvmaError } from '../../errors/avma-error.ts';
import { MAX_LEASE_MS } from '../../protocol/answer.ts';
import { MINUTE_MS } from '../../schema/durations.ts';
import { anyInteger, anyText, oneOf } from '../../schema/shapes.ts';
import type { Notify } from '../../system/notify.ts';
import type { PostgresLink } from '../ledger/postgres/link.ts';
import { rowsOf } from '../ledger/postgres/rows.ts';
import { ProblemReporter } from '../notify.ts';
import type { ClonePlace } from './clone-rules.ts';
import type { RunningPresence } from './open-presence.ts';
import { SharedSeats } from './shared-seats.ts';
import { vmKey } from './vm-key.ts';

/** From one look at the other hosts to the next, in milliseconds. */
const LOOK_MS = 5000;
/** After how long a host that shows no sign of life counts for nothing, in milliseconds. */
const STALE_MS = MINUTE_MS;
/** How long changes are looked at again: two hosts' transactions do not end in the order in which they began. */
const OVERLAP_MS = 30_000;
/** How long rows of places that have ended stay, for other hosts to see. */
const GONE_MS = 10 * MINUTE_MS;

const Other = z.strictObject({ host: anyText, name: anyText, age: z.nullable(anyInteger) });
type Other = z.infer<typeof Other>;

const Row = z.strictObject({
  host: anyText,
  vmId: anyText,
  channel: anyText,
  domain: z.nullable(anyText),
  explicit: z.boolean(),
  own: z.boolean(),
  state: oneOf(['here', 'left', 'gone']),
  since: anyInteger,
  firstAsked: z.nullable(anyInteger),
  askedAt: z.nullable(anyInteger),
  licenses: z.array(anyText),
  changedAt: anyInteger,
});
type Row = z.infer<typeof Row>;

/** The server's clock, milliseconds since 1970 UTC: the one clock that all hosts share. */
const SERVER_NOW = '(extract(epoch from clock_timestamp()) * 1000)::bigint';

/** What presence is shared with. */
export interface SharedPresenceOptions {
  readonly link: PostgresLink;
  /** The hardware ID. */
  readonly host: string;
  readonly presence: RunningPresence;
  /** Wall clock, milliseconds since 1970 UTC. */
  readonly now: () => number;
  /** Hears when what the hosts share cannot be read or written although the database answers. */
  readonly notify: Notify;
}

/**
 * The presence of all hosts on one database: shows this host's places, and looks at those of the others, each five
 * seconds. While the database does not answer, what was seen last counts.
 */
export class SharedPresence {
  readonly seats: SharedSeats;
  readonly #options: SharedPresenceOptions;
  readonly #problems: ProblemReporter;
  /** The others' rows, by host and then by VM and channel, with times of the server's clock. */
  readonly #rows = new Map<string, Map<string, Row>>();
  /** Hosts that show no sign of life: their rows are kept, and count for nothing. */
  readonly #stale = new Set<string>();
  #names = new Map<string, string>();
  /** Up to which change, of the server's clock, the others' rows were looked at. */
  #seen = 0;
  /** The server's clock less this host's wall clock, in milliseconds; null before the first look. */
  #offset: number | null = null;
  /** Whether the database has what this process shows; not before the first time, nor when a statement failed. */
  #shown = false;
  #upSince: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: SharedPresenceOptions) {
    this.#options = options;
    this.#problems = new ProblemReporter(options.notify);
    this.seats = new SharedSeats(options.presence.seats);
  }

  /** The server's clock less this host's, in milliseconds; null before the first look. */
  get clockOffset(): number | null {
    return this.#offset;
  }

  start(): void {
    void this.look();
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
    this.#timer.unref();
  }

  /** Shows that this host is no longer there. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#turn;
    if (!this.#options.link.up) return;
    await this.#try(async () => {
      await this.#forget();
      await this.#run('update avma_hosts set alive_at = null where host = $1', [this.#options.host]);
    });
  }

  /** Shows what has changed here, then looks at what the others show. Never rejects. */
  look(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#try(() => this.#look()));
    return this.#turn;
  }

  async #try(work: () => Promise<void>): Promise<void> {
    const { link } = this.#options;
    if (!link.up) {
      this.#upSince = undefined;
      this.#shown = false;
      return;
    }
    this.#upSince ??= this.#options.presence.steady();
    try {
      await work();
      this.#problems.report([]);
    } catch (thrown) {
      this.#shown = false;
      // A link that went down meanwhile is said by the ledger.
      if (!link.up) return;
      const { message } = toAvmaError(thrown, 'it failed');
      this.#problems.report([
        `This host sees no seats and no clones of other hosts: their presence in ${link.place} cannot be shared: ${message}.`,
      ]);
    }
  }

  async #look(): Promise<void> {
    const { host, now } = this.#options;
    const before = now();
    const { rows } = await this.#run(
      `update avma_hosts set alive_at = ${SERVER_NOW} where host = $1 returning alive_at as now`,
      [host],
    );
    const server = rows[0]?.['now'];
    if (typeof server !== 'number') return;
    this.#offset = Math.round(server - (before + now()) / 2);
    await this.#show(server);
    await this.#lookAtOthers(server);
  }

  async #show(server: number): Promise<void> {
    const { presence, host, now } = this.#options;
    const { clones, seats } = presence;
    if (!this.#shown) {
      await this.#forget();
      clones.showAll();
    }
    const shift = server - presence.steady();
    const at = (time: number | null) => (time === null ? null : Math.round(time + shift));
    const rows = clones.takeUnshown().map(({ vmId, channel, place }) => ({
      key: vmKey(vmId),
      vmId,
      channel,
      domain: place?.domain ?? null,
      explicit: place?.explicit ?? false,
      own: place?.own ?? false,
      state: place === null ? 'gone' : place.left ? 'left' : 'here',
      since: at(place?.since ?? null) ?? server,
      firstAsked: at(place?.firstAsked ?? null),
      askedAt: at(place?.askedAt ?? null),
      licenses: JSON.stringify(seats.licensesOf(vmId, now())),
    }));
    if (rows.length > 0) {
      this.#shown = false;
      const columns = Object.keys(rows[0] ?? {}) as (keyof (typeof rows)[number])[];
      const values = columns.map((column) => rows.map((row) => row[column]));
      await this.#run(SHOW, [host, server, ...values]);
    }
    this.#shown = true;
    await this.#run('delete from avma_presence where host = $1 and state = $2 and changed_at < $3', [
      host,
      'gone',
      server - GONE_MS,
    ]);
  }

  /** What an earlier process, or an earlier connection, has shown. */
  async #forget(): Promise<void> {
    await this.#run(
      `update avma_presence set state = 'gone', changed_at = ${SERVER_NOW} where host = $1 and state <> 'gone'`,
      [this.#options.host],
    );
  }

  async #lookAtOthers(server: number): Promise<void> {
    const { host } = this.#options;
    const others = await this.#run(
      `select host, name, $2::bigint - alive_at as age from avma_hosts where host <> $1`,
      [host, server],
    );
    const changed = await this.#run(
      `select host, vm_id as "vmId", channel, domain, explicit, own, state, since, first_asked as "firstAsked",
         asked_at as "askedAt", licenses, changed_at as "changedAt"
       from avma_presence where host <> $1 and changed_at > $2 order by coalesce(asked_at, since), changed_at`,
      [host, this.#seen - OVERLAP_MS],
    );
    const hosts = rowsOf(Other, others.rows);
    this.#names = new Map(hosts.map((one) => [one.host, one.name]));
    for (const row of rowsOf(Row, changed.rows)) this.#take(row, server);
    this.#judgeAges(hosts, server);
    this.seats.replace(this.#seatsOfOthers(server), this.#options.now());
  }

  #take(row: Row, server: number): void {
    this.#seen = Math.max(this.#seen, row.changedAt);
    const known = this.#rows.get(row.host) ?? new Map<string, Row>();
    this.#rows.set(row.host, known);
    const key = `${vmKey(row.vmId)}\n${row.channel}`;
    const before = known.get(key);
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(row)) return;
    if (before === undefined && row.state === 'gone') return;
    if (row.state === 'gone') known.delete(key);
    else known.set(key, row);
    if (!this.#stale.has(row.host)) this.#follow(row, row.state === 'gone', server);
  }

  #follow(row: Row, ended: boolean, server: number): void {
    const { presence } = this.#options;
    const shift = presence.steady() - server;
    const at = (time: number | null) => (time === null ? null : time + shift);
    const place: ClonePlace = {
      host: this.#names.get(row.host) ?? row.host,
      channel: row.channel,
      domain: row.domain,
      explicit: row.explicit,
      own: row.own,
      since: row.since + shift,
      firstAsked: at(row.firstAsked),
      askedAt: at(row.askedAt),
      left: row.state === 'left',
    };
    presence.seenElsewhere(row.vmId, place, ended);
  }

  #judgeAges(hosts: readonly Other[], server: number): void {
    // After a database was away, all hosts seem silent until they have shown themselves again.
    const now = this.#options.presence.steady();
    const upFor = now - (this.#upSince ?? now);
    for (const { host, age } of hosts) {
      const stale = age === null || (age > STALE_MS && upFor > STALE_MS);
      if (stale === this.#stale.has(host)) continue;
      if (stale) this.#stale.add(host);
      else this.#stale.delete(host);
      for (const row of this.#rows.get(host)?.values() ?? []) this.#follow(row, stale, server);
    }
  }

  #seatsOfOthers(server: number): Map<string, Set<string>> {
    const seats = new Map<string, Set<string>>();
    for (const [host, rows] of this.#rows) {
      if (this.#stale.has(host)) continue;
      for (const { vmId, state, licenses, askedAt } of rows.values()) {
        if (state !== 'here' || server - (askedAt ?? 0) > MAX_LEASE_MS) continue;
        for (const license of licenses) {
          const vms = seats.get(license) ?? new Set();
          seats.set(license, vms.add(vmKey(vmId)));
        }
      }
    }
    return seats;
  }

  #run(text: string, values: readonly unknown[]) {
    return this.#options.link.run({ text, values });
  }
}

const SHOW = `
insert into avma_presence (host, changed_at, vm_key, vm_id, channel, domain, explicit, own, state, since,
  first_asked, asked_at, licenses)
select $1, $2, key, vm_id, channel, domain, explicit, own, state, since, first_asked, asked_at,
  array(select jsonb_array_elements_text(licenses::jsonb))
from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::boolean[], $9::text[],
  $10::bigint[], $11::bigint[], $12::bigint[], $13::text[])
  as shown (key, vm_id, channel, domain, explicit, own, state, since, first_asked, asked_at, licenses)
on conflict (host, vm_key, channel) do update set changed_at = excluded.changed_at, vm_id = excluded.vm_id,
  domain = excluded.domain, explicit = excluded.explicit, own = excluded.own, state = excluded.state, since = excluded.since,
  first_asked = excluded.first_asked, asked_at = excluded.asked_at, licenses = excluded.licenses
`;
