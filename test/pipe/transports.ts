import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { GUEST_TO_HOST, HOST_TO_GUEST } from '../../src/kvp/pool-file.ts';
import type { PipeEnvironment } from '../../src/pipe/environment.ts';
import { findProgram } from '../../src/system/find-program.ts';
import { until } from '../support/until.ts';
import type { GuestEnd } from './guest-end.ts';
import { listenOnPools } from './pool-host.ts';
import { listen, type ScriptedHost } from './scripted-host.ts';
import type { SituationName } from './situations.ts';

interface StartedHost {
  readonly end: GuestEnd;
  /** For a transport whose guest waits for a host that has gone: resolves when the host's end is closed. */
  readonly gone?: Promise<void>;
  stop(): Promise<void>;
}

/** One transport with a host at its other end, or with none. */
export interface Transport {
  readonly name: string;
  /** Situations that this transport cannot be in, and why. */
  readonly notHere?: Partial<Record<SituationName, string>>;
  /** What another kind of end says when nobody is there. */
  readonly absentCode?: 'host-silent';
  start(host: ScriptedHost, folder: string): Promise<StartedHost>;
  /** Without it, the transport always has somebody at its other end. */
  absent?(folder: string): GuestEnd;
}

const SOCAT = findProgram('socat', process.env);
export const hasSocat = SOCAT !== null;

export function testMachine(root: string, env: NodeJS.ProcessEnv = process.env): PipeEnvironment {
  return { root, platform: 'linux', env };
}

/** Carries its stdin and stdout to a unix socket, as `socat - UNIX-CONNECT:` would. */
const BRIDGE = `
import net from 'node:net';
const socket = net.connect(process.argv[2]);
process.stdin.pipe(socket).pipe(process.stdout);
socket.on('close', () => process.exit(0)).on('error', () => process.exit(3));
`;

/** A user's transport, written as its author would: no more than resolves with all that came. */
const USER_MODULE = (socket: string) => `
import net from 'node:net';
export default function makePipe() {
  let socket;
  const fail = (code, message) => Object.assign(new Error(message), { code });
  return {
    exchange(frame) {
      const [, id] = /(?:hello|request) ([0-9a-f]{32})/.exec(Buffer.from(frame).toString('latin1'));
      return new Promise((resolve, reject) => {
        let got = '';
        socket ??= net.connect(${JSON.stringify(socket)});
        socket.on('error', (error) => reject(fail('host-absent', error.message)));
        socket.on('close', () => { socket = undefined; reject(fail('host-gone', 'closed')); });
        socket.on('data', (chunk) => {
          got += chunk.toString('latin1');
          const done = new RegExp('(response|offer|fault) ' + id + ' .*\\n').test(got) || got.length > 70_000;
          if (done) resolve(Buffer.from(got, 'latin1'));
        });
        socket.write(frame);
      });
    },
    async close() { socket?.destroy(); },
  };
}
`;

const SOCAT_VERSION = 'socat version 1.7.4.4 on 06 Nov 2022\nfeatures:\n  #define WITH_VSOCK 1\n';

/** A `socat` on a PATH of its own, so that the real one can never be reached from a test of vsock. */
export function fakeSocat(folder: string, connects: string, about = SOCAT_VERSION): NodeJS.ProcessEnv {
  const bin = path.join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  const script = `#!/bin/sh\nif [ "$1" = -V ]; then cat <<'END'\n${about}END\nexit 0; fi\n${connects}\n`;
  writeFileSync(path.join(bin, 'socat'), script.replace('cat <<', '/bin/cat <<'), { mode: 0o755 });
  return { PATH: bin };
}

function bridgeTo(folder: string, socket: string): string {
  const file = path.join(folder, 'bridge.mjs');
  writeFileSync(file, BRIDGE);
  return `exec '${process.execPath}' '${file}' '${socket}'`;
}

/** A pseudo-terminal that leads to a socket. */
interface Terminal {
  /** The device file that the guest opens. */
  readonly link: string;
  /** Resolves when the terminal was hung up, because the socket was. */
  readonly gone: Promise<void>;
  stop(): Promise<void>;
}

async function pseudoTerminal(link: string, options: string, socket: string): Promise<Terminal> {
  mkdirSync(path.dirname(link), { recursive: true });
  const socat = spawn(SOCAT ?? '', [`PTY,link=${link}${options}`, `UNIX-CONNECT:${socket}`], {
    stdio: 'ignore',
  });
  const gone = new Promise<void>((resolve) => socat.once('exit', () => resolve()));
  await until('socat has made the terminal', () => existsSync(link));
  return {
    link,
    gone,
    stop: () => {
      socat.kill('SIGKILL');
      return gone;
    },
  };
}

const onSocket =
  (guestEnd: (socket: string, folder: string) => GuestEnd | Promise<GuestEnd & { terminal?: Terminal }>) =>
  async (host: ScriptedHost, folder: string): Promise<StartedHost> => {
    const socket = path.join(folder, 'host.sock');
    const server = await listen(host, socket);
    const { terminal, ...end }: GuestEnd & { terminal?: Terminal } = await guestEnd(socket, folder);
    const stop = async () => {
      await terminal?.stop();
      await server.close();
    };
    return { end, stop, ...(terminal?.link.includes('virtio') && { gone: terminal.gone }) };
  };

