import fs from 'node:fs';
import type net from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { baseArchive, joinArchives } from './guest-image.ts';
import { connected, hasEnded, listen, startQemu, virtioPort } from './qemu.ts';
import { KERNEL } from './requirements.ts';

/** The virtual hardware of one boot. */
export interface Machine {
  /** What the firmware says: `-uuid`. */
  readonly vmId: string;
  /** The host's socket. */
  readonly socket: string;
  /** What the port in front of it is called, unless `org.avma.activation.0`. */
  readonly portName?: string;
  /** Laid over the base, the last on top. */
  readonly overlays: readonly Buffer[];
  /** Whether there is a Node in the guest. */
  readonly withNode: boolean;
  /** `-smbios`, `-rtc` and the like. */
  readonly options?: readonly string[];
}

/** What a command did in the guest. */
export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** How long it took by the guest's own clock. */
  readonly seconds: number;
}

/** A VM that is up. It powers off when the test lets go of it. */
export interface Guest {
  /** `performance.now()` when QEMU was started, and when the guest's first process took its first command. */
  readonly startedAt: number;
  readonly readyAt: number;
  /** Runs a line of shell as root. */
  run(command: string): Promise<CommandResult>;
  /** Runs it, expects status 0, returns its output's bytes. */
  read(command: string): Promise<Buffer>;
  powerOff(): Promise<void>;
}

/**
 * Boots Debian's kernel in QEMU.
 *
 * @param folder - For the boot's own files.
 */
export async function bootGuest(folder: string, machine: Machine): Promise<Guest> {
  const own = fs.mkdtempSync(path.join(folder, 'boot.'));
  const initrd = path.join(own, 'initrd');
  joinArchives(initrd, baseArchive(machine.withNode), ...machine.overlays);
  const controlSocket = path.join(own, 'control.sock');
  const server = await listen(controlSocket);

  const startedAt = performance.now();
  // Less, and the kernel cannot unpack the archive beside the archive itself.
  const memoryMiB = Math.max(512, Math.ceil((fs.statSync(initrd).size * 5) / 2 ** 20));
  const qemu = startQemu(commandLine(machine, initrd, controlSocket), memoryMiB);
  const control = await connected(server, qemu.ended);
  const shell = await guestShell(control, qemu.ended);
  const readyAt = performance.now();
  // The guest has it in its memory now.
  fs.rmSync(initrd);

  return {
    startedAt,
    readyAt,
    ...shell,
    async powerOff() {
      control.end();
      await hasEnded(qemu, POWER_OFF_MS);
      fs.rmSync(own, { recursive: true, force: true });
    },
  };
}

/**
 * The shell that a guest's first process is, over its control port. Resolves when it takes its first command.
 *
 * @param ended - Rejects when the machine ends.
 */
export async function guestShell(
  control: net.Socket,
  ended: Promise<never>,
): Promise<Pick<Guest, 'run' | 'read'>> {
  const lines = createInterface({ input: control })[Symbol.asyncIterator]();
  const nextLine = async () => (await Promise.race([lines.next(), ended])).value as string;
  await nextLine();
  async function runBytes(command: string) {
    control.write(`${command}\n`);
    const [status, before, after, stdout = '', stderr = ''] = (await nextLine()).split(' ');
    return {
      status: Number(status),
      stdout: Buffer.from(stdout, 'base64'),
      stderr: Buffer.from(stderr, 'base64'),
      seconds: Number(after) - Number(before),
    };
  }
  return {
    async run(command) {
      const { stdout, stderr, ...rest } = await runBytes(command);
      return { ...rest, stdout: stdout.toString(), stderr: stderr.toString() };
    },
    async read(command) {
      const { status, stdout, stderr } = await runBytes(command);
      if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`);
      return stdout;
    },
  };
}

function commandLine(machine: Machine, initrd: string, controlSocket: string): string[] {
  const { vmId, socket, portName = 'org.avma.activation.0', options = [] } = machine;
  return [
    ...['-kernel', path.join(KERNEL, 'vmlinuz'), '-initrd', initrd],
    // Emulated, the mitigations cost a fifth of everything, and protect nobody.
    ...['-append', 'console=ttyS0 quiet panic=-1 mitigations=off', '-uuid', vmId],
    // reconnect: without it, QEMU does not start before the host, and a host that was restarted is not found again.
    ...virtioPort('host', portName, `path=${socket},server=off,reconnect=1`),
    // The last one: when the guest sees it, it has seen the other.
    ...virtioPort('control', 'test.control', `path=${controlSocket},server=off`),
    ...options,
  ];
}

/** What a guest may take to power itself off before QEMU is told to end. */
const POWER_OFF_MS = 10_000;
