import { longestSocketPath } from '../../system/socket-path.ts';
import type { GuestChannel } from '../channel.ts';

/** A unix socket, on Windows a named pipe, where the host meets its guests. */
export interface Endpoint {
  /** As the system takes it: a file, or `\\.\pipe\NAME`. */
  readonly path: string;
  /** The VM that the socket belongs to; null: any guest may connect. */
  readonly vmId: string | null;
  /** The name of the libvirt domain whose socket it is. */
  readonly domain?: string;
}

/** The channel of a socket's guests. */
export function channelOfEndpoint({ path, vmId, domain }: Endpoint): GuestChannel {
  return { name: endpointUri(path), vmId, ...(domain !== undefined && { domain }) };
}

/** A socket that the host itself creates, for guests, QEMU or libvirt to connect to. */
export interface OwnSocket extends Endpoint {
  /** Permission bits of the socket file. */
  readonly mode: number;
}

/** What `avma host serve --listen` names. */
export type ListenEndpoint =
  | ({ readonly kind: 'socket' } & OwnSocket)
  /** The folder of a guest's Hyper-V pool files. */
  | { readonly kind: 'kvp'; readonly folder: string; readonly vmId: string | null };

/** The name of the channel of an endpoint of the host's own. */
export function listenName(endpoint: ListenEndpoint): string {
  return endpoint.kind === 'kvp' ? `kvp:${endpoint.folder}` : endpointUri(endpoint.path);
}

/** An endpoint whose guests are answered until it is closed. */
export interface ServedEndpoint {
  readonly channel: GuestChannel;
  /**
   * Takes no new requests, answers those in flight, releases everything.
   *
   * @param deadline - Aborts when the answers in flight have had their time: connections are then cut.
   */
  close(deadline: AbortSignal): Promise<void>;
}

const NAMED_PIPES = '\\\\.\\pipe\\';

/** Whether a path names a named pipe: it is no file, and disappears with its process. */
export function isNamedPipe(path: string): boolean {
  return path.startsWith(NAMED_PIPES);
}

/** The path of a named pipe, as the system takes it. */
export function namedPipePath(name: string): string {
  return `${NAMED_PIPES}${name}`;
}

/** How the socket is written in arguments, and the name of its channel in the ledger and in events. */
export function endpointUri(path: string): string {
  return isNamedPipe(path) ? `npipe://./pipe/${path.slice(NAMED_PIPES.length)}` : `unix:${path}`;
}

/** Why no socket can have that path, as the rest of a sentence; undefined when one can. */
export function socketPathProblem(path: string): string | undefined {
  if (path === '') return 'has no path';
  const limit = longestSocketPath(process.platform);
  if (Buffer.byteLength(path) <= limit) return undefined;
  return `has a path of more than ${limit} bytes, which the kernel does not take`;
}