const unix: Transport = {
  name: 'unix',
  start: onSocket((socket, folder) => ({ uri: `unix:${socket}`, environment: testMachine(folder) })),
  absent: (folder) => ({ uri: `unix:${folder}/nobody.sock`, environment: testMachine(folder) }),
};

const npipe: Transport = {
  name: 'npipe (over a unix socket, which Node reaches by the same call)',
  start: onSocket((socket, folder) => ({
    uri: 'npipe://./pipe/avma',
    environment: testMachine(folder),
    socketAsNamedPipe: socket,
  })),
  absent: (folder) => ({
    uri: 'npipe://./pipe/avma',
    environment: testMachine(folder),
    socketAsNamedPipe: `${folder}/nobody.sock`,
  }),
};

const exec: Transport = {
  name: 'exec',
  start: onSocket((socket, folder) => ({
    uri: `exec:${bridgeTo(folder, socket)}`,
    environment: testMachine(folder),
  })),
  absent: (folder) => ({ uri: 'exec:no-such-command-anywhere', environment: testMachine(folder) }),
};

const vsock: Transport = {
  name: 'vsock (a script stands in for socat)',
  start: onSocket((socket, folder) => ({
    uri: 'vsock:2:1688',
    environment: testMachine(folder, fakeSocat(folder, bridgeTo(folder, socket))),
  })),
  absent: (folder) => {
    const reset =
      '2026/01/02 03:04:05 socat[7] E connect(5, AF=40 cid:2 port:1688, 16): Connection reset by peer';
    return {
      uri: 'vsock:2:1688',
      environment: testMachine(folder, fakeSocat(folder, `echo "${reset}" >&2; exit 1`)),
    };
  },
};

const endsWithTheTerminal = 'the stand-in terminal ends with its host';

const virtio: Transport = {
  name: 'virtio (a pseudo-terminal stands in for the port)',
  notHere: { 'a host that goes and comes back': endsWithTheTerminal },
  start: onSocket(async (socket, folder) => {
    const link = path.join(folder, 'dev/virtio-ports/org.avma.activation.0');
    const terminal = await pseudoTerminal(link, ',rawer', socket);
    return { uri: 'virtio:org.avma.activation.0', environment: testMachine(folder), terminal };
  }),
  absent: (folder) => ({ uri: 'virtio:org.avma.activation.0', environment: testMachine(folder) }),
};

const serial: Transport = {
  name: 'serial (a cooked pseudo-terminal)',
  notHere: { 'a host that goes and comes back': endsWithTheTerminal },
  start: onSocket(async (socket, folder) => {
    const link = path.join(folder, 'ttyS1');
    const terminal = await pseudoTerminal(link, '', socket);
    return { uri: `serial:${link}`, environment: testMachine(folder), terminal };
  }),
  absent: (folder) => ({ uri: `serial:${folder}/ttyS1`, environment: testMachine(folder) }),
};

const module: Transport = {
  name: 'module',
  start: onSocket((socket, folder) => {
    writeFileSync(path.join(folder, 'my-pipe.mjs'), USER_MODULE(socket));
    return { uri: `module:${folder}/my-pipe.mjs`, environment: testMachine(folder) };
  }),
  absent: (folder) => {
    writeFileSync(path.join(folder, 'my-pipe.mjs'), USER_MODULE(`${folder}/nobody.sock`));
    return { uri: `module:${folder}/my-pipe.mjs`, environment: testMachine(folder) };
  },
};

const kvp: Transport = {
  name: 'kvp (pools in a folder, no Hyper-V)',
  notHere: {
    'more than 64 KiB of garbage': "other programs' records are not noise",
    'its own request back, then the answer': 'pools do not echo',
    'a host that goes in the middle of its answer': 'pools have no ends that could close',
    'a host that goes and comes back': 'pools have no ends that could close',
  },
  async start(host, folder) {
    for (const pool of [GUEST_TO_HOST, HOST_TO_GUEST]) writeFileSync(path.join(folder, pool), '');
    const { close } = listenOnPools(host, folder);
    return { end: { uri: `kvp:${folder}`, environment: testMachine(folder) }, stop: close };
  },
  absent: (folder) => ({ uri: 'kvp:', environment: testMachine(folder) }),
};

const loopback: Transport = {
  name: 'loopback',
  async start(host, folder) {
    let asked = 0;
    const loopbackHost = (frame: Uint8Array) =>
      new Promise<Uint8Array>((resolve) => {
        const said: Uint8Array[] = [];
        const reply = () => resolve(Buffer.concat(said));
        const end = { send: async (bytes: Uint8Array) => void said.push(bytes), hangUp: reply };
        const [, type, exchangeId = ''] = Buffer.from(frame).toString('latin1').trim().split(' ');
        const asFrame = { type: type as 'request', exchangeId, body: new Uint8Array() };
        const work = async () => {
          await host.greet?.(end);
          const before = said.length;
          await host.answer(asFrame, end, asked++);
          // A host function has no other way to be silent than not to return.
          if (said.length > before) reply();
        };
        void work();
      });
    return {
      end: { uri: 'loopback:', environment: testMachine(folder), loopbackHost },
      stop: async () => {},
    };
  },
};

export const TRANSPORTS: readonly Transport[] = [
  loopback,
  unix,
  npipe,
  exec,
  vsock,
  module,
  kvp,
  ...(hasSocat ? [virtio, serial] : []),
];
