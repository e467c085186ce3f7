import { mkdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { discoverPipe, pipeNotFound } from '../../src/pipe/discovery.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { fakeSocat, testMachine } from './transports.ts';

let root: string;

beforeEach(() => {
  root = tempFolder();
});

function put(file: string, text = ''): void {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
}

const withVirtio = () => put('dev/virtio-ports/org.avma.activation.0');
const withPools = () => put('var/lib/hyperv/.kvp_pool_1');
const withHyperV = () => put('sys/class/dmi/id/sys_vendor', 'Microsoft Corporation\n');

async function withSocket(): Promise<void> {
  mkdirSync(path.join(root, 'run/avma'), { recursive: true });
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(path.join(root, 'run/avma/host.sock'), resolve));
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
}

const discover = (env: NodeJS.ProcessEnv = { PATH: '' }) => discoverPipe(testMachine(root, env));
const verdicts = () => discover().candidates.map(({ verdict }) => verdict);

describe('without a URI', () => {
  test('nothing is there: nothing is chosen, and the error says what was looked for', () => {
    const discovery = discover();
    expect(discovery.uri).toBeNull();
    expect(verdicts()).toEqual(['absent', 'absent', 'absent', 'absent']);
    expect(pipeNotFound(discovery)).toMatchObject({
      code: 'pipe-not-found',
      message: expect.stringMatching(/virtio:.*kvp:.*unix:.*vsock:/),
    });
  });

  test('virtio comes first, then kvp, then unix', async () => {
    await withSocket();
    expect(discover().uri).toBe(`unix:${root}/run/avma/host.sock`);
    expect(verdicts()).toEqual(['absent', 'absent', 'chosen', 'absent']);
    withPools();
    withHyperV();
    expect(discover().uri).toBe('kvp:');
    expect(verdicts()).toEqual(['absent', 'chosen', 'present', 'absent']);
    withVirtio();
    expect(discover().uri).toBe('virtio:org.avma.activation.0');
    expect(verdicts()).toEqual(['chosen', 'present', 'present', 'absent']);
  });

  test('pools count on a Hyper-V machine only: its maker or the device tells', () => {
    withPools();
    expect(discover().uri).toBeNull();
    put('sys/class/dmi/id/sys_vendor', 'QEMU\n');
    expect(discover().candidates[1]?.reason).toContain('not a Hyper-V machine');
    put('dev/vmbus/hv_kvp');
    expect(discover().uri).toBe('kvp:');
  });

  test('a file that is no socket is no host', () => {
    put('run/avma/host.sock');
    expect(discover().candidates[2]).toMatchObject({ verdict: 'absent', reason: 'it is not a socket' });
  });

  test('vsock is never chosen, only named', () => {
    put('dev/vsock');
    expect(discover().candidates[3]?.reason).toContain('socat is not installed');
    const discovery = discover(fakeSocat(root, 'exit 9'));
    expect(discovery.uri).toBeNull();
    expect(discovery.candidates[3]).toEqual({
      uri: 'vsock:2:1688',
      verdict: 'unasked',
      reason: 'used only when it is named: AVMA_PIPE=vsock:2:1688',
    });
  });

  test('on Windows the named pipe is named, not chosen', () => {
    const discovery = discoverPipe({ ...testMachine(root), platform: 'win32' });
    expect(discovery).toMatchObject({
      uri: null,
      candidates: [{ uri: 'npipe://./pipe/avma', verdict: 'unasked' }],
    });
  });
});
