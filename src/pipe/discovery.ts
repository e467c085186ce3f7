import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { AvmaError } from '../errors/avma-error.ts';
import {
  HOST_SOCKET,
  KVP_FOLDER,
  NAMED_PIPE,
  VIRTIO_PORT,
  VSOCK_HOST_CID,
  VSOCK_PORT,
} from '../protocol/defaults.ts';
import { debug } from '../system/debug.ts';
import { errnoOf } from '../system/errno.ts';
import { findProgram } from '../system/find-program.ts';
import type { PipeEnvironment } from './environment.ts';
import { findVirtioPort } from './virtio-port.ts';

/** One pipe that could be there, and what was found. */
interface Candidate {
  readonly uri: string;
  /**
   * `chosen`: the first pipe that is there. `present`: there, after the chosen one. `absent`: not there. `unasked`:
   * never chosen automatically, only when it is named.
   */
  readonly verdict: 'chosen' | 'present' | 'absent' | 'unasked';
  /** Why, as the rest of a sentence. */
  readonly reason: string;
}

/** The pipe that a guest uses when none is named, and why it does not use the others. */
export interface Discovery {
  readonly uri: string | null;
  readonly candidates: readonly Candidate[];
}

type Finding = Pick<Candidate, 'uri' | 'reason'> & { readonly verdict: 'there' | 'absent' | 'unasked' };

/**
 * Looks for a pipe, in this order: the virtio-serial port, Hyper-V's Data Exchange, the socket of a host on this
 * machine. Only looks at files and opens nothing, so a pipe that is there may still have no host at its other end.
 */
export function discoverPipe(environment: PipeEnvironment): Discovery {
  const findings =
    environment.platform === 'win32'
      ? [namedPipe()]
      : [virtio(environment), kvp(environment), unix(environment), vsock(environment)];
  const first = findings.find(({ verdict }) => verdict === 'there');
  const candidates = findings.map(({ uri, verdict, reason }): Candidate => {
    if (verdict !== 'there') return { uri, verdict, reason };
    return { uri, verdict: first?.uri === uri ? 'chosen' : 'present', reason };
  });
  for (const { uri, verdict, reason } of candidates) debug('pipe', () => `${uri} ${verdict}: ${reason}`);
  return { uri: first?.uri ?? null, candidates };
}

/** The error `pipe-not-found`, with each pipe that was looked for and why it is not used. */
export function pipeNotFound({ candidates }: Discovery): AvmaError {
  const reasons = candidates.map(({ uri, reason }) => `${uri} (${reason})`).join(', ');
  return new AvmaError('pipe-not-found', `this machine has no pipe to a host: ${reasons}`);
}

function virtio({ root }: PipeEnvironment): Finding {
  const uri = `virtio:${VIRTIO_PORT}`;
  const file = findVirtioPort(VIRTIO_PORT, root);
  return file === null
    ? { uri, verdict: 'absent', reason: 'this machine has no such virtio-serial port' }
    : { uri, verdict: 'there', reason: `the port is ${file}` };
}

// The folder alone proves nothing: the daemon's package makes it on every machine.
function kvp({ root }: PipeEnvironment): Finding {
  const uri = 'kvp:';
  const folder = path.join(root, KVP_FOLDER);
  if (!existsSync(folder)) return { uri, verdict: 'absent', reason: `${folder} does not exist` };
  const device = path.join(root, 'dev/vmbus/hv_kvp');
  if (existsSync(device)) return { uri, verdict: 'there', reason: `${folder} and ${device} are there` };
  const vendor = firstLine(path.join(root, 'sys/class/dmi/id/sys_vendor'));
  if (vendor === 'Microsoft Corporation') {
    return { uri, verdict: 'there', reason: `${folder} is there, and the machine is Microsoft's` };
  }
  return { uri, verdict: 'absent', reason: `${folder} is there, but this is not a Hyper-V machine` };
}

function unix({ root }: PipeEnvironment): Finding {
  const socket = path.join(root, HOST_SOCKET);
  const uri = `unix:${socket}`;
  const stat = statSync(socket, { throwIfNoEntry: false });
  if (stat === undefined) return { uri, verdict: 'absent', reason: 'it does not exist' };
  if (!stat.isSocket()) return { uri, verdict: 'absent', reason: 'it is not a socket' };
  return { uri, verdict: 'there', reason: 'the socket is there' };
}

// Never chosen automatically: on a cloud VM the other end is the provider's hypervisor.
function vsock({ root, env }: PipeEnvironment): Finding {
  const uri = `vsock:${VSOCK_HOST_CID}:${VSOCK_PORT}`;
  const device = path.join(root, 'dev/vsock');
  if (!existsSync(device)) return { uri, verdict: 'absent', reason: `${device} does not exist` };
  if (findProgram('socat', env) === null) {
    return { uri, verdict: 'absent', reason: `${device} is there, but socat is not installed` };
  }
  return { uri, verdict: 'unasked', reason: `used only when it is named: AVMA_PIPE=${uri}` };
}

function namedPipe(): Finding {
  const uri = `npipe://./pipe/${NAMED_PIPE}`;
  return { uri, verdict: 'unasked', reason: `used only when it is named: AVMA_PIPE=${uri}` };
}

function firstLine(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').split('\n')[0]?.trim() ?? null;
  } catch (thrown) {
    // Containers and other platforms have no such file, or do not show it.
    if (errnoOf(thrown) === undefined) throw thrown;
    return null;
  }
}
