import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { DeviceIo } from '../../src/pipe/device-io.ts';
import { openVirtioPipe } from '../../src/pipe/virtio.ts';
import { findVirtioPort } from '../../src/pipe/virtio-port.ts';
import { HANG_MS } from '../support/hang.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { encode, lineOf, OURS } from './frames.ts';
import { testMachine } from './transports.ts';

const NAME = 'org.avma.activation.0';
const URI = `virtio:${NAME}`;

let root: string;

beforeEach(() => {
  root = tempFolder();
});

function port(name: string, device: string): void {
  mkdirSync(path.join(root, 'sys/class/virtio-ports', device), { recursive: true });
  writeFileSync(path.join(root, 'sys/class/virtio-ports', device, 'name'), name === '' ? '' : `${name}\n`);
  mkdirSync(path.join(root, 'dev'), { recursive: true });
  writeFileSync(path.join(root, 'dev', device), '');
}

const errno = (code: string) => Object.assign(new Error(code), { code });

type Step = 'absent' | 'silent' | 'full' | 'unplugged' | Uint8Array;

interface Scripted {
  readonly io: DeviceIo;
  /** Aborts, as a deadline does, when the last step has been seen some times over. */
  readonly deadline: AbortSignal;
  written(): string;
  closed(): number;
}

/** A port as the kernel's driver shows it, one step of the script a look; the last step stays. */
function scripted(steps: Step[], opens: string[] = []): Scripted {
  const sent: Uint8Array[] = [];
  const deadline = new AbortController();
  let looksAtTheEnd = 0;
  let now: Step = 'silent';
  let closed = 0;
  const atTheEnd = () => {
    if (++looksAtTheEnd === 5) deadline.abort(new DOMException('the time is up', 'TimeoutError'));
  };
  const io: DeviceIo = {
    open() {
      const error = opens.length > 1 ? opens.shift() : opens[0];
      if (opens.length === 1 && error) atTheEnd();
      if (error) throw errno(error);
      return 99;
    },
    read(_fd, into) {
      if (steps.length <= 1) atTheEnd();
      now = (steps.length > 1 ? steps.shift() : steps[0]) ?? 'silent';
      if (now === 'unplugged') throw errno('ENODEV');
      if (now === 'absent') return 0;
      if (typeof now === 'string') return null;
      into.set(now);
      return now.length;
    },
    write(_fd, bytes) {
      if (now === 'absent' || now === 'full') return null;
      // Short writes are normal.
      const taken = bytes.slice(0, 700);
      sent.push(taken);
      return taken.length;
    },
    close: () => void closed++,
  };
  return {
    io,
    deadline: deadline.signal,
    written: () => Buffer.concat(sent).toString('latin1'),
    closed: () => closed,
  };
}

async function exchange({ io, deadline: signal }: Scripted): Promise<string> {
  port(NAME, 'vport0p1');
  const pipe = openVirtioPipe({ uri: URI, rest: NAME, environment: testMachine(root) }, io);
  try {
    return Buffer.from(await pipe.exchange(encode('request', OURS), { signal })).toString('latin1');
  } finally {
    await pipe.close();
  }
}

describe('the port is found', () => {
  test("by udev's link, dots in its name and all", () => {
    port(NAME, 'vport0p1');
    mkdirSync(path.join(root, 'dev/virtio-ports'));
    symlinkSync('../vport0p1', path.join(root, 'dev/virtio-ports', NAME));
    expect(findVirtioPort(NAME, root)).toBe(path.join(root, 'dev/virtio-ports', NAME));
  });

  test('through sysfs where no udev runs', () => {
    port('org.qemu.guest_agent.0', 'vport0p1');
    port('', 'vport0p2');
    port(NAME, 'vport3p1');
    expect(findVirtioPort(NAME, root)).toBe(path.join(root, 'dev/vport3p1'));
  });

  test('or else the error says which there are', async () => {
    port('org.qemu.guest_agent.0', 'vport0p1');
    const pipe = openVirtioPipe({ uri: URI, rest: NAME, environment: testMachine(root) });
    const work = pipe.exchange(encode('request', OURS), { signal: AbortSignal.timeout(HANG_MS) });
    await expect(work).rejects.toMatchObject({
      code: 'host-absent',
      message: expect.stringContaining('org.qemu.guest_agent.0'),
    });
  });

  test.each(['', '.', '..', 'a/b', '../dev/sda'])('and "%s" is no name of one', (name) => {
    expect(() =>
      openVirtioPipe({ uri: `virtio:${name}`, rest: name, environment: testMachine(root) }),
    ).toThrow(expect.objectContaining({ code: 'pipe-uri-invalid' }));
  });
});

