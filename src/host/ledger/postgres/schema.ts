import { AvmaError } from '../../../errors/avma-error.ts';
import { inTransaction, type RunStatement } from './link.ts';

/** The key of the lock under which one host at a time makes or changes the tables: "avma" in ASCII. */
const MIGRATION_LOCK = 0x61_76_6d_61;

/**
 * The steps from an empty database to the present tables, the first one first. A step that was released is never
 * changed: what is to be different is a further step.
 */
export const MIGRATIONS: readonly string[] = [
  `
  create table avma_hosts (
    host text primary key,
    name text not null,
    first_seen bigint not null,
    alive_at bigint,
    status text,
    reported_at bigint,
    clock_offset bigint
  );
  comment on table avma_hosts is 'one row a host: hardware ID, name, what it says of itself (avma.host-status)';

  create table avma_records (
    host text not null references avma_hosts,
    seq bigint not null check (seq > 0),
    digest text not null,
    previous text not null,
    kind text not null check (kind in ('entry', 'mark', 'damaged')),
    time bigint not null,
    vm_id text,
    decision text,
    code text,
    text text not null,
    primary key (host, seq)
  );
  comment on table avma_records is 'the ledgers: a chain of records for each host; text is the line itself';
  create index avma_records_time on avma_records (host, time);
  create index avma_records_vm on avma_records (vm_id, time) where vm_id is not null;

  create table avma_answers (
    host text not null references avma_hosts,
    seq bigint not null,
    channel text not null,
    exchange_id text not null,
    request_digest text not null,
    code text not null,
    body bytea not null,
    primary key (host, seq)
  );
  comment on table avma_answers is 'the last answers of each host, to repeat them';
  create index avma_answers_exchange on avma_answers (host, exchange_id);

  create table avma_guests (
    vm_id text not null,
    activation_id text not null,
    host text not null references avma_hosts,
    channel text not null,
    domain text,
    machine_name text,
    edition text,
    decision text not null,
    code text not null,
    expires_at bigint,
    license text,
    first_seen bigint not null,
    last_seen bigint not null,
    approvals bigint not null,
    refusals bigint not null,
    clone boolean not null,
    primary key (vm_id, activation_id)
  );
  comment on table avma_guests is 'one row a VM and product, whatever host it was seen on last';
  create index avma_guests_seen on avma_guests (last_seen);

  create table avma_checkpoints (
    host text not null references avma_hosts,
    seq bigint not null,
    time bigint not null,
    note text not null,
    primary key (host, seq)
  );

  create table avma_folds (
    host text not null references avma_hosts,
    seq bigint not null,
    text text not null,
    primary key (host, seq)
  );

  create table avma_presence (
    host text not null references avma_hosts,
    vm_key text not null,
    vm_id text not null,
    channel text not null,
    domain text,
    explicit boolean not null,
    own boolean not null,
    state text not null check (state in ('here', 'left', 'gone')),
    since bigint not null,
    first_asked bigint,
    asked_at bigint,
    licenses text[] not null,
    changed_at bigint not null,
    primary key (host, vm_key, channel)
  );
  comment on table avma_presence is 'where VMs are; rows of a host count while it renews avma_hosts.alive_at';
  create index avma_presence_changed on avma_presence (changed_at);
  `,
];

/** The version that this avma knows, and writes. */
export const DATABASE_VERSION = MIGRATIONS.length;

/**
 * Brings the tables to the present version, from whichever they have; hosts that start together do it one after the
 * other, and the first does it for all. A role without the right to make tables passes where they are there already.
 *
 * @param steps - The steps that are known.
 * @throws {AvmaError} `ledger-newer` for tables of a later avma: nothing was changed; what the statements throw.
 */
export async function migrate(run: RunStatement, steps: readonly string[] = MIGRATIONS): Promise<void> {
  if ((await versionOf(run)) === steps.length) return;
  await inTransaction(run, async () => {
    await run({ text: 'select pg_advisory_xact_lock($1)', values: [MIGRATION_LOCK] });
    await run({ text: 'create table if not exists avma_schema (version integer not null)' });
    const version = await versionOf(run);
    if (version > steps.length) {
      throw new AvmaError(
        'ledger-newer',
        `the tables of the database have version ${version}, and this avma knows ${steps.length}`,
      );
    }
    for (const step of steps.slice(version)) await run({ text: step });
    await run({ text: 'delete from avma_schema' });
    await run({ text: 'insert into avma_schema (version) values ($1)', values: [steps.length] });
  });
}

/** The version of the tables; 0 where there are none. @throws what the statements throw. */
export async function versionOf(run: RunStatement): Promise<number> {
  const { rows } = await run({ text: "select to_regclass('avma_schema') is not null as made" });
  if (rows[0]?.['made'] !== true) return 0;
  const found = await run({ text: 'select version from avma_schema' });
  const version = found.rows[0]?.['version'];
  return typeof version === 'number' ? version : 0;
}
