import * as z from 'zod/mini';
import { parseJsonText } from '../../protocol/envelope.ts';
import { MINUTE_MS } from '../../schema/durations.ts';
import { anyInteger, anyText, instant, integer, sha256Hex } from '../../schema/shapes.ts';
import type { PostgresLink } from '../ledger/postgres/link.ts';
import { PostgresReading } from '../ledger/postgres/reading.ts';
import { rowsOf } from '../ledger/postgres/rows.ts';
import type { HostStatus } from '../status/host-status.ts';
import type { Said } from './fleet-host.ts';
import type { Collected, LeftAside } from './fleet-status.ts';
import { saidIn } from './said.ts';

/** After how long without a report a host counts as silent, in milliseconds: each reports once a minute. */
const SILENT_MS = 5 * MINUTE_MS;

/** The server's clock, milliseconds since 1970 UTC. */
const SERVER_NOW = '(extract(epoch from clock_timestamp()) * 1000)::bigint';

const Row = z.strictObject({
  host: anyText,
  name: anyText,
  status: z.nullable(anyText),
  reportedAt: z.nullable(instant),
  clockOffset: z.nullable(anyInteger),
  records: z.nullable(integer(0, Number.MAX_SAFE_INTEGER)),
  digest: z.nullable(sha256Hex),
  now: instant,
});
type Row = z.infer<typeof Row>;

/**
 * What the hosts on a database have said of themselves there, once a minute, and where their ledgers stand.
 *
 * @throws {AvmaError} What {@link PostgresReading} throws.
 */
export async function collectDatabase(url: string, env: NodeJS.ProcessEnv): Promise<Collected> {
  const reading = new PostgresReading(url, env);
  try {
    const { rows } = await reading.run({
      text: `select h.host, h.name, h.status, h.reported_at as "reportedAt", h.clock_offset as "clockOffset",
               head.seq as records, head.digest, ${SERVER_NOW} as now
             from avma_hosts h left join lateral (
               select seq, digest from avma_records r where r.host = h.host order by seq desc limit 1
             ) head on true`,
    });
    const found = rowsOf(Row, rows);
    const said: Said[] = [];
    const aside: LeftAside[] = [];
    for (const row of found) {
      const one = saidByRow(row);
      if (typeof one === 'string') aside.push({ source: `${row.name} (${row.host})`, why: one });
      else said.push(one);
    }
    return { said, aside, now: found[0]?.now ?? Date.now(), silentMs: SILENT_MS };
  } finally {
    await reading.close();
  }
}

function saidByRow({ status, reportedAt, clockOffset, records, digest }: Row): Said | string {
  if (status === null || reportedAt === null) return 'it has not reported yet';
  const said = saidIn(parseJsonText(status), { source: 'database', writtenAt: reportedAt, clockOffset });
  if (typeof said === 'string') return said;
  const ledger = said.ledger && { ...said.ledger, records: records ?? 0, digest };
  return { ...said, reportedAt, ledger };
}

/**
 * Leaves what a host says of itself in its database, for {@link collectDatabase}.
 *
 * @param clockOffset - The server's clock less the host's, in milliseconds; null where it is not known.
 * @throws what pg throws; {AvmaError} `io-error` without a connection.
 */
export async function reportStatus(
  link: PostgresLink,
  status: HostStatus,
  clockOffset: number | null,
): Promise<void> {
  await link.run({
    text: `update avma_hosts set name = $2, status = $3, reported_at = ${SERVER_NOW}, clock_offset = $4 where host = $1`,
    values: [
      status.hardwareId,
      status.name,
      JSON.stringify({ schema: 'avma.host-status/2', ...status }),
      clockOffset,
    ],
  });
}
