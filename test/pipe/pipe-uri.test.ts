import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { openPipe } from '../../src/pipe/pipe-uri.ts';
import { HANG_MS } from '../support/hang.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';
import { encode, OURS } from './frames.ts';
import { fakeSocat, testMachine } from './transports.ts';

let folder: string;

beforeEach(() => {
  folder = tempFolder();
});

async function exchange(
  uri: string,
  deadline = HANG_MS,
  environment = testMachine(folder),
): Promise<Uint8Array> {
  const pipe = await openPipe(uri, environment);
  try {
    return await pipe.exchange(encode('request', OURS), { signal: AbortSignal.timeout(deadline) });
  } finally {
    await pipe.close();
  }
}

describe('a URI that cannot be', () => {
  test.each([
    ['', 'names no pipe type'],
    ['/run/avma/host.sock', 'names no pipe type'],
    ['tcp:host:1688', 'unknown pipe type "tcp"'],
    ['loopback:', 'unknown pipe type "loopback"'],
    ['constructor:x', 'unknown pipe type "constructor"'],
    ['unix:', 'names no socket'],
    [`unix:/${'x'.repeat(107)}`, '108 bytes, and a socket'],
    [`unix:/${'é'.repeat(60)}`, '121 bytes, and a socket'],
    ['npipe:avma', 'does not name a pipe of this machine'],
    ['npipe://server/pipe/avma', 'does not name a pipe of this machine'],
    ['npipe://./pipe/avma', 'exist on Windows only'],
    ['virtio:', 'does not name a port'],
    ['vsock:2', 'does not name a CID and a port'],
    ['vsock:host:1688', 'does not name a CID and a port'],
    ['vsock:2:99999999999', 'does not name a CID and a port'],
    ['kvp:relative', 'whole path'],
    ['serial:ttyS1', 'does not name a device'],
    ['exec:', 'names no command'],
    ['exec:  ', 'names no command'],
    ['module:fs', 'does not name a file'],
  ])('%s: %s', async (uri, why) => {
    await expect(openPipe(uri, testMachine(folder))).rejects.toMatchObject({
      code: 'pipe-uri-invalid',
      message: expect.stringContaining(why),
      hint: expect.stringMatching(/./),
    });
  });

  test.each([
    'unix:/run/avma/host.sock',
    'virtio:org.avma.activation.0',
    'vsock:2:1688',
    'serial:/dev/ttyS1',
  ])('%s on Windows', async (uri) => {
    const environment = { ...testMachine(folder), platform: 'win32' as const };
    await expect(openPipe(uri, environment)).rejects.toMatchObject({ code: 'pipe-uri-invalid' });
  });

  test('a socket path of 107 bytes still is one', async () => {
    await expect(exchange(`unix:/${'x'.repeat(106)}`)).rejects.toMatchObject({ code: 'host-absent' });
  });

  test('unix:///PATH is unix:/PATH', async () => {
    await expect(exchange(`unix://${folder}/a.sock`)).rejects.toMatchObject({
      message: expect.stringContaining(`${folder}/a.sock does not exist`),
    });
  });
});

test('a socket file that a dead host left: host-absent, and it says that nobody listens', async () => {
  writeFileSync(`${folder}/dead.sock`, '');
  await expect(exchange(`unix:${folder}/dead.sock`)).rejects.toMatchObject({
    code: 'host-absent',
    message: expect.stringContaining('no process listens'),
  });
});

test('a serial URI that names no line: pipe-uri-invalid', async () => {
  await expect(exchange('serial:/dev/null')).rejects.toMatchObject({
    code: 'pipe-uri-invalid',
    message: expect.stringContaining('not a serial line'),
  });
});

test('serial without stty: pipe-not-found', async () => {
  await expect(
    exchange('serial:/dev/null', HANG_MS, testMachine(folder, { PATH: folder })),
  ).rejects.toMatchObject({
    code: 'pipe-not-found',
    message: expect.stringContaining('stty'),
  });
});

describe('exec', () => {
  test.each([
    ['exec:exit 3', 'host-gone', 'status 3'],
    ['exec:echo no license here >&2; exit 1', 'host-gone', 'status 1: no license here'],
    ['exec:kill -9 $$', 'host-gone', 'SIGKILL'],
    ['exec:exec 1>&-; sleep 60', 'host-gone', 'closed its output'],
    ['exec:/etc/passwd', 'access-denied', 'this user may not run the command'],
    ['exec:no-such-command', 'host-absent', 'the shell does not find the command'],
  ])('%s: %s', async (uri, code, why) => {
    await expect(exchange(uri)).rejects.toMatchObject({ code, message: expect.stringContaining(why) });
  });

  test('ends with all that the command started', async () => {
    const file = path.join(folder, 'pid');
    const pipe = await openPipe(
      `exec:sleep 600 & echo $! > ${file}.new; mv ${file}.new ${file}; wait`,
      testMachine(folder),
    );
    const deadline = new AbortController();
    const work = expect(
      pipe.exchange(encode('request', OURS), { signal: deadline.signal }),
    ).rejects.toMatchObject({
      code: 'host-silent',
    });
    await until('the command has started another', () => existsSync(file));
    deadline.abort();
    await work;
    await pipe.close();
    const pid = Number(readFileSync(file, 'utf8'));
    // Dead soon, though perhaps not yet collected by the system's first process.
    await until('it has ended', () => ['gone', 'Z'].includes(stateOf(pid)));
  });
});

function stateOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .charAt(0);
  } catch {
    return 'gone';
  }
}

describe('vsock needs a socat that can', () => {
  const about = (version: string, define: string) =>
    `socat version ${version} on 1 Jan\n  #${define} WITH_VSOCK 1\n`;

  test.each([
    ['1.7.3.4', 'define', 'is 1.7.3.4'],
    ['1.7.4.4', 'undef', 'built without'],
    ['unknown', 'define', 'unknown version'],
  ])('%s, %s', async (version, define, why) => {
    const env = fakeSocat(folder, 'exit 9', about(version, define));
    await expect(exchange('vsock:2:1688', HANG_MS, testMachine(folder, env))).rejects.toMatchObject({
      code: 'pipe-not-found',
      message: expect.stringContaining(why),
      hint: expect.stringContaining('Install socat'),
    });
  });

  test.each(['1.7.4', '1.7.4.4', '1.8.0.0', '2.0.0-b9'])('%s will do', async (version) => {
    const env = fakeSocat(folder, 'exit 0', about(version, 'define'));
    await expect(exchange('vsock:2:1688', HANG_MS, testMachine(folder, env))).rejects.toMatchObject({
      code: 'host-gone',
    });
  });

  test('none on PATH', async () => {
    mkdirSync(path.join(folder, 'empty'));
    const environment = testMachine(folder, { PATH: path.join(folder, 'empty') });
    await expect(exchange('vsock:2:1688', HANG_MS, environment)).rejects.toMatchObject({
      code: 'pipe-not-found',
    });
  });

  test.each([
    ['connect(5, AF=40 cid:2 port:1688, 16): Connection reset by peer', 'host-absent'],
    ['connect(5, AF=40 cid:9 port:1688, 16): Connection timed out', 'host-absent'],
    ['socket(40, 1, 0): Address family not supported by protocol', 'host-absent'],
    ['connect(5, AF=40 cid:2 port:1688, 16): Permission denied', 'access-denied'],
    ['read(5, 0x55, 8192): Connection reset by peer', 'host-gone'],
  ])('it says %s: %s', async (words, code) => {
    const env = fakeSocat(folder, `echo '2026/01/02 03:04:05 socat[7] E ${words}' >&2; exit 1`);
    await expect(exchange('vsock:2:1688', HANG_MS, testMachine(folder, env))).rejects.toMatchObject({ code });
  });

  test('is asked for CID and port as the URI has them', async () => {
    const env = fakeSocat(folder, 'echo "$@" >&2; exit 1');
    await expect(exchange('vsock:3:5000', HANG_MS, testMachine(folder, env))).rejects.toMatchObject({
      message: expect.stringContaining('- VSOCK-CONNECT:3:5000'),
    });
  });
});

describe('module', () => {
  const moduleOf = (text: string) => {
    const file = path.join(folder, `m${Math.random().toString(36).slice(2)}.mjs`);
    writeFileSync(file, text);
    return `module:${file}`;
  };

  test.each([
    ['export default 7', 'pipe-uri-invalid', 'not a function'],
    ['export default () => ({})', 'pipe-uri-invalid', 'without exchange() and close()'],
    ['throw new Error("broken")', 'pipe-uri-invalid', 'broken'],
    [
      'export default () => ({ exchange: async () => "text", close() {} })',
      'response-malformed',
      'without an answer',
    ],
    [
      'export default () => ({ exchange: async () => { throw Object.assign(new Error("no"), { code: "access-denied" }) }, close() {} })',
      'access-denied',
      'no',
    ],
    ['export default () => ({ exchange() { throw new Error("oops") }, close() {} })', 'internal', 'oops'],
  ])('%s: %s', async (text, code, why) => {
    await expect(exchange(moduleOf(text))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(why),
    });
  });

  test('that does not exist: file-not-found', async () => {
    await expect(exchange(`module:${folder}/none.mjs`)).rejects.toMatchObject({ code: 'file-not-found' });
  });

  test('that never comes back: host-silent at the deadline, although nothing else keeps the process alive', async () => {
    const pipe = await openPipe(
      moduleOf('export default () => ({ exchange: () => new Promise(() => {}), close() {} })'),
      testMachine(folder),
    );
    const work = pipe.exchange(encode('request', OURS), { signal: AbortSignal.timeout(100) });
    await expect(work).rejects.toMatchObject({ code: 'host-silent' });
  });
});
