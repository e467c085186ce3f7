import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { discoverPipe } from '../../../src/pipe/discovery.ts';
import { systemEnvironment } from '../../../src/pipe/environment.ts';
import { makeCertifiedHost, makeHost, serveHost } from '../../support/certified-host.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { runAvma } from './run-avma.ts';

const DAY = 24 * 60 * 60 * 1000;

/** A host in the folder, listening; the probe's URI. */
async function hostOn(folder: string, made: { folder: string }): Promise<string> {
  const socket = path.join(folder, 's');
  await serveHost(made.folder, { listen: [{ kind: 'socket', path: socket, vmId: null, mode: 0o600 }] });
  return `unix:${socket}`;
}

async function probeJson(folder: string, args: readonly string[], env: Record<string, string> = {}) {
  const ran = await runAvma(folder, ['pipe', 'probe', ...args, '--json'], env);
  return { ...ran, probe: JSON.parse(ran.stdout) };
}

/** Whatever connects is handled by this. */
async function listenRaw(folder: string, serve: (socket: net.Socket) => void): Promise<string> {
  const file = path.join(folder, 'raw');
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(file, resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `unix:${file}`;
}

describe('a host that answers', () => {
  test('is shown with all that its certificate says, and that a trust anchor vouches for it', async () => {
    const folder = tempFolder();
    const made = makeCertifiedHost(folder);
    const uri = await hostOn(folder, made);
    await runAvma(folder, ['guest', 'trust', 'add', made.anchorFile]);
    const ran = await runAvma(folder, ['pipe', 'probe', uri]);
    expect(ran.status).toBe(0);
    expect(ran.stderr).toBe('');
    expect(ran.stdout).toMatch(/^Status +reachable, activated$/m);
    expect(ran.stdout).toMatch(/^Host +hv01$/m);
    expect(ran.stdout).toMatch(/^Hardware ID +[0-9A-F]{4}(-[0-9A-F]{4}){3}$/m);
    expect(ran.stdout).toMatch(/^Windows +ServerDatacenter 10\.0\.26100, MAK$/m);
    expect(ran.stdout).toMatch(/^Valid +\d{4}-\d\d-\d\d \d\d:\d\d UTC to \d{4}-/m);
    expect(ran.stdout).toMatch(/^Serial +[0-9a-f]{16}$/m);
    expect(ran.stdout).toMatch(/^Trust +vendor "Example vendor" \([0-9a-f]{16}\) vouches for it$/m);
    expect(ran.stdout).toMatch(/^Timing +open [\d.]+ ms, hello [\d.]+ ms, verify [\d.]+ ms$/m);
  });

  test('is one JSON object for programs', async () => {
    const folder = tempFolder();
    const made = makeCertifiedHost(folder);
    const uri = await hostOn(folder, made);
    await runAvma(folder, ['guest', 'trust', 'add', made.anchorFile]);
    const { status, probe } = await probeJson(folder, [uri]);
    expect(status).toBe(0);
    expect(probe).toMatchObject({
      schema: 'avma.pipe-probe/1',
      uri,
      from: 'argument',
      candidates: [],
      answered: true,
      host: {
        hostName: 'hv01',
        windows: { edition: 'ServerDatacenter', licensing: 'MAK' },
        dates: 'valid',
      },
      trust: { vouched: true, anchor: { name: 'Example vendor' }, problem: null },
      error: null,
    });
    for (const step of ['open', 'hello', 'verify'])
      expect(probe.milliseconds[step]).toBeGreaterThanOrEqual(0);
  });

  test('answers all the same when no trust anchor vouches for it, and the probe says what to do', async () => {
    const folder = tempFolder();
    const uri = await hostOn(folder, makeCertifiedHost(folder));
    const ran = await runAvma(folder, ['pipe', 'probe', uri]);
    expect(ran.status).toBe(82);
    expect(ran.stdout).toMatch(/^Trust +no vendor that is trusted here vouches for it$/m);
    expect(ran.stderr).toMatch(/avma guest trust add/);
  });

  test('is shown also when a trust anchor here is damaged, which is then said', async () => {
    const folder = tempFolder();
    const uri = await hostOn(folder, makeCertifiedHost(folder));
    fs.mkdirSync(path.join(folder, 'trust'));
    fs.writeFileSync(path.join(folder, 'trust', 'bad.json'), '{');
    const { status, probe } = await probeJson(folder, [uri]);
    expect(status).toBe(65);
    expect(probe.trust).toMatchObject({ vouched: false, problem: { code: 'file-invalid' } });
  });

  test.each([
    ['expired', -400 * DAY, 'certificate-expired'],
    ['not yet valid', 10 * DAY, 'certificate-not-yet-valid'],
  ])("has a certificate that is %s by this machine's clock", async (dates, from, code) => {
    const folder = tempFolder();
    const made = makeCertifiedHost(folder, {}, Date.now() + from);
    const uri = await hostOn(folder, made);
    await runAvma(folder, ['guest', 'trust', 'add', made.anchorFile]);
    const { status, probe } = await probeJson(folder, [uri]);
    expect(probe.problem.code).toBe(code);
    expect(status).toBe(82);
    expect(probe.host.dates).toBe(dates);
    expect(probe.status).toBe(`reachable, certificate ${dates} by this machine's clock`);
  });
});

describe('what else may be at the other end', () => {
  test('a host that is not activated: it is there, and that is what is said', async () => {
    const folder = tempFolder();
    const uri = await hostOn(folder, makeHost(folder));
    const ran = await runAvma(folder, ['pipe', 'probe', uri]);
    expect(ran.status).toBe(82);
    expect(ran.stdout).toMatch(/^Status +reachable, not activated$/m);
    expect(ran.stderr).toMatch(/\[host-not-activated, 0xC004FD02\]\n +On the host: avma host request/);
  });

  test('nobody', async () => {
    const folder = tempFolder();
    const { status, probe } = await probeJson(folder, [`unix:${folder}/nowhere`]);
    expect(status).toBe(69);
    expect(probe).toMatchObject({
      answered: false,
      status: 'no host is there',
      host: null,
      trust: null,
      error: { code: 'host-absent', hresult: '0xC004FD01' },
    });
    expect(probe.milliseconds.verify).toBeNull();
  });

  test('a socket that its process has left behind', async () => {
    const folder = tempFolder();
    const uri = `unix:${folder}/left`;
    const server = net.createServer().listen(`${folder}/left`);
    await new Promise((resolve) => server.once('listening', resolve));
    fs.renameSync(`${folder}/left`, `${folder}/kept`);
    await new Promise((resolve) => server.close(resolve));
    fs.renameSync(`${folder}/kept`, `${folder}/left`);
    const { probe } = await probeJson(folder, [uri]);
    expect(probe.error).toMatchObject({
      code: 'host-absent',
      message: expect.stringMatching(/no process listens on it/),
    });
  });

  test('somebody who says nothing, until --deadline', async () => {
    const folder = tempFolder();
    const uri = await listenRaw(folder, () => {});
    const { status, probe } = await probeJson(folder, [uri, '--deadline', '0.2']);
    expect(status).toBe(69);
    expect(probe).toMatchObject({ status: 'no answer in time', error: { code: 'host-silent' } });
  });

  test('somebody who goes away', async () => {
    const folder = tempFolder();
    const uri = await listenRaw(folder, (socket) => socket.end());
    const { probe } = await probeJson(folder, [uri]);
    expect(probe).toMatchObject({
      status: 'the other end went away before it answered',
      error: { code: 'host-gone' },
    });
  });

  test('another protocol', async () => {
    const folder = tempFolder();
    const uri = await listenRaw(folder, (socket) => {
      socket.on('data', () => socket.write(`HTTP/1.1 400 Bad Request\r\n\r\n${'x'.repeat(70_000)}`));
    });
    const { status, probe } = await probeJson(folder, [uri]);
    expect(status).toBe(65);
    expect(probe).toMatchObject({
      status: 'something answered that is not a host',
      error: { code: 'response-malformed' },
    });
  });

  test('a host of another version of the protocol', async () => {
    const folder = tempFolder();
    const uri = await listenRaw(folder, (socket) => {
      socket.on('data', (bytes) => {
        const [, exchangeId] = /avma\/1 hello ([0-9a-f]{32})/.exec(String(bytes)) ?? [];
        socket.write(`\navma/2 offer ${exchangeId}\n`);
      });
    });
    const { probe } = await probeJson(folder, [uri]);
    expect(probe).toMatchObject({
      status: 'reachable, but it speaks another version of the protocol',
      error: { code: 'protocol-unsupported' },
    });
  });

  test('a host whose offer is no certificate', async () => {
    const folder = tempFolder();
    const uri = await listenRaw(folder, (socket) => {
      socket.on('data', (bytes) => {
        const [, exchangeId] = /avma\/1 hello ([0-9a-f]{32})/.exec(String(bytes)) ?? [];
        const body = Buffer.from(JSON.stringify({ hello: 'guest' })).toString('base64url');
        socket.write(`\navma/1 offer ${exchangeId} ${body}\n`);
      });
    });
    const { probe } = await probeJson(folder, [uri]);
    expect(probe.error).toMatchObject({ code: 'response-malformed' });
  });
});

// One sentence for each kind of pipe, when there is none of it.
describe('a pipe that is not there', () => {
  test.each([
    ['virtio:no.such.port', 'host-absent', /virtio-serial port/],
    ['kvp:/nowhere/hyperv', 'host-absent', /\/nowhere\/hyperv does not exist/],
    ['serial:/dev/no-such-line', 'host-absent', /\/dev\/no-such-line does not exist/],
    ['exec:avma-no-such-command', 'host-absent', /the shell does not find the command/],
    ['npipe://./pipe/avma', 'pipe-uri-invalid', /Windows only/],
    ['module:/nowhere/pipe.mjs', 'file-not-found', /pipe\.mjs/],
    ['telnet:host', 'pipe-uri-invalid', /unknown pipe type "telnet"/],
  ])('%s', async (uri, code, message) => {
    const { status, probe } = await probeJson(tempFolder(), [uri]);
    expect(status).not.toBe(0);
    expect(probe.error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(probe.answered).toBe(false);
  });
});

describe('without a URI', () => {
  const machineHasOne = discoverPipe(systemEnvironment()).uri !== null;

  test.skipIf(machineHasOne)(
    'says for each candidate why it was not taken, and fails when there is none',
    async () => {
      const folder = tempFolder();
      const { status, probe, stderr } = await probeJson(folder, []);
      expect(status).toBe(69);
      expect(probe).toMatchObject({
        uri: null,
        from: 'not found',
        status: null,
        error: { code: 'pipe-not-found' },
      });
      const kinds = probe.candidates.map(({ uri }: { uri: string }) => uri.split(':')[0]);
      expect(kinds).toEqual(['virtio', 'kvp', 'unix', 'vsock']);
      for (const { reason } of probe.candidates) expect(reason).not.toBe('');
      expect(probe.error.hint).toMatch(/AVMA_PIPE=/);
      expect(stderr).toBe('');
    },
  );

  test('probes the pipe that is configured, and says after the answer what else it looked at', async () => {
    const folder = tempFolder();
    const made = makeCertifiedHost(folder);
    const uri = await hostOn(folder, made);
    await runAvma(folder, ['guest', 'trust', 'add', made.anchorFile]);
    const ran = await runAvma(folder, ['pipe', 'probe'], { AVMA_PIPE: uri });
    expect(ran.status).toBe(0);
    expect(ran.stdout).toMatch(/^Pipe .*\(configured\)\nStatus +reachable, activated\n/);
    expect(ran.stdout).toMatch(/\nTiming .*\nAlso looked +virtio:org\.avma\.activation\.0: /);
    // Each candidate is named once, and without a second colon.
    expect(ran.stdout).not.toMatch(/::|not tried.*not tried/);
  });
});

test('--deadline takes seconds', async () => {
  const ran = await runAvma(tempFolder(), ['pipe', 'probe', 'unix:/nowhere', '--deadline', 'soon']);
  expect(ran.status).toBe(64);
  expect(ran.stderr).toMatch(/--deadline is "soon"/);
});
