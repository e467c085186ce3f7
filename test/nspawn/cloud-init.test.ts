/** deploy/cloud-init/user-data.yaml, run by Debian's own cloud-init from a NoCloud seed: nothing is typed. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HostProcess, makeSite } from '../e2e/host.ts';
import { PACKAGE_ROOT } from '../e2e/requirements.ts';
import { KEY } from '../e2e/transcripts.ts';
import { type BuiltPackage, builtPackage } from '../support/built-package.ts';
import { createMachine, type Machine } from './machine.ts';
import { missingForNspawn, type Suite } from './requirements.ts';
import { licenseFile, lookUntil, serviceProperty } from './steps.ts';

const missing = missingForNspawn();
const built = missing === undefined ? await builtPackage() : { missing };
const title = 'missing' in built ? `cloud-init (skipped: ${built.missing})` : 'cloud-init';

/** A folder of the machine that is one outside too. */
const SHARED = '/srv/avma';

const IMAGES: readonly (readonly [suite: Suite, image: 'installed' | 'as a file'])[] = [
  ['bookworm', 'installed'],
  ['bookworm', 'as a file'],
  ['trixie', 'installed'],
  ['trixie', 'as a file'],
];

describe.skipIf('missing' in built).each(IMAGES)(
  `${title} in an image of %s with the package %s`,
  (suite, image) => {
    const { deb: file } = built as BuiltPackage;
    let folder: string;
    let machine: Machine;
    let host: HostProcess;

    beforeAll(async () => {
      folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-ci-'));
      const site = makeSite(folder, PACKAGE_ROOT);
      const shared = path.join(folder, 'shared');
      fs.mkdirSync(shared);
      host = await site.serve(`unix:${shared}/host.sock`);
      machine = createMachine(suite);
      fs.rmSync(path.join(machine.root, 'etc/cloud/cloud-init.disabled'));
      machine.write('opt/avma.deb', fs.readFileSync(file));
      if (image === 'installed') await machine.output('dpkg', '--install', '/opt/avma.deb');
      machine.write('var/lib/cloud/seed/nocloud/meta-data', 'instance-id: i-1\nlocal-hostname: web01\n');
      machine.write('var/lib/cloud/seed/nocloud/user-data', userData(fs.readFileSync(site.anchor, 'utf8')));
      await machine.boot(`--bind=${shared}:${SHARED}`);
    });
    afterAll(async () => {
      await machine?.dispose();
      await host?.end('SIGTERM');
      fs.rmSync(folder, { recursive: true, force: true });
    });

    test('takes the user-data without an error', async () => {
      const { status, stdout } = await machine.run('cloud-init', 'status', '--wait');
      expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining('status: done') });
      const { v1 } = JSON.parse(await machine.output('cat', '/run/cloud-init/result.json')) as {
        v1: { errors: string[]; datasource: string };
      };
      expect(v1.errors).toEqual([]);
      expect(v1.datasource).toContain('NoCloud');
      const log = await machine.output('cat', '/var/log/cloud-init.log');
      expect(log).toContain('Writing to /etc/avma/setup.yaml');
      expect(log.split('\n').filter((line) => /WARNING|ERROR|Traceback/.test(line))).toEqual([]);
    });

    test('finds nothing wrong with the user-data by its own schema', async () => {
      const { status, stdout } = await machine.run('cloud-init', 'schema', '--system');
      expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/Valid/i) });
    });

    test('leaves a machine that licenses itself', async () => {
      await lookUntil('the license file says that the product is licensed', async () => {
        return (await licenseFile(machine))?.products[0]?.state === 'licensed';
      });
      const status = await machine.output('avma', 'guest', 'status');
      expect(status).toContain('/etc/avma/setup.yaml');
      expect(fs.statSync(path.join(machine.root, 'etc/avma/setup.yaml')).mode & 0o777).toBe(0o600);
    });

    test('is done with the files before the agent starts, and no unit waits for itself', async () => {
      const boot = await machine.output('journalctl', '--boot', '--no-pager', '--output=cat');
      expect(boot).not.toMatch(/ordering cycle/i);
      const service = suite === 'bookworm' ? 'cloud-init' : 'cloud-init-network';
      const filesWritten = Number(await serviceProperty(machine, service, 'ActiveEnterTimestampMonotonic'));
      const started = Number(await serviceProperty(machine, 'avma-agent', 'ExecMainStartTimestampMonotonic'));
      expect(filesWritten).toBeGreaterThan(0);
      expect(started).toBeGreaterThan(filesWritten);
    });
  },
);

/** The file as it is shipped, with a key and an anchor, and the pipe to the host of this test. */
function userData(anchor: string): string {
  const shipped = fs.readFileSync(path.join(PACKAGE_ROOT, 'deploy/cloud-init/user-data.yaml'), 'utf8');
  return shipped
    .replace('XXXXX-XXXXX-XXXXX-XXXXX-XXXXX', KEY)
    .replace('- {}', `- ${JSON.stringify(JSON.parse(anchor))}`)
    .replace('# pipe: vsock:2:1688', `pipe: unix:${SHARED}/host.sock`);
}
