/**
 * Part of the build: runs an activation with the built slmgr in this process, then writes the code that V8 compiled for
 * it to dist/slmgr.code. A start reads that instead of compiling. Another version of Node ignores it.
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Launcher } from '../src/cli/launcher.ts';
import { addTrustAnchor } from '../src/guest/trust-store.ts';
import { DEFAULT_LIMIT } from '../src/host/answering/throttle.ts';
import { installCertificate } from '../src/host/certificate.ts';
import { createHost, hostRequest } from '../src/host/host-store.ts';
import { serve } from '../src/host/serve.ts';
import { MAX_LEASE_MS } from '../src/protocol/answer.ts';
import { certifyHost } from '../src/vendor/certify-host.ts';
import { createVendorRoot, openVendorRoot } from '../src/vendor/trust-root.ts';

const root = process.cwd();
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-build-'));
const at = (name: string) => path.join(folder, name);
const catalogFolders = [path.join(root, 'keys')];

interface Loader {
  launcher: Launcher;
  loadCommand(name: string): { main(launcher: Launcher, argv: string[]): Promise<void> };
  keepCompiledCode(name: string): void;
}

async function warmUp(): Promise<void> {
  const now = Date.now();
  const vendor = createVendorRoot(at('vendor'), 'build', now);
  const identity = createHost(at('host'), 'build', undefined, now);
  const request = Buffer.from(JSON.stringify(hostRequest(identity, now)));
  const grant = { edition: 'ServerDatacenter', osVersion: '10.0.26100', licensing: 'MAK', days: 1 } as const;
  const { envelope } = certifyHost({
    request,
    from: 'request',
    root: openVendorRoot(vendor.keyFile),
    grant,
    now,
  });
  const bytes = Buffer.from(JSON.stringify(envelope));
  installCertificate({ folder: at('host'), host: identity, bytes, from: 'certificate', now });
  const host = await serve({
    folder: at('host'),
    catalogFolders,
    listen: [{ kind: 'socket', path: at('host.sock'), vmId: null, mode: 0o600 }],
    throttle: DEFAULT_LIMIT,
    leaseMs: MAX_LEASE_MS,
    events: { write() {} },
  });
  addTrustAnchor(vendor.anchorFile, at('guest/trust.d'));
  fs.writeFileSync(at('config.json'), '{}');
  Object.assign(process.env, {
    AVMA_STATE_DIR: at('guest'),
    AVMA_TRUST_DIR: at('none'),
    AVMA_CONFIG: at('config.json'),
    AVMA_PIPE: `unix:${at('host.sock')}`,
    AVMA_VM_ID: randomUUID(),
  });

  const { launcher, loadCommand, keepCompiledCode } = require(path.join(root, 'bin/launch.cjs')) as Loader;
  const slmgr = loadCommand('slmgr');
  const printed = await capture(async () => {
    const { products } = JSON.parse(fs.readFileSync(path.join(root, 'keys/windows-server.json'), 'utf8'));
    await slmgr.main(launcher, ['/ipk', products[0].productKey]);
    for (const option of ['/ato', '/dlv', '/dli', '/xpr']) await slmgr.main(launcher, [option]);
  });
  await host.stop();
  if (!printed.includes('License Status: Licensed')) throw new Error(`the build does not work:\n${printed}`);
  keepCompiledCode('slmgr');
}

/** Runs `work` and returns what it wrote to stdout, which is not written. */
async function capture(work: () => Promise<void>): Promise<string> {
  const { writeSync } = fs;
  let printed = '';
  fs.writeSync = ((fd: number, bytes: Buffer, ...rest: []) => {
    if (fd !== 1) return writeSync(fd, bytes, ...rest);
    printed += bytes;
    return bytes.length;
  }) as typeof writeSync;
  try {
    await work();
  } finally {
    fs.writeSync = writeSync;
  }
  return printed;
}

warmUp().finally(() => fs.rmSync(folder, { recursive: true, force: true }));
