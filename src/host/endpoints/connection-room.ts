import { openFilesLimit } from '../../system/open-files-limit.ts';
import type { GuestConnection } from './guest-connection.ts';

/** The most connections of one socket. */
const MAX_ON_SOCKET = 128;

/** The most of a host, where its process may open so many files. Each takes some kilobytes. */
const MAX_ON_HOST = 16_384;

/** Descriptors that a host needs besides its sockets: ledger, logs, files that it looks at, threads. */
const RESERVED_FILES = 48;

/** So many connections a host takes even if too few files may be open. */
const LEAST_ON_HOST = 8;

/**
 * How many connections guests may hold open on a host's own sockets. Who opens them and says nothing must keep nobody
 * out: beyond the limits an idle or slow connection ends for the new one, or the new one is refused.
 */
export class ConnectionRoom {
  readonly #maxFiles: number;
  readonly #connections = new Set<GuestConnection>();
  #sockets = 0;

  /** @param maxFiles - How many files the process may have open. */
  constructor(maxFiles = openFilesLimit()) {
    this.#maxFiles = maxFiles;
  }

  /** Counts a socket that is listened on. Returns what is to be called when it is not any more. */
  addSocket(): () => void {
    this.#sockets += 1;
    return () => {
      this.#sockets -= 1;
    };
  }

  /** Whether one more connection may be opened on the socket with these; ends another one for it where it has to. */
  makeFor(ofSocket: ReadonlySet<GuestConnection>): boolean {
    if (ofSocket.size >= MAX_ON_SOCKET && !this.#endOne(ofSocket)) return false;
    const free = Math.max(LEAST_ON_HOST, this.#maxFiles - RESERVED_FILES - this.#sockets);
    return this.#connections.size < Math.min(MAX_ON_HOST, free) || this.#endOne(this.#connections);
  }

  /** Counts a connection until it has ended. */
  add(connection: GuestConnection): void {
    this.#connections.add(connection);
    void connection.done.then(() => this.#connections.delete(connection));
  }

  /** Ends the connection that has been idle for longest, or else the one that has not read for longest. */
  #endOne(connections: ReadonlySet<GuestConnection>): boolean {
    const idle = longestIn('waiting', connections);
    const leaving = idle ?? longestIn('writing', connections);
    if (leaving === undefined) return false;
    this.#connections.delete(leaving);
    if (leaving === idle) void leaving.finish();
    else leaving.cut('the guest does not read its answers, and another one wants to connect');
    return true;
  }
}

function longestIn(
  state: GuestConnection['state'],
  connections: ReadonlySet<GuestConnection>,
): GuestConnection | undefined {
  let longest: GuestConnection | undefined;
  for (const connection of connections) {
    if (connection.ended || connection.state !== state) continue;
    if (longest === undefined || connection.since < longest.since) longest = connection;
  }
  return longest;
}
