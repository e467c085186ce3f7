import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { machineName, packageVersion, readSettings } from '../../src/cli/settings.ts';
import { failureOf } from '../support/failures.ts';
import { schemaErrors } from '../support/json-schemas.ts';
import { asUnprivilegedUser } from '../support/restrictions.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** An environment whose configuration file says `config`. */
function environment(config: object | string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const file = path.join(tempFolder(), 'config.json');
  fs.writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config));
  return { AVMA_CONFIG: file, ...more };
}

describe('the environment stands over the configuration file', () => {
  const config = { pipe: 'unix:/file', vmId: 'file', deadlineSeconds: 3, stateFolder: '/file' };

  test('where it says nothing, the file does', () => {
    expect(readSettings('/package', environment(config))).toMatchObject({
      pipe: 'unix:/file',
      vmId: 'file',
      deadline: 3000,
      stateFolder: '/file',
    });
  });

  test('where it says something, that holds', () => {
    const env = environment(config, {
      AVMA_PIPE: 'unix:/env',
      AVMA_VM_ID: 'env',
      AVMA_DEADLINE: '7.5',
      AVMA_STATE_DIR: '/env',
    });
    expect(readSettings('/package', env)).toMatchObject({
      pipe: 'unix:/env',
      vmId: 'env',
      deadline: 7500,
      stateFolder: '/env',
    });
  });

  test('where it is empty, it says nothing', () => {
    const env = environment(config, { AVMA_PIPE: '', AVMA_VM_ID: '', AVMA_DEADLINE: '', AVMA_STATE_DIR: '' });
    expect(readSettings('/package', env)).toMatchObject({
      pipe: 'unix:/file',
      deadline: 3000,
      stateFolder: '/file',
    });
  });

  test('where neither says anything, there is a default', () => {
    const settings = readSettings('/package', environment({}, { AVMA_STATE_DIR: '/s' }));
    expect(settings).toMatchObject({ pipe: undefined, vmId: undefined, deadline: 10_000 });
  });
});

describe('folders', () => {
  test('are those of the state folder, beside what the package and the system bring', () => {
    const settings = readSettings('/package', environment({}, { AVMA_STATE_DIR: '/s' }));
    expect(settings.trustFolders).toEqual(['/package/keys/trust', '/etc/avma/trust.d', '/s/trust.d']);
    expect(settings.trustFolders).toContain(settings.ownTrustFolder);
    expect(settings.guestCatalogFolders).toEqual(['/package/keys', '/etc/avma/catalog.d', '/s/catalog.d']);
    expect(settings.guestCatalogFolders).toContain(settings.ownCatalogFolder);
    expect(settings.hostFolder).toBe('/s/host');
  });

  test('for trust and for the host may be others', () => {
    const env = environment({}, { AVMA_STATE_DIR: '/s', AVMA_TRUST_DIR: '/t', AVMA_HOST_DIR: '/h' });
    const settings = readSettings('/package', env);
    expect(settings.trustFolders).toEqual(['/package/keys/trust', '/t', '/s/trust.d']);
    expect(settings.hostFolder).toBe('/h');
    expect(settings.hostCatalogFolders).toContain('/h/catalog.d');
  });

  test('that are relative are those of where the command was run', () => {
    const settings = readSettings('/package', environment({}, { AVMA_STATE_DIR: 'here' }));
    expect(settings.stateFolder).toBe(path.resolve('here'));
  });

  test("of a user who is not root are that user's own", async () => {
    const env = environment({}, { XDG_STATE_HOME: '/home/me/.local/state' });
    fs.chmodSync(path.dirname(env['AVMA_CONFIG'] ?? ''), 0o755);
    const settings = await asUnprivilegedUser(async () => readSettings('/package', env));
    // The real user decides: a program that root lent its rights to keeps root's folder.
    const expected = process.getuid?.() === 0 ? '/var/lib/avma' : '/home/me/.local/state/avma';
    expect(settings.stateFolder).toBe(expected);
  });
});

describe('the run folder', () => {
  test('is run in a state folder that somebody named', () => {
    expect(readSettings('/package', environment({}, { AVMA_STATE_DIR: '/s' })).runFolder).toBe('/s/run');
    expect(readSettings('/package', environment({ stateFolder: '/c' })).runFolder).toBe('/c/run');
  });

  test('is another one if AVMA_RUN_DIR says so', () => {
    const env = environment({}, { AVMA_STATE_DIR: '/s', AVMA_RUN_DIR: '/r' });
    expect(readSettings('/package', env).runFolder).toBe('/r');
  });

  test("is the system's for root, and in the own state folder for others", () => {
    const settings = readSettings('/package', environment({}, { XDG_STATE_HOME: '/home/me/.local/state' }));
    const expected = process.getuid?.() === 0 ? '/run/avma' : '/home/me/.local/state/avma/run';
    expect(settings.runFolder).toBe(expected);
  });
});

