/** What is asked of a host, and how. */
export interface LoadPlan {
  /** How many virtual machines ask, in turn. */
  readonly guests: number;
  /** How many requests there are in all. */
  readonly requests: number;
  /**
   * Requests a second, each at its planned moment whether or not earlier ones were answered (an open loop);
   * null: each
   * connection sends its next request when the answer to the last one has come (a closed loop).
   */
  readonly rate: number | null;
  /** How many connections ask at the same time, over all sockets. */
  readonly connections: number;
  /** How many requests of one connection are under way at the same time. */
  readonly depth: number;
  /** Whether all requests are sealed before the clock starts, and all answers verified after it has stopped. */
  readonly prepared: boolean;
}

/** One request of the plan. */
export interface Turn {
  /** The number of the guest that asks, from 0. */
  readonly guest: number;
  /** Milliseconds after the start at which it is to be sent; null: as soon as its connection is free. */
  readonly plannedMs: number | null;
}

/**
 * The requests of a plan, dealt to sockets: guests ask in turn, and each keeps to one socket, as a virtual
 * machine keeps
 * to its channel. Pure.
 *
 * @returns for each socket its turns, in order.
 */
export function dealTurns({ guests, requests, rate }: LoadPlan, sockets: number): Turn[][] {
  const dealt: Turn[][] = Array.from({ length: sockets }, () => []);
  for (let nth = 0; nth < requests; nth++) {
    const guest = nth % guests;
    dealt[guest % sockets]?.push({ guest, plannedMs: rate === null ? null : (nth * 1000) / rate });
  }
  return dealt;
}

/** How many of the plan's connections each socket gets: at least one. Pure. */
export function dealConnections(connections: number, sockets: number): number[] {
  const each = Math.floor(connections / sockets);
  return Array.from({ length: sockets }, (_, at) => Math.max(1, each + (at < connections % sockets ? 1 : 0)));
}
