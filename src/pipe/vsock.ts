import { AvmaError } from '../errors/avma-error.ts';
import { VSOCK_HOST_CID, VSOCK_PORT } from '../protocol/defaults.ts';
import { compareVersions } from '../schema/version.ts';
import { findProgram } from '../system/find-program.ts';
import { runProgram } from '../system/run-program.ts';
import { type ChildEnd, spawnConnection } from './child-connection.ts';
import type { PipeAddress } from './environment.ts';
import type { Pipe } from './pipe.ts';
import { hostAbsent, hostGone, hostSilent, uriInvalid } from './pipe-errors.ts';
import { StreamPipe } from './stream-exchange.ts';

/** The first version of socat that has VSOCK-CONNECT. */
const MIN_SOCAT_VERSION = '1.7.4';
const INSTALL_SOCAT = `Install socat ${MIN_SOCAT_VERSION} or newer: apt install socat, or dnf install socat.`;

/**
 * `vsock:CID:PORT`, a host behind AF_VSOCK (QEMU, Firecracker, Cloud Hypervisor, Hyper-V, VMware). Node has no sockets
 * of this kind, so the program socat holds the socket.
 */
export function openVsockPipe({ uri, rest, environment }: PipeAddress): Pipe {
  const [, cid, port] = /^(\d{1,10}):(\d{1,10})$/.exec(rest) ?? [];
  const max = 0xfffffffe;
  if (cid === undefined || port === undefined || Number(cid) > max || Number(port) > max) {
    throw uriInvalid(
      uri,
      'it does not name a CID and a port',
      `Write vsock:${VSOCK_HOST_CID}:${VSOCK_PORT}.`,
    );
  }
  if (environment.platform !== 'linux') throw uriInvalid(uri, 'vsock can be reached on Linux only');
  let socat: string | undefined;
  return new StreamPipe(uri, async (signal) => {
    socat ??= await findSocat(uri, environment.env, signal);
    return spawnConnection(socat, ['-', `VSOCK-CONNECT:${cid}:${port}`], {
      env: environment.env,
      shell: false,
      explain: (end) => explain(uri, end),
    });
  });
}

async function findSocat(uri: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  const file = findProgram('socat', env);
  if (file === null) throw noSocat(`${uri} needs socat, which is not on PATH`);
  const { status, stdout: about } = await runProgram(file, ['-V'], { env, signal }).catch((thrown) => {
    throw noSocat(`${uri} needs socat, and ${file} does not start: ${thrown}`, thrown);
  });
  if (signal.aborted) throw hostSilent(uri, signal, 'socat -V did not end');
  if (status !== 0) throw noSocat(`${uri} needs socat, and ${file} -V fails with status ${status}`);
  const [, version] = /^socat version (\d+(?:\.\d+)+)/m.exec(about) ?? [];
  if (version === undefined || compareVersions(version, MIN_SOCAT_VERSION) < 0) {
    throw noSocat(
      `${uri} needs socat ${MIN_SOCAT_VERSION} or newer, and ${file} is ${version ?? 'of an unknown version'}`,
    );
  }
  if (!/^\s*#define WITH_VSOCK 1/m.test(about)) {
    throw noSocat(`${uri} needs a socat with VSOCK, and ${file} was built without`);
  }
  return file;
}

function noSocat(message: string, cause?: unknown): AvmaError {
  return new AvmaError('pipe-not-found', message, { cause, hint: INSTALL_SOCAT });
}

function explain(uri: string, { error, status, signal, lastLine }: ChildEnd): AvmaError {
  if (error !== undefined) return hostAbsent(uri, `socat does not start: ${error.message}`, { cause: error });
  // socat writes `DATE socat[PID] E connect(5, AF=40 cid:2 port:1688, 16): Connection reset by peer`.
  const reason = lastLine.replace(/^.*\] E /, '');
  if (/Permission denied|Operation not permitted/.test(reason)) {
    return new AvmaError('access-denied', `this user may not connect to ${uri}: ${reason}`);
  }
  if (/^(socket|connect)\(/.test(reason)) {
    return hostAbsent(uri, reason, {
      hint: 'Check that the VM has a vsock device (ls /dev/vsock) and that the host listens on that port.',
    });
  }
  if (reason !== '') return hostGone(uri, reason);
  return hostGone(uri, status === 0 ? 'it closed the connection' : `socat ended with ${signal ?? status}`);
}
