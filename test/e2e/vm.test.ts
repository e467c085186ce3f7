import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'vitest';
import { bootGuest } from './guest.ts';
import { installPackage, overlayArchive } from './guest-image.ts';
import { makeSite } from './host.ts';

test('first', { timeout: 120000 }, async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-vm-'));
  const t = performance.now();
  const log = (...args: unknown[]) => console.log(((performance.now() - t) / 1000).toFixed(2), ...args);
  const installed = path.join(folder, 'avma');
  installPackage(installed);
  log('installed');
  const site = makeSite(folder, installed);
  log('site');
  const overlay = overlayArchive(folder, installed, { 'etc/avma/trust.d/vendor.json': site.anchor });
  log('overlay', overlay.length);
  const vmId = randomUUID();
  const socket = path.join(folder, 'host.sock');
  const host = await site.serve(`unix:${socket},vm=${vmId}`);
  log('host');
  const guest = await bootGuest(folder, { vmId, socket, overlays: [overlay] });
  log('booted');
  for (const c of process.env.CMDS?.split(';') ?? ['slmgr /ipk DBGBW-NPF86-BJVTX-K3WKJ-MTB6V', 'slmgr /ato', 'slmgr /dlv', 'slmgr /xpr', 'avma guest status', 'cat /sys/class/dmi/id/product_uuid', 'ls -la /dev/virtio-ports /var/lib/avma; free']) {
    const r = await guest.run(c);
    log(c, r.status, r.seconds, `\n${r.stdout}${r.stderr}`);
  }
  await guest.powerOff();
  log('off');
  await host.end('SIGTERM');
  fs.rmSync(folder, { recursive: true });
});
