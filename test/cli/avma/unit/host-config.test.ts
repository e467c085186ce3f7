/** The files of host.d: what they say together, and what is said of a mistake. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readHostConfig } from '../../../../src/cli/avma/host/config.ts';
import { type ServeFlags, wantedOf } from '../../../../src/cli/avma/host/serve-wanted.ts';
import { DEFAULT_RETENTION } from '../../../../src/host/retention/keeping.ts';
import { failureOf } from '../../../support/failures.ts';
import { schemaErrors } from '../../../support/json-schemas.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const SCHEMA = 'avma.host-config/1';
const VM = '11111111-2222-4333-8444-555555555555';

function folderOf(files: Readonly<Record<string, object | string>>): string {
  const folder = tempFolder();
  for (const [name, content] of Object.entries(files)) {
    const text = typeof content === 'string' ? content : JSON.stringify({ schema: SCHEMA, ...content });
    fs.writeFileSync(path.join(folder, name), text, { mode: 0o644 });
  }
  return folder;
}

describe('the files of a folder', () => {
  test('say nothing where there are none', () => {
    expect(readHostConfig('/nowhere/host.d')).toMatchObject({ listen: [], connect: [], libvirt: undefined });
  });

  test('add up, and of what is said twice the last file counts', () => {
    const folder = folderOf({
      '10-sockets.json': { listen: ['unix:/run/a,mode=0660'], throttle: '20/60', libvirt: true },
      '20-more.json': {
        listen: [`unix:/run/b,vm=${VM}`],
        throttle: '30/60',
        libvirt: false,
        leaseMinutes: 60,
      },
      'notes.txt': 'not JSON',
      '.hidden.json': 'not JSON',
    });
    expect(readHostConfig(folder)).toMatchObject({
      listen: [
        { path: '/run/a', vmId: null, mode: 0o660 },
        { path: '/run/b', vmId: VM, mode: 0o600 },
      ],
      throttle: { burst: 30, windowMs: 60_000 },
      libvirt: false,
      leaseMs: 3_600_000,
    });
  });
});

describe('options and files together', () => {
  const flags: ServeFlags = {
    libvirtInterval: 5000,
    throttle: { burst: 600, windowMs: 60_000 },
    hostThrottle: { burst: 60_000, windowMs: 60_000 },
    leaseMinutes: 604_800_000,
    clones: 'warn',
    ...DEFAULT_RETENTION,
  };
  const configured = () =>
    folderOf({
      'a.json': { connect: ['unix:/run/c'], libvirt: '/d', libvirtIntervalSeconds: 7, throttle: '5/1' },
    });

  test('endpoints add up, and a file comes before what nobody typed', () => {
    const listen = [{ kind: 'socket', path: '/run/a', vmId: null, mode: 0o600 }] as const;
    expect(wantedOf({ ...flags, listen: [...listen] }, () => false, readHostConfig(configured()))).toEqual({
      listen,
      connect: [{ path: '/run/c', vmId: null }],
      libvirt: { folder: '/d', intervalMs: 7000 },
      throttle: { burst: 5, windowMs: 1000 },
      hostThrottle: flags.hostThrottle,
      leaseMs: 604_800_000,
      metrics: undefined,
      clones: 'warn',
      ...DEFAULT_RETENTION,
    });
  });

  test('an option that was typed comes before a file', () => {
    const typed = (option: string) => option === 'throttle' || option === 'libvirt';
    expect(wantedOf({ ...flags, libvirt: true }, typed, readHostConfig(configured()))).toMatchObject({
      libvirt: { folder: null, intervalMs: 7000 },
      throttle: flags.throttle,
    });
  });
});

describe('a mistake names the file and the member: config-invalid', () => {
  test.each<[string, object | string, string, RegExp]>([
    ['no JSON', 'listen = x', 'is not JSON', /Write it as/],
    ['no schema', '{}', '"schema"', /avma\.host-config\/1/],
    ['an unknown member', { listn: [] }, 'unknown member "listn"', /listen, connect/],
    ['an endpoint that is no text', { listen: [7] }, '"listen.0"', /list of text/],
    ['an unknown kind of endpoint', { listen: ['tcp:1'] }, '"listen.0"', /unix:PATH/],
    ['a VM that is no UUID', { connect: ['unix:/a', 'unix:/b,vm=x'] }, '"connect.1"', /unix:PATH/],
    ['a throttle of none', { throttle: '0/60' }, '"throttle"', /60\/60/],
    ['a lease of a year', { leaseMinutes: 525_600 }, '"leaseMinutes"', /./],
    ['metrics for everybody', { metrics: '0.0.0.0:9640' }, '"metrics"', /,remote/],
    ['an unknown policy', { clones: 'ignore' }, '"clones"', /refuse-both/],
  ])('%s', async (_what, content, place, hint) => {
    const folder = folderOf({ 'wrong.json': content });
    const failure = await failureOf(() => readHostConfig(folder));
    expect(failure.code).toBe('config-invalid');
    expect(failure.message).toContain(path.join(folder, 'wrong.json'));
    expect(failure.message).toContain(place);
    expect(failure.hint).toMatch(hint);
  });

  test
    .skipIf(process.platform === 'win32')
    .each(['postgres://avma:secret@db/avma', 'postgres://avma@db/avma?password=secret'])(
    'a password that others may read, in %s',
    async (ledger) => {
      const folder = folderOf({ 'ledger.json': { ledger } });
      const failure = await failureOf(() => readHostConfig(folder));
      expect(failure.code).toBe('config-invalid');
      expect(failure.message).not.toContain('secret');
      expect(failure.hint).toContain('chmod 600');
      fs.chmodSync(path.join(folder, 'ledger.json'), 0o600);
      expect(readHostConfig(folder).ledger).toContain('postgres://');
    },
  );
});

test.each<[object, boolean]>([
  [{}, true],
  [{ listen: ['unix:/a'], connect: ['unix:/b'], libvirt: true, libvirtIntervalSeconds: 5 }, true],
  [{ libvirt: '/d', throttle: '600/60', hostThrottle: '6000/60s', leaseMinutes: 10_080 }, true],
  [{ keepRenewals: '400d', keepRefusals: 'always' }, true],
  [{ clones: 'refuse-newest', ledger: 'sqlite:/l.db', metrics: '127.0.0.1:9640' }, true],
  [{ listen: 'unix:/a' }, false],
  [{ libvirtIntervalSeconds: 0 }, false],
  [{ throttle: '600' }, false],
  [{ leaseMinutes: 0.5 }, false],
  [{ keepRenewals: '13d' }, false],
  [{ clones: true }, false],
  [{ color: true }, false],
])(
  'docs/schemas/host-config.schema.json takes and refuses what the program does: %j',
  async (file, isRight) => {
    expect(schemaErrors({ schema: SCHEMA, ...file }, 'host-config') === null).toBe(isRight);
    const folder = folderOf({ 'a.json': file });
    const read = () => readHostConfig(folder);
    if (isRight) expect(read).not.toThrow();
    else expect((await failureOf(read)).code).toBe('config-invalid');
  },
);
