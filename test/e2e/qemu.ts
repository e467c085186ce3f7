/** What every virtual machine of the tests has in common: the process of QEMU, its end, its ports. */
import { type ChildProcess, spawn } from 'node:child_process';
import net from 'node:net';

/** No machine of the tests lives longer, whatever becomes of the test. */
const LIFETIME_S = 30 * 60;

/** A process of QEMU. */
export interface Qemu {
  readonly process: ChildProcess;
  /** All that the machine's console and QEMU itself have said. */
  console(): string;
  /** Rejects when QEMU ends, with the end of the console. Nobody has to wait for it. */
  readonly ended: Promise<never>;
}

/** Starts QEMU for x86-64 with one processor, without defaults and without a network; the console is its stdout. */
export function startQemu(options: readonly string[], memoryMiB: number): Qemu {
  // Emulated, unless AVMA_TEST_KVM=1: nested virtualization on a machine that others use can take it down, and
  // emulation costs four seconds.
  const acceleration = process.env.AVMA_TEST_KVM === '1' ? ['kvm', 'host'] : ['tcg,thread=multi', 'max'];
  const [accelerator = '', cpu = ''] = acceleration;
  const hardware = [
    ...['-M', 'q35', '-accel', accelerator, '-cpu', cpu, '-smp', '1', '-m', String(memoryMiB)],
    ...['-nodefaults', '-no-user-config', '-nographic', '-no-reboot', '-net', 'none', '-serial', 'stdio'],
    ...['-device', 'virtio-serial-pci'],
  ];
  // Ended by its time, and with the test where that is killed: setpriv becomes timeout, which passes the signal on.
  const bounded = ['--pdeathsig', 'TERM', 'timeout', '--kill-after=5', String(LIFETIME_S)];
  const qemu = spawn('setpriv', [...bounded, 'qemu-system-x86_64', ...hardware, ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [qemu.stdout, qemu.stderr]) {
    stream.setEncoding('latin1').on('data', (text: string) => {
      said += text;
    });
  }
  const ended = new Promise<never>((_resolve, reject) => {
    qemu.once('error', reject);
    qemu.once('close', (status) => {
      reject(new Error(`QEMU ended with ${status}, the machine's console:\n${said.slice(-4000)}`));
    });
  });
  ended.catch(() => {});
  return { process: qemu, console: () => said, ended };
}

/** The options for a port of virtio-serial. @param socket - QEMU's words for the socket behind it. */
export function virtioPort(id: string, name: string, socket: string): string[] {
  return ['-chardev', `socket,id=${id},${socket}`, '-device', `virtserialport,chardev=${id},name=${name}`];
}

/** A server for QEMU to connect to. */
export async function listen(socket: string): Promise<net.Server> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return server;
}

/** QEMU's connection to a server, which takes no other. */
export async function connected(server: net.Server, ended: Promise<never>): Promise<net.Socket> {
  const first = new Promise<net.Socket>((resolve) => server.once('connection', resolve));
  const socket = await Promise.race([first, ended]).finally(() => server.close());
  socket.on('error', () => {});
  return socket;
}

/** Waits until a machine has powered itself off. @param patienceMs - After that QEMU is told to end. */
export async function hasEnded({ process: qemu }: Qemu, patienceMs: number): Promise<void> {
  if (qemu.exitCode !== null || qemu.signalCode !== null) return;
  const ended = new Promise((resolve) => qemu.once('close', resolve));
  const timer = setTimeout(() => qemu.kill('SIGTERM'), patienceMs);
  await ended;
  clearTimeout(timer);
}
