/** Where a setup is looked for, which one counts, and what applying it changes: once, and not again. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeState, type GuestState } from '../../src/guest/guest-state.ts';
import { sealState } from '../../src/guest/sealing.ts';
import { encodeRecord } from '../../src/kvp/pool.ts';
import { applyGivenSetup } from '../../src/setup/apply.ts';
import { readPlaces } from '../../src/setup/places.ts';
import { failureOf } from '../support/failures.ts';
import { asUnprivilegedUser } from '../support/restrictions.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { DATACENTER_2025, STANDARD_2012R2 } from '../support/test-guest.ts';
import { createTestVendor } from '../support/test-vendor.ts';
import { createSetupMachine, type SetupMachine } from './machine-with-setup.ts';

const ANSWER_FILES = path.join(import.meta.dirname, 'answer-files');
const CLOUD_CONFIG = 'var/lib/cloud/instance/cloud-config.txt';
const POOL = 'var/lib/hyperv/.kvp_pool_0';

/** The last five characters of the installed keys. */
async function installedKeys({ guest }: SetupMachine): Promise<(string | null)[]> {
  const products = await (await guest.open()).products();
  return products.flatMap(({ partialProductKey }) => partialProductKey ?? []);
}

function anchorJson(): { json: string; keyId: string } {
  const vendor = createTestVendor();
  return { json: fs.readFileSync(vendor.installAnchor(tempFolder()), 'utf8'), keyId: vendor.anchor.keyId };
}

function pool(...records: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(records.map(([key, value]) => encodeRecord({ key, value })));
}

/** Each place, with the key that it gives, in order of rank. */
const PLACES = [
  ['etc/avma/setup.yaml', (key: string) => `schema: avma.setup/1\nkey: ${key}\n`],
  ['etc/avma/setup.yml', (key: string) => `schema: avma.setup/1\nkey: ${key}\n`],
  ['etc/avma/setup.json', (key: string) => JSON.stringify({ schema: 'avma.setup/1', key })],
  ['run/credentials/@system/avma.key', (key: string) => `${key}\n`],
  [POOL, (key: string) => pool(['other', 'x'], ['avma.key', key])],
  [CLOUD_CONFIG, (key: string) => `#cloud-config\nhostname: a\navma:\n  key: ${key}\n`],
  ['etc/avma/autounattend.xml', answerFile],
  ['etc/avma/unattend.xml', answerFile],
  ['media/cdrom/AVMA-Setup.YAML', (key: string) => `schema: avma.setup/1\nkey: ${key}\n`],
  ['run/media/me/disk/Autounattend.xml', answerFile],
  ['mnt/UNATTEND.XML', answerFile],
] as const;

/** The mounts of the three media above, as /proc/self/mountinfo has them. */
const MOUNTINFO = [
  '21 1 0:20 / / rw - ext4 /dev/vda1 rw',
  '40 21 11:0 / /media/cdrom ro - iso9660 /dev/sr0 ro',
  '41 21 8:17 / /run/media/me/disk rw - vfat /dev/sdb1 rw',
  '42 21 8:33 / /mnt rw - ext4 /dev/sdc1 rw',
].join('\n');

function answerFile(key: string): string {
  return fs.readFileSync(path.join(ANSWER_FILES, 'specialize.xml'), 'utf8').replace(STANDARD_2012R2.key, key);
}

