/**
 * Part of the build: uses the built commands against a host in this process, and writes the code that V8 compiled for
 * each use to dist/NAME-USE.code. A start reads that instead of compiling. Another version of Node ignores it.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { addTrustAnchor } from '../src/guest/trust/trust-store.ts';
import { DEFAULT_LIMIT } from '../src/host/answering/throttle.ts';
import { openGiven } from '../src/host/holdings/decode-given.ts';
import { installAll } from '../src/host/holdings/install.ts';
import { createHost, hostRequest } from '../src/host/host-store.ts';
import { serve } from '../src/host/serve.ts';
import { MAX_LEASE_MS } from '../src/protocol/answer.ts';
import { signHostCertificate } from '../src/protocol/host-certificate.ts';
import { makeCertificate, readHostRequest } from '../src/vendor/certify-host.ts';
import { plainRootKey } from '../src/vendor/root-key.ts';
import { createVendorRoot } from '../src/vendor/trust-root.ts';

const root = process.cwd();
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-build-'));
const at = (name: string) => path.join(folder, name);
const catalogFolders = [path.join(root, 'keys')];

/**
 * The uses that are compiled ahead, in this order: the first one leaves a licensed guest to the others. What bin/slmgr
 * and bin/avma choose from.
 */
function usesOf(productKey: string) {
  const partialKey = productKey.slice(-5);
  return [
    { name: 'slmgr', use: 'exchange', runs: [['/ipk', productKey], ['/ato']] },
    { name: 'slmgr', use: 'show', runs: [['/dlv'], ['/dli'], ['/xpr']] },
    { name: 'check', use: 'plain', runs: [[partialKey], [partialKey, '--json']] },
    {
      name: 'avma',
      use: 'guest',
      runs: [
        ['guest', 'status'],
        ['guest', 'activate'],
        ['guest', 'status'],
      ],
    },
  ];
}

/** A process of its own for each use: V8 keeps what it compiled of one source, whatever asked for it. */
const COMPILE_AHEAD = `
  const { launcher, loadCommand, keepCompiledCode } = require('./bin/launch.cjs');
  const { name, use, runs } = JSON.parse(process.argv[1]);
  const command = loadCommand(name, use);
  (async () => {
    for (const argv of runs) await command.main(launcher, argv);
    keepCompiledCode(name);
  })();
`;

async function warmUp(): Promise<void> {
  const now = Date.now();
  const vendor = createVendorRoot({ folder: at('vendor'), name: 'build', now });
  const identity = createHost({ folder: at('host'), name: 'build', now });
  const request = Buffer.from(JSON.stringify(hostRequest(identity, now)));
  const windows = { edition: 'ServerDatacenter', osVersion: '10.0.26100', licensing: 'MAK' } as const;
  const grant = { windows, days: 1, graceDays: 0, customer: null };
  const vendorKey = plainRootKey(vendor.keyFile);
  const certificate = makeCertificate({
    request: readHostRequest(request, 'request'),
    root: vendorKey,
    grant,
    now,
  });
  const bytes = Buffer.from(JSON.stringify(signHostCertificate(certificate, vendorKey)));
  const given = openGiven('certificate', bytes, 'certificate');
  await installAll(at('host'), [given], { now, dryRun: false });
  const host = await serve({
    folder: at('host'),
    catalogFolders,
    listen: [{ kind: 'socket', path: at('host.sock'), vmId: null, mode: 0o600 }],
    throttle: DEFAULT_LIMIT,
    leaseMs: MAX_LEASE_MS,
    events: { write() {} },
  });
  addTrustAnchor(fs.readFileSync(vendor.anchorFile), vendor.anchorFile, at('guest/trust.d'));
  fs.writeFileSync(at('config.json'), '{}');
  const env = {
    ...process.env,
    AVMA_STATE_DIR: at('guest'),
    AVMA_TRUST_DIR: at('none'),
    AVMA_CONFIG: at('config.json'),
    AVMA_PIPE: `unix:${at('host.sock')}`,
    AVMA_VM_ID: randomUUID(),
  };
  const { products } = JSON.parse(fs.readFileSync(path.join(root, 'keys/windows-server.json'), 'utf8'));
  const run = promisify(execFile);
  try {
    for (const use of usesOf(products[0].productKey)) {
      const { stdout } = await run(process.execPath, ['-e', COMPILE_AHEAD, JSON.stringify(use)], { env });
      if (!/License Status: Licensed|Product activated successfully|licensed, |^licensed: /.test(stdout)) {
        throw new Error(`the build does not work: ${use.name} printed\n${stdout}`);
      }
    }
  } finally {
    await host.stop();
  }
}

warmUp().finally(() => fs.rmSync(folder, { recursive: true, force: true }));
