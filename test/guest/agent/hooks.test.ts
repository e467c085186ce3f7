/** Programs of on-change.d, as real processes. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { AvmaError } from '../../../src/errors/avma-error.ts';
import { Hooks } from '../../../src/guest/agent/hooks.ts';
import type { LicenseSummary } from '../../../src/guest/agent/license-summary.ts';
import { schemaErrors } from '../../support/json-schemas.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { VM } from '../../support/test-guest.ts';
import { until } from '../../support/until.ts';

const BEFORE: LicenseSummary = { vmId: VM, licensed: false, products: [] };
const AFTER: LicenseSummary = {
  vmId: VM,
  licensed: true,
  products: [
    {
      activationId: 'aaaaaaaa-0000-4000-8000-000000000001',
      name: 'Example Appliance',
      edition: 'Appliance',
      version: '3.1',
      partialProductKey: '22222',
      state: 'licensed',
      reason: null,
      endsAt: '2026-06-08T12:00:00.000Z',
      issuedAt: '2026-06-01T12:00:00.000Z',
      renewAfter: '2026-06-05T00:00:00.000Z',
      host: { id: '0123-4567-89AB-CDEF', name: 'hv01' },
      vendor: null,
      requiresLicense: false,
      conditions: ['license-in-grace'],
      certificateEndsAt: '2026-12-01T00:00:00.000Z',
      certificateGraceUntil: '2026-12-15T00:00:00.000Z',
      license: {
        licenseId: '00112233445566aa',
        customer: 'Bank Ltd',
        features: { vpn: true, throughput: 10 },
        guests: null,
        overage: 'report',
        endsAt: '2026-06-01T00:00:00.000Z',
        graceUntil: '2026-06-15T00:00:00.000Z',
      },
      notes: ['license 00112233445566aa of "Bank Ltd" ended on 2026-06-01 00:00 UTC'],
    },
  ],
};

/** A folder of hooks, what is said of them, and a file that they may write to. */
function hookFolder(limit?: number) {
  const folder = tempFolder();
  const hookDir = path.join(folder, 'on-change.d');
  const out = path.join(folder, 'out');
  fs.mkdirSync(hookDir, { mode: 0o755 });
  const log: string[] = [];
  const failures: AvmaError[] = [];
  const hooks = new Hooks({
    folder: hookDir,
    env: { PATH: process.env.PATH, OUT: out },
    log: (sentence) => log.push(sentence),
    failed: (error) => failures.push(error),
    ...(limit === undefined ? {} : { limit }),
  });
  onTestFinished(() => hooks.stop());
  return {
    hooks,
    hookDir,
    log,
    failures,
    add(name: string, script: string, mode = 0o755) {
      const file = path.join(hookDir, name);
      fs.writeFileSync(file, `#!/bin/sh\n${script}\n`);
      fs.chmodSync(file, mode);
      return file;
    },
    written: () => (fs.existsSync(out) ? fs.readFileSync(out, 'utf8') : ''),
    async change() {
      hooks.changed(BEFORE, AFTER);
      await hooks.settled();
    },
  };
}

