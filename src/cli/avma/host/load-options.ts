import { AvmaError } from '../../../errors/avma-error.ts';
import type { LoadPlan } from '../../../load/load-plan.ts';
import { parseWholeNumber } from '../option-values.ts';

/** The options of `avma host load`, as typed. */
export interface LoadOptions {
  readonly pipe?: readonly string[];
  readonly guests?: string;
  readonly rate?: string;
  readonly for?: string;
  readonly requests?: string;
  readonly connections?: string;
  readonly depth?: string;
  readonly channels?: string;
  readonly prepared?: boolean;
  readonly product?: string;
  readonly seed?: string;
  readonly json?: boolean;
}

const MAX_GUESTS = 1_000_000;
const MAX_REQUESTS = 1_000_000;
/** Each is in memory with its answer: some 5 KB. */
const MAX_PREPARED_REQUESTS = 200_000;
const MAX_CONNECTIONS = 10_000;

/** A host takes 128 connections a socket; beyond that it closes idle ones. */
const CONNECTIONS_A_SOCKET = 100;

/**
 * The plan that the options of `avma host load` mean. Pure.
 *
 * @param sockets - How many sockets `--pipe` named; undefined for a host of its own.
 * @returns the plan, and how many sockets a host of its own listens on.
 * @throws {AvmaError} `argument-invalid`.
 */
export function planOf(
  options: LoadOptions,
  sockets: number | undefined,
): { readonly plan: LoadPlan; readonly channels: number } {
  const closed = options.requests !== undefined;
  if (closed && (options.rate !== undefined || options.for !== undefined)) {
    throw conflict('--requests', options.rate === undefined ? '--for' : '--rate');
  }
  if (!closed && options.depth !== undefined) throw conflict('--depth', 'a rate');
  if (sockets !== undefined && options.channels !== undefined) throw conflict('--channels', '--pipe');
  const guests = whole('--guests', options.guests, 1000, MAX_GUESTS);
  const rate = closed ? null : rateOf(options.rate ?? '100');
  const requests =
    rate === null
      ? whole('--requests', options.requests, 1, MAX_REQUESTS)
      : Math.max(1, Math.round((rate * durationMs(options.for ?? '10s')) / 1000));
  const most = options.prepared === true ? MAX_PREPARED_REQUESTS : MAX_REQUESTS;
  if (requests > most) {
    throw new AvmaError('argument-invalid', `that is ${requests} requests, and a run has ${most} at most`);
  }
  const asked = whole('--connections', options.connections, closed ? 8 : 64, MAX_CONNECTIONS);
  const needed = Math.ceil(asked / CONNECTIONS_A_SOCKET);
  const channels = sockets ?? whole('--channels', options.channels, needed, 5000);
  return {
    channels,
    plan: {
      ...{ guests, requests, rate },
      connections: Math.max(asked, channels),
      depth: whole('--depth', options.depth, 1, 256),
      prepared: options.prepared === true,
    },
  };
}

function whole(option: string, typed: string | undefined, otherwise: number, max: number): number {
  return typed === undefined ? otherwise : parseWholeNumber(option, typed, 1, max);
}

/** @throws {AvmaError} `argument-invalid` for no number, and over 100,000. */
function rateOf(typed: string): number {
  const rate = /^\d{1,6}(\.\d{1,3})?$/.test(typed) ? Number(typed) : 0;
  if (rate > 0 && rate <= 100_000) return rate;
  throw new AvmaError(
    'argument-invalid',
    `--rate is "${typed}", not a number of requests a second up to 100000`,
  );
}

/** @throws {AvmaError} `argument-invalid` for what is no time of `30s`, `5m` or `1h`. */
function durationMs(typed: string): number {
  const match = /^(\d{1,6}) ?(s|m|h)?$/.exec(typed.trim());
  const ms =
    Number(match?.[1] ?? 0) * 1000 * { s: 1, m: 60, h: 3600 }[(match?.[2] ?? 's') as 's' | 'm' | 'h'];
  if (ms > 0) return ms;
  throw new AvmaError('argument-invalid', `--for is "${typed}", which is no time`, {
    hint: 'Write it as --for 30s or --for 5m.',
  });
}

function conflict(option: string, other: string): AvmaError {
  return new AvmaError('argument-invalid', `${option} and ${other} exclude each other`, {
    hint: 'Use --rate with --for, or --requests with --connections: see avma host load --help.',
  });
}
