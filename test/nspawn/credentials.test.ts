/** An image with the package in it, and a key given by the manager of the machine: nothing is typed in it. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSite } from '../e2e/host.ts';
import { PACKAGE_ROOT } from '../e2e/requirements.ts';
import { KEY } from '../e2e/transcripts.ts';
import { type BuiltPackage, builtPackage } from '../support/built-package.ts';
import { createMachine, type Machine } from './machine.ts';
import { missingForNspawn, SUITES } from './requirements.ts';
import { giveHost, licenseFile, lookUntil } from './steps.ts';

const missing = missingForNspawn();
const built = missing === undefined ? await builtPackage() : { missing };
const title = 'missing' in built ? `systemd credentials (skipped: ${built.missing})` : 'systemd credentials';

describe.skipIf('missing' in built).each(SUITES)(`${title}, %s`, (suite) => {
  const { deb } = built as BuiltPackage;
  let folder: string;
  let machine: Machine;

  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-credentials-'));
    const site = makeSite(folder, PACKAGE_ROOT);
    machine = createMachine(suite);
    machine.write('root/avma.deb', fs.readFileSync(deb));
    await machine.output('dpkg', '--install', '/root/avma.deb');
    giveHost(machine, site);
    await machine.output('systemctl', 'enable', 'avma-host');
    await machine.boot(`--set-credential=avma.key:${KEY}`, `--load-credential=avma.trust:${site.anchor}`);
  });
  afterAll(async () => {
    await machine?.dispose();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  test('license the machine at its first boot', async () => {
    await lookUntil('the license file says that the product is licensed', async () => {
      return (await licenseFile(machine))?.products[0]?.state === 'licensed';
    });
    expect(await machine.output('avma', 'guest', 'status')).toContain('systemd credentials');
  });

  test('leave nothing of the key to others', async () => {
    const found = await machine.run(
      'grep',
      '--recursive',
      '--files-with-matches',
      KEY,
      '/etc',
      '/run/avma',
      '/var/log',
    );
    expect(found).toMatchObject({ status: 1, stdout: '' });
    const journal = await machine.output('journalctl', '--boot', '--no-pager');
    expect(journal).toContain('avma');
    expect(journal).not.toContain(KEY);
  });

  test('are not needed: without them the agent starts again, and the license stays', async () => {
    await machine.powerOff();
    await machine.boot();
    await lookUntil('the license file says that the product is licensed', async () => {
      return (await licenseFile(machine))?.products[0]?.state === 'licensed';
    });
    expect(await machine.output('systemctl', '--failed', '--no-legend')).toBe('');
  });
});