describe('a port as the driver behaves (scripted reads and writes)', () => {
  const answer = encode('response', OURS);

  test('answers when the host comes late; only then is the request written', async () => {
    const quiet: Step[] = Array(4).fill('silent');
    const late = scripted(['absent', 'absent', ...quiet, answer]);
    expect(await exchange(late)).toBe(lineOf('response', OURS));
    expect(late.written()).toBe(Buffer.from(encode('request', OURS)).toString('latin1'));
    expect(late.closed()).toBe(1);
  });

  test('gets the whole request again when the host goes and another comes', async () => {
    const quiet: Step[] = Array(6).fill('silent');
    const changing = scripted([...quiet, 'absent', 'absent', ...quiet, answer]);
    expect(await exchange(changing)).toBe(lineOf('response', OURS));
    expect(changing.written().split(lineOf('request', OURS))).toHaveLength(3);
  });

  test.each([
    ['no host ever', ['absent'], 'host-absent', /no process on the host holds its other end/],
    ['a host that says nothing', ['silent'], 'host-silent', /sent no answer/],
    ['a host that does not read', ['full'], 'host-silent', /does not read/],
    ['a host that went', ['silent', 'silent', 'absent'], 'host-gone', /did not come back/],
    ['a port that is unplugged', ['silent', 'unplugged'], 'host-gone', /unplugged/],
  ] as [string, Step[], string, RegExp][])('%s: the error says so', async (_name, steps, code, message) => {
    await expect(exchange(scripted(steps))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test('is waited for while another process holds it', async () => {
    expect(await exchange(scripted([answer], ['EBUSY', 'EBUSY', '']))).toBe(lineOf('response', OURS));
  });

  test('held by another until the deadline, the error names the holder', async () => {
    port(NAME, 'vport0p1');
    const device = path.join(root, 'dev/vport0p1');
    const proc = path.join(root, 'proc/412/fd');
    mkdirSync(proc, { recursive: true });
    symlinkSync(device, path.join(proc, '7'));
    writeFileSync(path.join(root, 'proc/412/comm'), 'qemu-ga\n');
    await expect(exchange(scripted([], ['EBUSY']))).rejects.toMatchObject({
      code: 'pipe-busy',
      hresult: 0xc004fd01,
      message: expect.stringContaining('process 412 (qemu-ga)'),
    });
  });

  test('held by nobody that this user sees, the error says that', async () => {
    await expect(exchange(scripted([], ['EBUSY']))).rejects.toMatchObject({
      code: 'pipe-busy',
      message: expect.stringContaining('another process'),
    });
  });

  test('of root only is access-denied', async () => {
    await expect(exchange(scripted([], ['EACCES']))).rejects.toMatchObject({ code: 'access-denied' });
  });

  test('with nothing behind it is host-absent', async () => {
    await expect(exchange(scripted([], ['ENXIO']))).rejects.toMatchObject({ code: 'host-absent' });
  });
});

describe('an empty file in place of a port', () => {
  // Reads 0 bytes like a port without its host, through the real system calls.
  test('is a host that is not there, and nothing is written to it', async () => {
    port(NAME, 'vport0p1');
    const pipe = openVirtioPipe({ uri: URI, rest: NAME, environment: testMachine(root) });
    const work = pipe.exchange(encode('request', OURS), { signal: AbortSignal.timeout(100) });
    await expect(work).rejects.toMatchObject({ code: 'host-absent' });
    await pipe.close();
    expect(readFileSync(path.join(root, 'dev/vport0p1'), 'utf8')).toBe('');
  });
});
