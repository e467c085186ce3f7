import * as z from 'zod/mini';
import { anyText, hardwareId, integer, oneOf } from '../../schema/shapes.ts';
import { HostStatus } from '../status/host-status.ts';
import type { Said } from './fleet-host.ts';

const count = integer(0, Number.MAX_SAFE_INTEGER);

/** What hosts of version 0.1 said of themselves, as far as it is shown. */
const FirstStatus = z.object({
  schema: oneOf(['avma.host-status/1']),
  name: anyText,
  hardwareId,
  state: HostStatus.shape.state,
  serving: z.object({ state: HostStatus.shape.serving.shape.state }),
  remainingMinutes: z.nullable(count),
  licenses: z.array(
    z.object({
      licenseId: anyText,
      customer: anyText,
      product: z.object({ name: anyText }),
      guests: z.nullable(count),
      used: count,
    }),
  ),
  warnings: z.array(anyText),
  problems: z.array(anyText),
});

const Schema = z.object({ schema: anyText });

/** Where something that a host said was found. */
export interface Found {
  readonly source: string;
  /** When it was written; what a host says of the time itself counts before it. Milliseconds since 1970 UTC. */
  readonly writtenAt: number;
  /** The database's clock less the host's, in milliseconds; null where it is not known. */
  readonly clockOffset: number | null;
}

/** What a host has said, of either version of its status; a sentence where it is none. */
export function saidIn(value: unknown, found: Found): Said | string {
  const { schema } = Schema.safeParse(value).data ?? {};
  if (schema === 'avma.host-status/1') {
    const first = FirstStatus.safeParse(value);
    return first.success ? ofFirst(first.data, found) : notWhole(schema, first.error);
  }
  if (schema !== 'avma.host-status/2') {
    return schema === undefined
      ? 'it is no output of avma host status --json'
      : `it is ${schema}, not avma.host-status`;
  }
  const second = HostStatus.safeParse(value);
  return second.success ? ofSecond(second.data, found) : notWhole(schema, second.error);
}

function notWhole(schema: string, error: z.core.$ZodError): string {
  return `it says that it is ${schema}, and ${error.issues[0]?.path.join('.') || 'all of it'} is wrong`;
}

function ofFirst(status: z.infer<typeof FirstStatus>, { source, writtenAt, clockOffset }: Found): Said {
  const { name, hardwareId: id, state, serving, remainingMinutes, licenses, warnings, problems } = status;
  return {
    ...{ source, clockOffset, name, hardwareId: id, state, remainingMinutes, warnings, problems },
    reportedAt: writtenAt,
    serving: serving.state,
    seats: licenses.map(({ licenseId, customer, product, used, guests }) => ({
      ...{ licenseId, customer, product: product.name, taken: used, limit: guests },
    })),
    version: null,
    ledger: null,
    guests: null,
    lastReport: null,
  };
}

function ofSecond(status: HostStatus, { source, clockOffset }: Found): Said {
  const { name, state, serving, remainingMinutes, licenses, warnings, problems, version } = status;
  const { ledger, guests, lastReport } = status;
  return {
    ...{ source, clockOffset, name, state, remainingMinutes, warnings, problems, version, ledger, guests },
    hardwareId: status.hardwareId,
    reportedAt: Date.parse(status.at),
    serving: serving.state,
    seats: licenses
      .filter(({ aside }) => !aside)
      .map(({ licenseId, customer, product, used, seats, guests: limit }) => ({
        ...{ licenseId, customer, product: product.name, taken: seats ?? used, limit },
      })),
    lastReport: lastReport === null ? null : Date.parse(lastReport.at),
  };
}
