import path from 'node:path';
import { onTestFinished } from 'vitest';
import { openGiven } from '../../src/host/holdings/decode-given.ts';
import { HoldingsReader } from '../../src/host/holdings/holdings-reader.ts';
import { installIn } from '../../src/host/holdings/install.ts';
import { createHost, hostRequest } from '../../src/host/host-store.ts';
import { serve } from '../../src/host/serve.ts';
import type { RunningHost, ServeOptions } from '../../src/host/serve-options.ts';
import { MAX_LEASE_MS } from '../../src/protocol/answer.ts';
import type { Grant } from '../../src/vendor/certify-host.ts';
import { plainRootKey } from '../../src/vendor/root-key.ts';
import { createVendorRoot } from '../../src/vendor/trust-root.ts';
import { certifyHost } from './certify-host.ts';

const PACKAGE_ROOT = path.resolve(import.meta.dirname, '../..');

const GRANT: Grant = {
  windows: { edition: 'ServerDatacenter', osVersion: '10.0.26100', licensing: 'MAK' },
  days: 365,
  graceDays: 14,
  customer: null,
};

/** A host's folder and the trust anchor of the vendor who certified it. */
interface MadeHost {
  readonly folder: string;
  readonly anchorFile: string;
}

/** A host that nobody has certified. */
export function makeHost(folder: string, now = Date.now()): MadeHost {
  const hostFolder = path.join(folder, 'host');
  createHost({ folder: hostFolder, name: 'hv01', now });
  const { anchorFile } = createVendorRoot({
    folder: path.join(folder, 'vendor'),
    name: 'Example vendor',
    now,
  });
  return { folder: hostFolder, anchorFile };
}

/** A host with its vendor's certificate. @param now - The vendor's clock, from which the certificate counts. */
export function makeCertifiedHost(folder: string, grant: Partial<Grant> = {}, now = Date.now()): MadeHost {
  const hostFolder = path.join(folder, 'host');
  const host = createHost({ folder: hostFolder, name: 'hv01', now });
  const { keyFile, anchorFile } = createVendorRoot({
    folder: path.join(folder, 'vendor'),
    name: 'Example vendor',
    now,
  });
  const { envelope } = certifyHost({
    request: Buffer.from(JSON.stringify(hostRequest(host, now))),
    from: 'the request',
    root: plainRootKey(keyFile),
    grant: { ...GRANT, ...grant },
    now,
  });
  const given = openGiven('certificate', Buffer.from(JSON.stringify(envelope)), 'the certificate');
  installIn(new HoldingsReader(hostFolder, host).snapshot, [given], { now, dryRun: false });
  return { folder: hostFolder, anchorFile };
}

/** The host of a folder, serving until the test is over. */
export async function serveHost(folder: string, options: Partial<ServeOptions>): Promise<RunningHost> {
  const running = await serve({
    folder,
    catalogFolders: [path.join(PACKAGE_ROOT, 'keys')],
    listen: [],
    throttle: { burst: 600, windowMs: 60_000 },
    leaseMs: MAX_LEASE_MS,
    events: { write: () => {} },
    ...options,
  });
  onTestFinished(() => running.stop());
  return running;
}