describe.each(PLACES)('a key in %s', (file, content) => {
  test('is found and installed, with its origin', async () => {
    const machine = createSetupMachine();
    machine.write('proc/self/mountinfo', MOUNTINFO);
    machine.write(file, content(STANDARD_2012R2.key));
    const report = await applyGivenSetup(machine);
    expect(report).toMatchObject({
      outcome: 'key',
      partialProductKey: 'MTB6V',
      keyInstalled: true,
      activationId: STANDARD_2012R2.activationId,
      values: [{ what: 'key', result: 'applied' }],
    });
    expect(await installedKeys(machine)).toEqual(['MTB6V']);
    expect((await machine.guest.open()).state().setup).toMatchObject([
      { what: 'key', origin: report.where, digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ]);
  });
});

test('the place of the highest rank gives the key, and all places are reported', async () => {
  const machine = createSetupMachine();
  machine.write('proc/self/mountinfo', MOUNTINFO);
  for (const [nth, [file, content]] of PLACES.entries()) {
    machine.write(file, content(nth === 3 ? STANDARD_2012R2.key : DATACENTER_2025.key));
  }
  for (const [file] of PLACES.slice(0, 3)) fs.rmSync(path.join(machine.root, file));
  const report = await applyGivenSetup(machine);
  expect(report).toMatchObject({
    outcome: 'key',
    partialProductKey: 'MTB6V',
    where: 'systemd credentials, avma.key',
  });
  const present = report.candidates.filter((candidate) => candidate.present);
  expect(present.map(({ finding }) => finding.key?.slice(-5))).toEqual(['MTB6V', ...Array(7).fill('VCH67')]);
});

test('a place without a key, or with a broken file, does not keep a later one from giving it', async () => {
  const machine = createSetupMachine();
  machine.write('etc/avma/setup.yaml', 'schema: avma.setup/1\nkey: "{{ key }}"\n');
  machine.write('etc/avma/setup.json', '{');
  machine.write(CLOUD_CONFIG, '#cloud-config\navma: [1\n');
  machine.write('etc/avma/unattend.xml', answerFile(STANDARD_2012R2.key));
  const report = await applyGivenSetup(machine);
  expect(report).toMatchObject({ outcome: 'key', keyInstalled: true });
  const outcomes = report.candidates.filter(({ present }) => present).map(({ finding }) => finding.outcome);
  expect(outcomes).toEqual(['placeholder', 'invalid', 'invalid', 'key']);
});

test('without any key, the first place that was to have one says why', async () => {
  const machine = createSetupMachine();
  machine.write('etc/avma/setup.yaml', 'schema: avma.setup/1\npipe: unix:/run/h.sock\n');
  machine.write('etc/avma/unattend.xml', answerFile('YOUR_KEY'));
  const report = await applyGivenSetup(machine);
  expect(report).toMatchObject({ outcome: 'placeholder', keyInstalled: false, configChanged: true });
});

test('the credentials of the unit stand before those of the system, one by one', async () => {
  const folder = tempFolder();
  fs.writeFileSync(path.join(folder, 'avma.key'), STANDARD_2012R2.key);
  const machine = createSetupMachine({ credentialsFolder: folder });
  machine.write('run/credentials/@system/avma.key', DATACENTER_2025.key);
  machine.write('run/credentials/@system/avma.pipe', 'unix:/run/h.sock');
  const { json, keyId } = anchorJson();
  machine.write('run/credentials/@system/avma.trust', json);
  const report = await applyGivenSetup(machine);
  expect(report.values.map(({ what, result }) => `${what} ${result}`)).toEqual([
    'pipe applied',
    `trust:${keyId} applied`,
    'key applied',
  ]);
  expect(await installedKeys(machine)).toEqual(['MTB6V']);
  expect(machine.config()).toEqual({ pipe: 'unix:/run/h.sock' });
  expect(fs.readFileSync(path.join(machine.trustFolder, `${keyId}.json`), 'utf8')).toBe(json);
});

describe('places that this process may not look at, as from the sandbox of a unit', () => {
  /** Looks at the places of a machine whose system credentials and user-data belong to root alone, as another user. */
  async function placesFor(credentialsFolder: string | undefined) {
    const machine = createSetupMachine({ credentialsFolder });
    const credential = machine.write('run/credentials/@system/avma.pipe', 'unix:/a');
    const cloudConfig = machine.write(CLOUD_CONFIG, `avma:\n  key: ${STANDARD_2012R2.key}\n`);
    fs.chmodSync(machine.guest.folder, 0o755);
    for (const file of [path.dirname(credential), cloudConfig]) fs.chmodSync(file, 0);
    try {
      return await asUnprivilegedUser(() => readPlaces(machine));
    } finally {
      fs.chmodSync(path.dirname(credential), 0o700);
    }
  }

  test('give nothing, and nothing is wrong with them', async () => {
    const places = await placesFor(undefined);
    for (const kind of ['credentials', 'cloud-init']) {
      const place = places.find((candidate) => candidate.kind === kind);
      expect(place).toMatchObject({ present: true, finding: { outcome: 'none' } });
      expect(place?.finding.why).toContain('permission denied');
    }
  });

  test("do not keep the unit's own credentials from being read", async () => {
    const folder = tempFolder();
    fs.writeFileSync(path.join(folder, 'avma.key'), STANDARD_2012R2.key);
    fs.chmodSync(folder, 0o755);
    const place = (await placesFor(folder)).find(({ kind }) => kind === 'credentials');
    expect(place).toMatchObject({ present: true, finding: { outcome: 'key', key: STANDARD_2012R2.key } });
  });
});

test.each([
  ['a private key', '-----BEGIN PRIVATE KEY-----'],
  ['an empty list that nests', `[${'['.repeat(20_000)}${']'.repeat(20_000)}]`],
  ['an anchor and something else', '[{"schema": "avma.trust-anchor/1"}, 5]'],
])(
  'a credential avma.trust that is %s: said, and the key is taken from elsewhere',
  async (_what, content) => {
    const machine = createSetupMachine();
    machine.write('run/credentials/@system/avma.trust', content);
    machine.write('etc/avma/unattend.xml', answerFile(STANDARD_2012R2.key));
    const report = await applyGivenSetup(machine);
    expect(report).toMatchObject({ outcome: 'key', keyInstalled: true });
    const credentials = report.candidates.find(({ kind }) => kind === 'credentials');
    expect(credentials?.finding).toMatchObject({ outcome: 'invalid' });
  },
);

test('only the member avma of user-data is read, whatever stands around it', async () => {
  const machine = createSetupMachine();
  const around = `runcmd:\n- ${'['.repeat(5000)}\nwrite_files:\n- content: |\n    avma: no\n`;
  machine.write(
    CLOUD_CONFIG,
    `${around}avma:\n    # ours\n\n    key: ${STANDARD_2012R2.key}\nhostname: web01\n${around}`,
  );
  const report = await applyGivenSetup(machine);
  expect(report).toMatchObject({
    keyInstalled: true,
    where: expect.stringMatching(/cloud-config\.txt, line 9, key$/),
  });
});

test('a list of trust anchors in Data Exchange is taken whole', async () => {
  const machine = createSetupMachine();
  const [one, two] = [anchorJson(), anchorJson()];
  machine.write(POOL, pool(['avma.trust', `[${one.json},${two.json}]`]));
  await applyGivenSetup(machine);
  expect(fs.readdirSync(machine.trustFolder).sort()).toEqual(
    [`${one.keyId}.json`, `${two.keyId}.json`].sort(),
  );
});

test('a whole setup: pipe, VM ID, its source, trust anchors by path and inline, settings of the agent', async () => {
  const machine = createSetupMachine();
  const [byPath, inline] = [anchorJson(), anchorJson()];
  machine.write('etc/avma/root.pub.json', byPath.json);
  machine.write('etc/avma/config.json', JSON.stringify({ deadlineSeconds: 5, agent: { textfile: '/t' } }));
  machine.write(
    'etc/avma/setup.yaml',
    `schema: avma.setup/1
key: ${STANDARD_2012R2.key}
pipe: virtio:org.avma.activation.0
vmId: "{AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE}"
vmIdSource: smbios
trust:
  - root.pub.json
  - ${inline.json}
agent:
  maxSleepMinutes: 2
`,
  );
  expect(await applyGivenSetup(machine)).toMatchObject({
    outcome: 'key',
    keyInstalled: true,
    configChanged: true,
  });
  expect(machine.config()).toEqual({
    deadlineSeconds: 5,
    pipe: 'virtio:org.avma.activation.0',
    vmId: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
    vmIdSource: 'smbios',
    agent: { textfile: '/t', maxSleepMinutes: 2 },
  });
  expect(fs.readdirSync(machine.trustFolder).sort()).toEqual(
    [`${byPath.keyId}.json`, `${inline.keyId}.json`].sort(),
  );
});

describe('a second time', () => {
  async function appliedOnce(): Promise<SetupMachine> {
    const machine = createSetupMachine();
    const setup = {
      schema: 'avma.setup/1',
      key: STANDARD_2012R2.key,
      pipe: 'unix:/a',
      trust: [JSON.parse(anchorJson().json)],
    };
    machine.write('etc/avma/setup.json', JSON.stringify(setup));
    await applyGivenSetup(machine);
    return machine;
  }

  /** Every file of the guest and of its configuration, as it is. */
  function filesOf({ guest }: SetupMachine): Record<string, string> {
    const files = fs.readdirSync(guest.folder, { recursive: true, encoding: 'utf8', withFileTypes: true });
    return Object.fromEntries(
      files
        .filter((entry) => entry.isFile())
        .map((entry) => path.join(entry.parentPath, entry.name))
        .map((file) => [file, fs.readFileSync(file, 'latin1')]),
    );
  }

  test('no byte changes', async () => {
    const machine = await appliedOnce();
    const before = filesOf(machine);
    const report = await applyGivenSetup(machine);
    expect(report.values.map(({ result }) => result)).toEqual(['unchanged', 'unchanged', 'unchanged']);
    expect(report).toMatchObject({ keyInstalled: false, activationId: null, configChanged: false });
    expect(filesOf(machine)).toEqual(before);
  });

  test('a key that was installed by hand meanwhile stays, and so does a pipe', async () => {
    const machine = await appliedOnce();
    await machine.guest.installKey(DATACENTER_2025.key);
    machine.write('etc/avma/config.json', '{"pipe": "unix:/b"}');
    await applyGivenSetup(machine);
    expect(await installedKeys(machine)).toEqual(['VCH67']);
    expect(machine.config()).toEqual({ pipe: 'unix:/b' });
  });

  test('a key that was removed by hand meanwhile stays away', async () => {
    const machine = await appliedOnce();
    await (await machine.guest.open()).uninstallProductKey(STANDARD_2012R2.activationId);
    await applyGivenSetup(machine);
    expect(await installedKeys(machine)).toEqual([]);
  });

  test('a changed value is applied again', async () => {
    const machine = await appliedOnce();
    machine.write(
      'etc/avma/setup.json',
      JSON.stringify({ schema: 'avma.setup/1', key: DATACENTER_2025.key, pipe: 'unix:/c' }),
    );
    expect(await applyGivenSetup(machine)).toMatchObject({ keyInstalled: true, configChanged: true });
    expect(await installedKeys(machine)).toEqual(['VCH67']);
    expect(machine.config()).toEqual({ pipe: 'unix:/c' });
  });

  test('media are not looked at where a key was installed by hand, but for that of a sealed image', async () => {
    const machine = createSetupMachine();
    machine.write('proc/self/mountinfo', MOUNTINFO);
    machine.write('media/cdrom/avma-setup.yaml', `schema: avma.setup/1\nkey: ${DATACENTER_2025.key}\n`);
    await machine.guest.installKey(STANDARD_2012R2.key);
    const sealed = sealState((await machine.guest.open()).state()).state;
    expect((await applyGivenSetup(machine)).keyInstalled).toBe(false);
    expect(await installedKeys(machine)).toEqual(['MTB6V']);
    fs.writeFileSync(machine.guest.stateFile, encodeState(sealed as GuestState));
    expect((await applyGivenSetup(machine)).keyInstalled).toBe(true);
  });

  test('media are not looked at any more', async () => {
    const machine = await appliedOnce();
    machine.write('proc/self/mountinfo', MOUNTINFO);
    machine.write('media/cdrom/avma-setup.yaml', 'schema: avma.setup/1\nvmIdSource: xen\n');
    const report = await applyGivenSetup(machine);
    expect(report.candidates.map(({ kind }) => kind)).not.toContain('removable-media');
    expect(report.configChanged).toBe(false);
  });
});

test('a dry run says what would be applied, and changes nothing', async () => {
  const machine = createSetupMachine();
  machine.write('etc/avma/setup.yaml', `schema: avma.setup/1\nkey: ${STANDARD_2012R2.key}\npipe: unix:/a\n`);
  const report = await applyGivenSetup(machine, { dryRun: true });
  expect(report.values).toMatchObject([
    { what: 'pipe', result: 'would-apply' },
    { what: 'key', result: 'would-apply' },
  ]);
  expect(fs.existsSync(machine.configFile)).toBe(false);
  expect(fs.existsSync(machine.guest.stateFile)).toBe(false);
});

test('a value that cannot be applied is tried again, and the others are applied', async () => {
  const machine = createSetupMachine();
  machine.write('etc/avma/config.json', 'no JSON');
  machine.write('etc/avma/setup.yaml', `schema: avma.setup/1\nkey: ${STANDARD_2012R2.key}\npipe: unix:/a\n`);
  const report = await applyGivenSetup(machine);
  expect(report.values).toMatchObject([
    { what: 'pipe', result: 'failed', error: { code: 'config-invalid' } },
    { what: 'key', result: 'applied' },
  ]);
  machine.write('etc/avma/config.json', '{}');
  expect(await applyGivenSetup(machine)).toMatchObject({ configChanged: true, keyInstalled: false });
});

test('a key that no catalog lists is no installed key', async () => {
  const machine = createSetupMachine();
  machine.write('etc/avma/setup.yaml', 'schema: avma.setup/1\nkey: BCDFG-22222-HJKMN-33333-PQRTV\n');
  const report = await applyGivenSetup(machine);
  expect(report.values).toMatchObject([{ what: 'key', result: 'failed', error: { code: 'key-invalid' } }]);
  expect(report).toMatchObject({ outcome: 'key', keyInstalled: false });
});

test('a damaged state is replaced by a given key', async () => {
  const machine = createSetupMachine();
  machine.write('etc/avma/setup.yaml', `schema: avma.setup/1\nkey: ${STANDARD_2012R2.key}\npipe: unix:/a\n`);
  fs.mkdirSync(machine.stateFolder, { recursive: true });
  fs.writeFileSync(machine.guest.stateFile, 'torn');
  expect(await applyGivenSetup(machine)).toMatchObject({ keyInstalled: true });
  expect(await installedKeys(machine)).toEqual(['MTB6V']);
});

test('a damaged state is not replaced by a setup without a key', async () => {
  const machine = createSetupMachine();
  const { keyId, json } = anchorJson();
  const setup = { schema: 'avma.setup/1', pipe: 'unix:/a', trust: [JSON.parse(json)] };
  machine.write('etc/avma/setup.json', JSON.stringify(setup));
  fs.mkdirSync(machine.stateFolder, { recursive: true });
  fs.writeFileSync(machine.guest.stateFile, 'torn');
  expect(await failureOf(() => applyGivenSetup(machine))).toMatchObject({ code: 'state-damaged' });
  expect(fs.readFileSync(machine.guest.stateFile, 'utf8')).toBe('torn');
  // Pipe and anchor count all the same. They are not written again, which would wake the agent without end.
  const written = [machine.configFile, path.join(machine.trustFolder, `${keyId}.json`)];
  const before = written.map((file) => fs.statSync(file).ino);
  expect(await failureOf(() => applyGivenSetup(machine))).toMatchObject({ code: 'state-damaged' });
  expect(written.map((file) => fs.statSync(file).ino)).toEqual(before);
});

describe('what the hypervisor or a medium gives may not run a program as root', () => {
  test.each([
    ['run/credentials/@system/avma.pipe', 'exec:/bin/sh'],
    [POOL, pool(['avma.pipe', 'module:/tmp/x.mjs'])],
    ['media/cdrom/avma-setup.yaml', 'schema: avma.setup/1\npipe: exec:/bin/sh\n'],
  ])('%s', async (file, content) => {
    const machine = createSetupMachine();
    machine.write('proc/self/mountinfo', MOUNTINFO);
    machine.write(file, content);
    const report = await applyGivenSetup(machine);
    expect(report).toMatchObject({ outcome: 'invalid', configChanged: false, values: [] });
    expect(report.why).toContain('would run a program');
  });

  test.each(['hooksFolder: /media/cdrom/hooks', 'textfile: /etc/passwd'])(
    'a medium may not give the agent’s %s',
    async (setting) => {
      const machine = createSetupMachine();
      machine.write('proc/self/mountinfo', MOUNTINFO);
      machine.write('media/cdrom/avma-setup.yaml', `schema: avma.setup/1\nagent: {${setting}}\n`);
      expect(await applyGivenSetup(machine)).toMatchObject({
        outcome: 'invalid',
        configChanged: false,
        values: [],
      });
    },
  );

  test('a medium may not name a file of this machine', async () => {
    const machine = createSetupMachine();
    machine.write('proc/self/mountinfo', MOUNTINFO);
    machine.write('media/cdrom/avma-setup.yaml', 'schema: avma.setup/1\ntrust: [/etc/shadow]\n');
    expect((await applyGivenSetup(machine)).why).toContain('has to hold the trust anchor itself');
  });

  test('the administrator may', async () => {
    const machine = createSetupMachine();
    machine.write('etc/avma/setup.yaml', 'schema: avma.setup/1\npipe: exec:/usr/bin/relay\n');
    expect(await applyGivenSetup(machine)).toMatchObject({ configChanged: true });
  });
});
