import { setTimeout } from 'node:timers/promises';
import * as z from 'zod/mini';
import { AvmaError } from '../../../errors/avma-error.ts';
import { anyText, integer, sha256Hex } from '../../../schema/shapes.ts';
import { NO_LINE } from '../../../storage/chained-lines.ts';
import { sha256Hex as digestOf } from '../../../system/sha256.ts';
import type { KeptAnswer } from '../batched-ledger.ts';
import type { LedgerHead } from '../ledger.ts';
import { DATABASE_RETRY_SECONDS } from './errors.ts';
import type { RunStatement } from './link.ts';
import { rowsOf } from './rows.ts';

/** The first half of the key of the lock on a host's chain: "avma" in ASCII. */
const CHAIN_LOCK = 0x61_76_6d_61;
/** How long another connection may take to let go of the chain, in milliseconds: one of a host that was just ended. */
const CLAIM_MS = 1000;
const CLAIM_POLL_MS = 100;

const Durability = z.strictObject({ fsync: anyText, commit: anyText, standby: z.boolean() });
const Holder = z.strictObject({ address: z.nullable(anyText), since: z.nullable(anyText) });
const Head = z.strictObject({
  seq: integer(1, Number.MAX_SAFE_INTEGER),
  digest: sha256Hex,
  time: integer(0, Number.MAX_SAFE_INTEGER),
});
const Key = z.strictObject({
  seq: integer(1, Number.MAX_SAFE_INTEGER),
  channel: anyText,
  exchangeId: anyText,
});

/**
 * Has the session confirm only what is on the disk.
 *
 * @throws {AvmaError} `ledger-unsafe` for a server that confirms what is not; `io-error` for a standby, which takes no
 *   records until it is made the primary.
 */
export async function requireDurable(run: RunStatement): Promise<void> {
  const { rows } = await run({
    text: `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
           pg_is_in_recovery() as standby`,
  });
  const [durability] = rowsOf(Durability, rows);
  if (durability?.standby !== false) {
    throw new AvmaError('io-error', 'the database is a standby, which takes no records', {
      retryAfter: DATABASE_RETRY_SECONDS,
      hint: 'Name the primary in the URL of the ledger, or make this one the primary.',
    });
  }
  if (durability.fsync !== 'on') {
    throw new AvmaError(
      'ledger-unsafe',
      'the database runs with fsync = off: a power cut could take answers from the ledger that guests have',
    );
  }
  if (durability.commit === 'off') await run({ text: 'set synchronous_commit to on' });
}

/**
 * Makes this connection the only one that writes a host's chain, until it ends. Earlier connections of the same process
 * are ended first: what they had begun is there then, or not, and never comes later.
 *
 * @param application - What the connections of this process, and only those, are called.
 * @throws {AvmaError} `state-locked`
 */
export async function claimChain(run: RunStatement, hardwareId: string, application: string): Promise<void> {
  await run({
    text: `select pg_terminate_backend(pid) from pg_stat_activity
           where application_name = $1 and usename = current_user and pid <> pg_backend_pid()`,
    values: [application],
  });
  const key = Number.parseInt(digestOf(`avma chain\n${hardwareId}\n`).slice(0, 8), 16) | 0;
  const end = performance.now() + CLAIM_MS;
  for (;;) {
    const { rows } = await run({
      text: 'select pg_try_advisory_lock($1, $2) as taken',
      values: [CHAIN_LOCK, key],
    });
    if (rows[0]?.['taken'] === true) return;
    if (performance.now() >= end) throw locked(hardwareId, await holderOf(run, key));
    await setTimeout(CLAIM_POLL_MS);
  }
}

async function holderOf(run: RunStatement, key: number): Promise<z.infer<typeof Holder> | undefined> {
  const { rows } = await run({
    text: `select host(client_addr) as address, to_char(backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as since
           from pg_locks join pg_stat_activity using (pid)
           where locktype = 'advisory' and granted and classid::bigint = $1
             and objid::bigint = $2::bigint & 4294967295 and objsubid = 2`,
    values: [CHAIN_LOCK, key],
  });
  return rowsOf(Holder, rows)[0];
}

function locked(hardwareId: string, holder: z.infer<typeof Holder> | undefined): AvmaError {
  const at = holder?.address === undefined || holder.address === null ? '' : ` at ${holder.address}`;
  const since = holder?.since === undefined || holder.since === null ? '' : `, since ${holder.since} UTC`;
  return new AvmaError(
    'state-locked',
    `another process${at} writes the ledger of the host ${hardwareId} in this database${since}`,
    {
      retryAfter: DATABASE_RETRY_SECONDS,
      hint: 'One of the two folders is a copy of the other: stop that host, and make this machine a host of its own (avma host init). A host whose machine broke down lets go within half a minute.',
    },
  );
}

/** Where a host's chain stands in the database. @throws what the statement throws. */
export async function readHead(run: RunStatement, hardwareId: string): Promise<LedgerHead> {
  const { rows } = await run({
    text: 'select seq, digest, time from avma_records where host = $1 order by seq desc limit 1',
    values: [hardwareId],
  });
  return rowsOf(Head, rows)[0] ?? { seq: 0, digest: NO_LINE, time: 0 };
}

/** The exchanges whose answers can be repeated, the oldest first. @throws what the statement throws. */
export async function readAnswers(run: RunStatement, hardwareId: string): Promise<KeptAnswer[]> {
  const { rows } = await run({
    text: 'select seq, channel, exchange_id as "exchangeId" from avma_answers where host = $1 order by seq',
    values: [hardwareId],
  });
  return rowsOf(Key, rows);
}
