import { AvmaError } from '../../errors/avma-error.ts';
import { normalizeUuid } from '../../schema/uuid.ts';
import type { GuestChannel } from '../channel.ts';

/** A unix socket where the host meets its guests; on Windows a named pipe. */
export interface Endpoint {
  /** As the system takes it: a file, or `\\.\pipe\NAME`. */
  readonly path: string;
  /** The VM that it belongs to; null when any guest may come. */
  readonly vmId: string | null;
}

/** A socket of the host's own, for guests, QEMU or libvirt to connect to, or a guest's Hyper-V pool files. */
export interface ListenEndpoint extends Endpoint {
  /** The path is the folder of a guest's pool files. Absent: it is a socket's. */
  readonly kind?: 'kvp';
  /** Permission bits of the socket file. */
  readonly mode: number;
}

/** An endpoint that is being served. */
export interface ServedEndpoint {
  readonly channel: GuestChannel;
  /** Takes nothing new, answers what is in flight, leaves nothing behind. */
  close(): Promise<void>;
}

/** How operators hear of what changes while the host serves: one sentence a change. */
export type Notify = (sentence: string) => void;

/** What the kernel's `sun_path` holds, without its NUL. */
const MAX_SOCKET_PATH = 107;

const NAMED_PIPES = '\\\\.\\pipe\\';

/** Whether a path is a named pipe's: no file, and gone with its process. */
export function isNamedPipe(path: string): boolean {
  return path.startsWith(NAMED_PIPES);
}

/** How the socket is written in arguments, and how its channel is named in the ledger and in events. */
export function endpointUri(path: string): string {
  return isNamedPipe(path) ? `npipe://./pipe/${path.slice(NAMED_PIPES.length)}` : `unix:${path}`;
}

/** Why no socket can have that path, as the rest of a sentence; undefined when one can. */
export function socketPathProblem(path: string): string | undefined {
  if (path === '') return 'has no path';
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) return undefined;
  return `has a path of more than ${MAX_SOCKET_PATH} bytes, which the kernel does not take`;
}

/**
 * `unix:PATH[,vm=UUID][,mode=0660]`, as `--listen` takes it; on Windows `npipe://./pipe/NAME[,vm=UUID]`. Everywhere
 * `kvp:FOLDER[,vm=UUID]`.
 *
 * @throws {AvmaError} `argument-invalid` with what is wrong and how it is written.
 */
export function parseListenEndpoint(text: string, platform = process.platform): ListenEndpoint {
  if (text.startsWith(POOL_FILES.scheme)) return { ...parse(text, POOL_FILES), kind: 'kvp', mode: 0 };
  const { mode = '600', ...endpoint } =
    platform === 'win32' ? parse(text, WINDOWS_PIPE) : parse(text, OWN_SOCKET);
  return { ...endpoint, mode: Number.parseInt(mode, 8) };
}

/** `unix:PATH[,vm=UUID]`, as `--connect` takes it: the file is its listener's. @throws {AvmaError} likewise. */
export function parseConnectEndpoint(text: string): Endpoint {
  const { path, vmId } = parse(text, FOREIGN_SOCKET);
  return { path, vmId };
}

/** One way to write an endpoint. */
interface Grammar {
  readonly scheme: string;
  readonly hint: string;
  readonly takesMode: boolean;
  /** The path, or what is wrong with the text after the scheme. */
  path(rest: string): { path: string } | { problem: string };
}

const socketPath: Grammar['path'] = (rest) => {
  const problem = socketPathProblem(rest);
  return problem === undefined ? { path: rest } : { problem };
};

const OWN_SOCKET: Grammar = {
  scheme: 'unix:',
  hint: 'Write it as unix:PATH, unix:PATH,vm=UUID or unix:PATH,vm=UUID,mode=0660.',
  takesMode: true,
  path: socketPath,
};

const FOREIGN_SOCKET: Grammar = {
  scheme: 'unix:',
  hint: 'Write it as unix:PATH or unix:PATH,vm=UUID.',
  takesMode: false,
  path: socketPath,
};

const WINDOWS_PIPE: Grammar = {
  scheme: 'npipe:',
  hint: 'Write it as npipe://./pipe/NAME or npipe://./pipe/NAME,vm=UUID.',
  takesMode: false,
  path(rest) {
    const [, name] = /^\/\/\.\/pipe\/([^\\/]{1,200})$/.exec(rest) ?? [];
    return name === undefined ? { problem: 'does not name a pipe' } : { path: `${NAMED_PIPES}${name}` };
  },
};

const POOL_FILES: Grammar = {
  scheme: 'kvp:',
  hint: 'Write it as kvp:FOLDER or kvp:FOLDER,vm=UUID.',
  takesMode: false,
  path: (rest) => (rest === '' ? { problem: 'names no folder' } : { path: rest }),
};

function parse(text: string, grammar: Grammar): Endpoint & { readonly mode?: string } {
  const { scheme, hint, takesMode } = grammar;
  const invalid = (why: string) =>
    new AvmaError('argument-invalid', `the endpoint "${text}" ${why}`, { hint });
  if (!text.startsWith(scheme)) throw invalid(`is not of the kind ${scheme}`);
  const [place = '', ...options] = text.slice(scheme.length).split(',');
  const found = grammar.path(place);
  if ('problem' in found) throw invalid(found.problem);
  let vmId: string | null = null;
  let mode: string | undefined;
  for (const option of options) {
    const [name, value = ''] = option.split('=', 2);
    if (name === 'vm') {
      vmId = normalizeUuid(value) ?? null;
      if (vmId === null) throw invalid(`names a VM "${value}" that is no UUID`);
    } else if (takesMode && name === 'mode' && /^0?[0-7]{3}$/.test(value)) {
      mode = value;
    } else {
      throw invalid(`has an option "${option}" that means nothing`);
    }
  }
  return { path: found.path, vmId, ...(mode === undefined ? {} : { mode }) };
}