describe('hooks', () => {
  test('get the old and the new license, as the schema says, one after another in the order of their names', async () => {
    const { add, change, written, failures } = hookFolder();
    add('20-second', 'echo second >> "$OUT"');
    add('10-first', 'sleep 0.1; cat >> "$OUT"');
    await change();
    const [json = '', second] = written().split('\n');
    expect(schemaErrors(JSON.parse(json), 'license-change')).toBeNull();
    expect(JSON.parse(json)).toEqual({ schema: 'avma.license-change/1', old: BEFORE, new: AFTER });
    expect(second).toBe('second');
    expect(failures).toEqual([]);
  });

  test('are told every change, in order', async () => {
    const { hooks, add, written } = hookFolder();
    add('hook', `sed 's/.*"licensed":\\(true\\|false\\).*/\\1/' >> "$OUT"`);
    hooks.changed(BEFORE, AFTER);
    hooks.changed(AFTER, BEFORE);
    hooks.changed(BEFORE, AFTER);
    await hooks.settled();
    expect(written()).toBe('true\nfalse\ntrue\n');
  });

  test('that need no input, fail, or cannot be started are said, and the others run', async () => {
    const { add, change, written, failures, log } = hookFolder();
    add('10-closes-its-input', 'exec 0<&-; exit 0');
    add('20-fails', 'echo it is broken >&2; exit 3');
    const broken = add('30-has-no-program', '');
    fs.writeFileSync(broken, '#!/nowhere/sh\n');
    add('40-is-killed', 'kill -9 $$');
    add('50-works', 'echo worked >> "$OUT"');
    await change();
    expect(failures.map(({ message }) => message.replace(/\/.*\//, ''))).toEqual([
      'the hook 20-fails ended with status 3',
      expect.stringMatching(/^cannot run the hook 30-has-no-program.*ENOENT/),
      'the hook 40-is-killed was killed by SIGKILL',
    ]);
    expect(log).toEqual([expect.stringMatching(/20-fails: it is broken$/)]);
    expect(written()).toBe('worked\n');
  });

  test('that hang are killed with all that they started', async () => {
    const { add, change, written, failures } = hookFolder(300);
    add('10-hangs', 'sleep 3600 & echo $! > "$OUT"; wait');
    await change();
    expect(failures.map(({ message }) => message)).toEqual([
      expect.stringMatching(/10-hangs did not end within 0\.3 seconds and was killed$/),
    ]);
    const child = Number(written());
    await until('the child of the hook is gone', () => !isRunning(child));
  });

  test('that leave a program behind are not waited for', async () => {
    const { add, change, written, failures } = hookFolder();
    add('10-leaves', 'sleep 3600 & echo $! >> "$OUT"');
    await change();
    const child = Number(written());
    onTestFinished(() => void process.kill(child, 'SIGKILL'));
    expect(isRunning(child)).toBe(true);
    expect(failures).toEqual([]);
  });

  test('that write without end have the beginning of it logged', async () => {
    const { add, change, log } = hookFolder();
    add('10-talks', 'head -c 3000000 /dev/zero | tr "\\0" x | fold -w 1000');
    await change();
    expect(log).toHaveLength(18);
    expect(log.at(-1)).toMatch(/10-talks: \(3002999 bytes in all; the rest is left out\)$/);
    expect(log.join('').length).toBeLessThan(30_000);
  });

  test('are only executable files whose names run-parts would take', async () => {
    const { add, hookDir, change, written, failures } = hookFolder();
    for (const name of ['hook.sh', 'hook~', '.hook', 'hook.dpkg-old']) add(name, 'echo ran >> "$OUT"');
    add('README', 'echo ran >> "$OUT"', 0o644);
    fs.mkdirSync(path.join(hookDir, 'folder'));
    await change();
    expect(written()).toBe('');
    expect(failures).toEqual([]);
  });

  test('that stop with the agent are killed, and no other is started', async () => {
    const { hooks, add, written, failures } = hookFolder();
    add('10-hangs', 'echo $$ > "$OUT"; exec sleep 3600');
    add('20-next', 'echo next >> "$OUT"');
    hooks.changed(BEFORE, AFTER);
    await until('the hook runs', () => written() !== '');
    hooks.stop();
    await hooks.settled();
    expect(isRunning(Number(written()))).toBe(false);
    expect(failures).toEqual([]);
  });

  test('without a folder are none', async () => {
    const { hookDir, change, failures } = hookFolder();
    fs.rmdirSync(hookDir);
    await change();
    expect(failures).toEqual([]);
  });
});

describe('what others may write is not run, and that is said once', () => {
  const asRoot = process.getuid?.() === 0;

  test.each<[string, number]>([
    ['everybody', 0o757],
    ['the group', 0o775],
  ])('a hook that %s may write', async (_who, mode) => {
    const { add, change, written, failures } = hookFolder();
    add('10-unsafe', 'echo unsafe >> "$OUT"', mode);
    add('20-safe', 'echo safe >> "$OUT"');
    await change();
    await change();
    expect(written()).toBe('safe\nsafe\n');
    expect(failures.map(({ code, message }) => `${code}: ${message.replace(/\/.*\//, '')}`)).toEqual([
      'hook-failed: the hook 10-unsafe is not run: it may be written by others than its owner',
    ]);
  });

  test('any hook of a folder that others may write', async () => {
    const { add, hookDir, change, written, failures } = hookFolder();
    add('10-safe', 'echo ran >> "$OUT"');
    fs.chmodSync(hookDir, 0o777);
    await change();
    expect(written()).toBe('');
    expect(failures.map(({ message }) => message)).toEqual([
      `no hook is run: ${hookDir} may be written by others than its owner`,
    ]);
  });

  test('any hook below a folder that others may write, but for one like /tmp', async () => {
    const { add, hookDir, change, written, failures } = hookFolder();
    add('10-safe', 'echo ran >> "$OUT"');
    const above = path.dirname(hookDir);
    fs.chmodSync(above, 0o777);
    await change();
    expect(written()).toBe('');
    expect(failures.map(({ message }) => message)).toEqual([
      `no hook is run: ${above} may be written by others than its owner`,
    ]);
    fs.chmodSync(above, 0o1777);
    await change();
    expect(written()).toBe('ran\n');
  });

  test('a link to a program in a folder that others may write', async () => {
    const { hookDir, change, written, failures } = hookFolder();
    const shared = path.join(path.dirname(hookDir), 'shared');
    fs.mkdirSync(shared);
    fs.chmodSync(shared, 0o777);
    fs.writeFileSync(path.join(shared, 'program'), '#!/bin/sh\necho ran >> "$OUT"\n', { mode: 0o755 });
    fs.symlinkSync(path.join(shared, 'program'), path.join(hookDir, '10-link'));
    await change();
    expect(written()).toBe('');
    expect(failures.map(({ message }) => message)).toEqual([
      `the hook ${hookDir}/10-link is not run: ${shared} may be written by others than its owner`,
    ]);
  });

  test.skipIf(!asRoot)('a hook of another user (needs root)', async () => {
    const { add, change, written, failures } = hookFolder();
    fs.chownSync(add('10-foreign', 'echo ran >> "$OUT"'), 65534, 65534);
    await change();
    expect(written()).toBe('');
    expect(failures.map(({ message }) => message)).toEqual([
      expect.stringMatching(/10-foreign is not run: it belongs to user 65534, not to root$/),
    ]);
  });
});

/** Whether a process is there and has not ended: what nobody waited for is a zombie. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch (thrown) {
    if (
      (thrown as NodeJS.ErrnoException).code === 'ENOENT' ||
      (thrown as NodeJS.ErrnoException).code === 'ESRCH'
    )
      return false;
    throw thrown;
  }
}
