import fs from 'node:fs';
import type net from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { HANG_MS } from '../../support/hang.ts';
import { connected, hasEnded, listen, startQemu, virtioPort } from '../qemu.ts';
import type { DebianImage } from './image.ts';

/** A whole Debian boots slowly where every instruction is emulated, perhaps on a busy machine. */
const BOOT_MS = 5 * HANG_MS;

/** What a guest may take to power itself off before QEMU is told to end. */
const POWER_OFF_MS = 60_000;

const MEMORY_MIB = 512;

/** The virtual hardware of one machine. */
export interface DebianHardware {
  readonly image: DebianImage;
  /** The machine's own layer over the image. */
  readonly layer: string;
  /** What the firmware says: `-uuid`. */
  readonly vmId: string;
  /** Where the host listens for this machine. */
  readonly hostSocket: string;
  /** What the machine's clock shows when it starts, ms since 1970. */
  readonly clock: number;
  /** A volume with an answer file. */
  readonly volume?: string;
  /** systemd credentials by name, given by the firmware's tables. */
  readonly credentials?: Readonly<Record<string, string>>;
  /** Goes on from this snapshot instead of booting. */
  readonly snapshot?: string;
}

/** What the observer in the machine says to one of its words. */
interface Observation {
  readonly status: number;
  readonly output: string;
}

/** A machine that is up. Nothing can be typed in it: it is looked at, and its clock is set. */
export interface DebianMachine {
  /** Seconds from QEMU's start until the observer spoke, or until the snapshot went on. */
  readonly seconds: number;
  /** @param word - One of the observer's. */
  look(word: string): Promise<Observation>;
  setClock(time: number): Promise<void>;
  /** Keeps memory and disk under a name in the machine's layer. */
  takeSnapshot(name: string): Promise<void>;
  /** Presses the power button and waits until the machine is off. */
  powerOff(): Promise<void>;
  /** Pulls the plug. */
  kill(): Promise<void>;
}

/**
 * Starts a machine in QEMU and waits for its observer.
 *
 * @param folder - For the machine's sockets.
 */
export async function startDebian(folder: string, hardware: DebianHardware): Promise<DebianMachine> {
  const own = fs.mkdtempSync(path.join(folder, 'm.'));
  const observerServer = await listen(path.join(own, 'o'));
  const monitorServer = await listen(path.join(own, 'm'));
  const startedAt = performance.now();
  const qemu = startQemu(commandLine(own, hardware), MEMORY_MIB);

  async function close(): Promise<void> {
    await hasEnded(qemu, POWER_OFF_MS);
    fs.rmSync(own, { recursive: true, force: true });
  }
  try {
    const [monitorSocket, observerSocket] = await Promise.all([
      connected(monitorServer, qemu.ended),
      connected(observerServer, qemu.ended),
    ]);
    const monitor = new Monitor(monitorSocket);
    await monitor.ready();
    const observer = new Lines(observerSocket, qemu.ended, qemu.console);
    if (hardware.snapshot === undefined) await observer.next(BOOT_MS);
    return {
      seconds: (performance.now() - startedAt) / 1000,
      look: (word) => observer.ask(word),
      async setClock(time) {
        const { status, output } = await observer.ask(`clock ${(time / 1000).toFixed(3)}`);
        if (status !== 0) throw new Error(`the machine's clock could not be set: ${output}`);
      },
      async takeSnapshot(name) {
        const said = await monitor.run(`savevm ${name}`);
        if (/error/i.test(said)) throw new Error(`no snapshot: ${said}`);
      },
      async powerOff() {
        await monitor.run('system_powerdown');
        await close();
      },
      async kill() {
        qemu.process.kill('SIGTERM');
        await close();
      },
    };
  } catch (thrown) {
    qemu.process.kill('SIGTERM');
    await close();
    throw thrown;
  }
}

function commandLine(own: string, hardware: DebianHardware): string[] {
  const { image, layer, vmId, hostSocket, clock, volume, credentials = {}, snapshot } = hardware;
  return [
    ...['-rtc', `base=${new Date(clock).toISOString().slice(0, 19)}`, '-uuid', vmId],
    ...['-kernel', image.kernel, '-initrd', image.initrd],
    // Emulated, the mitigations cost a fifth of everything, and protect nobody.
    ...['-append', 'root=/dev/vda rw console=ttyS0 quiet panic=-1 mitigations=off'],
    // What is on the disk when the machine is off is all that counts: nothing has to survive a loss of power outside.
    ...['-drive', `file=${layer},format=qcow2,if=virtio,cache=unsafe`],
    ...(volume === undefined ? [] : ['-drive', `file=${volume},format=raw,if=virtio,readonly=on`]),
    ...Object.entries(credentials).flatMap(([name, value]) => [
      '-smbios',
      `type=11,value=io.systemd.credential.binary:${name}=${Buffer.from(value).toString('base64')}`,
    ]),
    // reconnect: without it, QEMU does not start before the host, and a host that was restarted is not found again.
    ...virtioPort('host', 'org.avma.activation.0', `path=${hostSocket},server=off,reconnect=1`),
    ...virtioPort('observer', 'test.observer', `path=${path.join(own, 'o')},server=off`),
    ...['-chardev', `socket,id=monitor,path=${path.join(own, 'm')},server=off`, '-mon', 'chardev=monitor'],
    ...(snapshot === undefined ? [] : ['-loadvm', snapshot]),
  ];
}

/** The observer's end: one question at a time, one line back. */
class Lines {
  readonly #socket: net.Socket;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<never>;
  readonly #console: () => string;

  constructor(socket: net.Socket, ended: Promise<never>, console: () => string) {
    this.#socket = socket;
    this.#lines = createInterface({ input: socket })[Symbol.asyncIterator]();
    this.#ended = ended;
    this.#console = console;
  }

  async next(timeoutMs: number): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      const fail = () =>
        reject(new Error(`nothing from the observer in ${timeoutMs / 1000} s; console:\n${this.#console()}`));
      timer = setTimeout(fail, timeoutMs);
    });
    try {
      const { value } = await Promise.race([this.#lines.next(), this.#ended, late]);
      return value;
    } finally {
      clearTimeout(timer);
    }
  }

  async ask(word: string): Promise<Observation> {
    this.#socket.write(`${word}\n`);
    const [status, output = ''] = (await this.next(HANG_MS)).split(' ');
    return { status: Number(status), output: Buffer.from(output, 'base64').toString() };
  }
}

/** QEMU's monitor, as a person would use it. */
class Monitor {
  readonly #socket: net.Socket;
  #said = '';
  #prompted: () => void = () => {};

  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1').on('data', (text: string) => {
      this.#said += text;
      if (this.#said.endsWith('(qemu) ')) this.#prompted();
    });
  }

  /** What was said until the next prompt. */
  async ready(): Promise<string> {
    if (!this.#said.endsWith('(qemu) ')) await new Promise<void>((resolve) => (this.#prompted = resolve));
    const said = this.#said;
    this.#said = '';
    return said;
  }

  async run(command: string): Promise<string> {
    this.#socket.write(`${command}\n`);
    return this.ready();
  }
}
