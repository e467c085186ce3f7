import { AvmaError } from '../errors/avma-error.ts';
import { normalizeUuid } from '../machine/vm-id.ts';
import type { Channel } from './admission.ts';

/** A unix socket where the host meets its guests. */
export interface Endpoint {
  readonly path: string;
  /** The VM that it belongs to; null when any guest may come. */
  readonly vmId: string | null;
}

/** A socket of the host's own, for guests, QEMU or libvirt to connect to. */
export interface ListenEndpoint extends Endpoint {
  /** Permission bits of the socket file. */
  readonly mode: number;
}

/** An endpoint that is being served. */
export interface ServedEndpoint {
  readonly channel: Channel;
  /** Takes nothing new, answers what is in flight, leaves nothing behind. */
  close(): Promise<void>;
}

/** How operators hear of what changes while the host serves: one sentence a change. */
export type Tell = (sentence: string) => void;

/** What the kernel's `sun_path` holds, without its NUL. */
const MAX_SOCKET_PATH = 107;

/** How the socket is written in arguments, and how its channel is named in the ledger and in events. */
export function endpointUri(path: string): string {
  return `unix:${path}`;
}

/** Why no socket can have that path, as the rest of a sentence; undefined when one can. */
export function socketPathProblem(path: string): string | undefined {
  if (path === '') return 'has no path';
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) return undefined;
  return `has a path of more than ${MAX_SOCKET_PATH} bytes, which the kernel does not take`;
}

/**
 * `unix:PATH[,vm=UUID][,mode=0660]`, as `--listen` takes it.
 *
 * @throws {AvmaError} `argument-invalid` with what is wrong and how it is written.
 */
export function parseListenEndpoint(text: string): ListenEndpoint {
  const { mode = '600', ...endpoint } = parse(text, true);
  return { ...endpoint, mode: Number.parseInt(mode, 8) };
}

/** `unix:PATH[,vm=UUID]`, as `--connect` takes it: the file is its listener's. @throws {AvmaError} likewise. */
export function parseConnectEndpoint(text: string): Endpoint {
  const { path, vmId } = parse(text, false);
  return { path, vmId };
}

function parse(text: string, withMode: boolean): Endpoint & { readonly mode?: string } {
  const invalid = (why: string) =>
    new AvmaError('argument-invalid', `the socket "${text}" ${why}`, {
      hint: `Write it as unix:PATH or unix:PATH,vm=UUID${withMode ? ', with mode=0660 after another comma' : ''}.`,
    });
  const scheme = endpointUri('');
  if (!text.startsWith(scheme)) throw invalid(`is not of the kind ${scheme}`);
  const [path = '', ...options] = text.slice(scheme.length).split(',');
  const problem = socketPathProblem(path);
  if (problem !== undefined) throw invalid(problem);
  let vmId: string | null = null;
  let mode: string | undefined;
  for (const option of options) {
    const [name, value = ''] = option.split('=', 2);
    if (name === 'vm') {
      vmId = normalizeUuid(value) ?? null;
      if (vmId === null) throw invalid(`names a VM "${value}" that is no UUID`);
    } else if (withMode && name === 'mode' && /^0?[0-7]{3}$/.test(value)) {
      mode = value;
    } else {
      throw invalid(`has an option "${option}" that means nothing`);
    }
  }
  return { path, vmId, ...(mode === undefined ? {} : { mode }) };
}
