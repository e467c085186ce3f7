/** What AVMA_DEBUG and --debug show of the real commands, and what they never show. */
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importPrivateKey } from '../../src/protocol/curve-keys.ts';
import { parseLine } from '../../src/protocol/frame.ts';
import { boxKey, splitRequestPacket, unseal } from '../../src/protocol/sealed-packet.ts';
import { type ServedHost, STANDARD_2012_R2, TestMachine } from './test-machine.ts';

const machine = new TestMachine();
let host: ServedHost;

beforeAll(async () => {
  await machine.certifyHost();
  host = await machine.serve([], 'h.sock', { env: { AVMA_DEBUG: 'all' } });
});
afterAll(async () => {
  await host.stop();
  await machine.close();
});

/** Every private key of the vendor and of the host, as its file has it. */
function privateKeys(): string[] {
  return ['v/root.key', 'host/signing.key', 'host/box.key'].flatMap((name) => {
    const lines = fs.readFileSync(machine.at(name), 'utf8').split('\n');
    return lines.filter((line) => line.length >= 40);
  });
}

/** Passes everything on between the guests of one socket and the host, and keeps what the guests sent. */
async function relay(socket: string): Promise<{ sent(): string; close(): void }> {
  let sent = '';
  const server = net.createServer((guest) => {
    const upstream = net.connect(machine.at('h.sock'));
    guest.on('data', (bytes) => {
      sent += bytes.toString('latin1');
    });
    guest.pipe(upstream).pipe(guest);
    for (const stream of [guest, upstream]) stream.on('error', () => {});
  });
  server.listen(machine.at(socket));
  await once(server, 'listening');
  return { sent: () => sent, close: () => server.close() };
}

/** What guest and host share and seal in an activation, computed from the bytes on the wire and the host's key. */
function sealedSecrets(sent: string): { sharedKey: Uint8Array; plaintext: Uint8Array } {
  const line = sent.split('\n').find((one) => one.startsWith('avma/1 request ')) ?? '';
  const parsed = parseLine(line);
  if (parsed.kind !== 'frame') throw new Error(`no request in ${sent}`);
  const packet = splitRequestPacket(parsed.frame.body);
  const host = importPrivateKey('x25519', fs.readFileSync(machine.at('host/box.key'), 'utf8'), {
    from: 'box.key',
  });
  const key = packet && boxKey(host, packet.publicKey);
  const plaintext = packet && key && unseal(key, packet.sealed);
  if (!key || !plaintext) throw new Error('the request does not open');
  return { sharedKey: key.sharedKey, plaintext };
}

/** The bytes in the encodings in which a trace could show them. */
function encodings(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes);
  return [
    ...(['hex', 'base64', 'base64url', 'latin1'] as const).map((encoding) => buffer.toString(encoding)),
    [...buffer].join(','),
  ];
}

describe('a whole activation with AVMA_DEBUG=all', () => {
  const env = { AVMA_PIPE: 'unix:h.sock' };

  test('prints on stdout what it prints without, and shows no secret on stderr', async () => {
    const wire = await relay('relay.sock');
    const traced = { env: { AVMA_PIPE: 'unix:relay.sock', AVMA_DEBUG: 'all' } };
    const plain = await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env });
    const again = await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], traced);
    expect(again.stdout).toBe(plain.stdout);
    const activated = await machine.mustRun('slmgr', ['/ato'], traced);
    expect(activated.stdout).toBe((await machine.mustRun('slmgr', ['/ato'], { env })).stdout);
    wire.close();

    const shown = again.stderr + activated.stderr + host.output();
    for (const topic of ['wire', 'pipe', 'state', 'lock', 'clock', 'trust', 'catalog', 'host', 'ledger']) {
      expect(shown).toContain(`avma debug ${topic} +`);
    }
    expect(shown).not.toContain(STANDARD_2012_R2);
    expect(privateKeys()).toHaveLength(3);
    for (const key of privateKeys()) expect(shown).not.toContain(key);
    const { sharedKey, plaintext } = sealedSecrets(wire.sent());
    expect(Buffer.from(plaintext).toString()).toContain(machine.vmId);
    for (const text of [...encodings(sharedKey), ...encodings(plaintext)]) expect(shown).not.toContain(text);
  });
});

describe('slmgr on another machine', () => {
  test('shows the ssh command with all but the last five characters of the key hidden', async () => {
    const { stderr } = await machine.run('slmgr', ['vm1', '/ipk', STANDARD_2012_R2], {
      env: { AVMA_SSH: 'true', AVMA_DEBUG: 'ssh' },
    });
    expect(stderr).toMatch(/^avma debug ssh \+\d+ms: runs true .* slmgr \/ipk \*.*-MTB6V$/m);
    expect(stderr).not.toContain(STANDARD_2012_R2);
  });
});

describe('avma --debug', () => {
  test.each([
    [['--debug', 'guest', 'trust', 'list']],
    [['guest', 'trust', 'list', '--debug=wire,trust']],
    [['guest', '--debug=all', 'trust', 'list']],
  ])('%j runs the command', async (args) => {
    const plain = await machine.mustRun('avma', ['guest', 'trust', 'list']);
    expect((await machine.mustRun('avma', args)).stdout).toBe(plain.stdout);
  });

  test('names the topics when it is given another word', async () => {
    const { stderr, status } = await machine.run('avma', ['--debug=wires', 'guest', 'status']);
    expect(status).toBe(64);
    expect(stderr).toContain('--debug: no topic is called wires');
    expect(stderr).toContain('Topics: wire, pipe, ');
  });

  test('is a word like any other after --', async () => {
    const { stderr } = await machine.run('avma', ['guest', 'install-key', '--', '--debug']);
    expect(stderr).toContain('[key-invalid');
  });
});