describe('what agent, trust and events do', () => {
  test('is decided without a configuration', () => {
    expect(readSettings('/package', environment({}))).toMatchObject({
      agent: { hooksFolder: '/etc/avma/on-change.d', textfile: undefined, maxSleep: 600_000 },
      followTrustUpdates: true,
      events: { journald: undefined, syslog: undefined, windowsEventLog: undefined },
    });
  });

  test('is what the configuration says', () => {
    const config = {
      agent: { hooksFolder: '/hooks', textfile: '/metrics/avma.prom', maxSleepMinutes: 0.5 },
      trust: { follow: false },
      events: { journald: true, syslog: false },
    };
    expect(readSettings('/package', environment(config))).toMatchObject({
      agent: { hooksFolder: '/hooks', textfile: '/metrics/avma.prom', maxSleep: 30_000 },
      followTrustUpdates: false,
      events: { journald: true, syslog: false, windowsEventLog: undefined },
    });
  });
});

describe('docs/schemas/config.schema.json takes and refuses what readSettings does', () => {
  test.each<[object, boolean]>([
    [{}, true],
    [{ pipe: 'kvp:', vmId: 'x', deadlineSeconds: 600, stateFolder: '/s' }, true],
    [{ agent: {}, events: {} }, true],
    [{ agent: { hooksFolder: '/h', textfile: '/t', maxSleepMinutes: 60 } }, true],
    [{ events: { journald: true, syslog: true, windowsEventLog: false } }, true],
    [{ trust: { follow: true } }, true],
    [{ trust: { follow: 'yes' } }, false],
    [{ trust: { update: true } }, false],
    [{ agent: { maxSleepMinutes: 61 } }, false],
    [{ agent: { maxSleepMinutes: 0 } }, false],
    [{ agent: { hooks: '/h' } }, false],
    [{ agent: true }, false],
    [{ events: { journald: 'yes' } }, false],
    [{ events: [] }, false],
    [{ deadlineSeconds: 601 }, false],
    [{ color: true }, false],
  ])('%j: %s', async (config, isRight) => {
    expect(schemaErrors(config, 'config') === null).toBe(isRight);
    const read = () => readSettings('/package', environment(config));
    if (isRight) expect(read).not.toThrow();
    else expect((await failureOf(read)).code).toBe('config-invalid');
  });
});

describe('a configuration file that is wrong: config-invalid, with the file and the place', () => {
  test.each([
    ['no JSON', 'pipe = unix:/x', 'not JSON'],
    ['a member that is not known', { pip: 'unix:/x' }, '"pip"'],
    ['a pipe that is no text', { pipe: 7 }, 'pipe'],
    ['a deadline of nothing', { deadlineSeconds: 0 }, 'deadlineSeconds'],
    ['a deadline of hours', { deadlineSeconds: 3600 }, 'deadlineSeconds'],
    ['a list', '[]', 'is not a JSON object'],
  ])('%s', async (_name, config, place) => {
    const env = environment(config);
    const failure = await failureOf(() => readSettings('/package', env));
    expect(failure.code).toBe('config-invalid');
    expect(failure.hresult).toBe(0x80070057);
    expect(failure.message).toContain(env['AVMA_CONFIG']);
    expect(failure.message).toContain(place);
  });

  test.each([
    [
      { deadline: 5 },
      /Did you mean "deadlineSeconds"\?.*pipe, vmId, vmIdSource, deadlineSeconds, stateFolder, agent, trust, events\.$/,
    ],
    [{ vm_id: 'x' }, /Did you mean "vmId"\?/],
    [{ color: true }, /^The members are pipe, /],
    [{ deadlineSeconds: '10' }, /It has to be a number from 0\.1 to 600/],
    [{ agent: { hookFolder: '/h' } }, /^The members are agent\.hooksFolder, agent\.textfile, agent\.max/],
    [{ agent: { maxSleep: 5 } }, /Did you mean "agent\.maxSleepMinutes"\?/],
    [{ agent: { maxSleepMinutes: 'long' } }, /It has to be a number from 0\.01 to 60/],
    [{ events: { journald: 'yes' } }, /It has to be true or false/],
    [{ events: true }, /It has to be an object, as in "events": \{ "journald": true \}/],
    [{ trust: false }, /It has to be an object, as in "trust": \{ "follow": false \}/],
    [{ pipe: null }, /It has to be text, as in "pipe": "unix:/],
  ])('%j has a hint with the right name or value', async (config, hint) => {
    const failure = await failureOf(() => readSettings('/package', environment(config)));
    expect(failure.code).toBe('config-invalid');
    expect(failure.hint).toMatch(hint);
  });

  test('one that AVMA_CONFIG names in vain', async () => {
    const failure = await failureOf(() => readSettings('/package', { AVMA_CONFIG: '/no/such/config.json' }));
    expect(failure.code).toBe('config-invalid');
    expect(failure.message).toContain('/no/such/config.json');
  });

  test.each(['soon', '0', '-1', '601', 'NaN', '1e9'])('AVMA_DEADLINE=%s', async (deadline) => {
    const env = environment({}, { AVMA_DEADLINE: deadline });
    const failure = await failureOf(() => readSettings('/package', env));
    expect(failure.code).toBe('config-invalid');
    expect(failure.message).toContain(`"${deadline}"`);
  });
});

test('the machine name fits into a request, whatever the host is called', () => {
  expect(machineName()).toMatch(/^[\x21-\x7e]{1,63}$/);
});

test('the version is that of package.json', () => {
  const { version } = JSON.parse(fs.readFileSync('package.json', 'utf8'));
  expect(packageVersion('.')).toBe(version);
});
