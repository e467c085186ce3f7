/** license.json: what the service writes, and what a reader without the state makes of it. */
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AvmaError } from '../../src/errors/avma-error.ts';
import { deriveReports, licenseBasis } from '../../src/guest/license-basis.ts';
import { checkLicense } from '../../src/guest/license-check.ts';
import { decodeLicenseFile, encodeLicenseFile, type LicenseFile } from '../../src/guest/license-file.ts';
import type { VmId } from '../../src/machine/vm-id.ts';
import { DAY, HOUR, MINUTE } from '../support/clock.ts';
import { failureOf } from '../support/failures.ts';
import { schemaErrors } from '../support/json-schemas.ts';
import {
  createTestGuest,
  DATACENTER_2025,
  OTHER_VM,
  STANDARD_2012R2,
  type TestGuest,
  VM,
} from '../support/test-guest.ts';
import { createTestHost } from '../support/test-host.ts';

const { key, activationId } = STANDARD_2012R2;
const RUNS = Number(process.env.AVMA_TEST_RUNS ?? 300);

const fileOf = (guest: TestGuest) => path.join(guest.folder, 'run/license.json');
const bytesOf = (guest: TestGuest) => fs.readFileSync(fileOf(guest));
const contentOf = (guest: TestGuest) => decodeLicenseFile(bytesOf(guest), 'license.json');

/** What a program that has only the file finds out now. */
function check(guest: TestGuest, wanted = activationId, machine: VmId | null = null) {
  return checkLicense(deriveReports(licenseBasis(contentOf(guest), machine, guest.clock.read())), wanted);
}

async function activatedGuest() {
  const host = createTestHost();
  const guest = createTestGuest(host, { clock: host.clock });
  await guest.installKey(key);
  return { host, guest };
}

describe('what the service writes', () => {
  test('is a file by its schema that everybody may read, without a product key', async () => {
    const { guest } = await activatedGuest();
    const text = bytesOf(guest).toString();
    expect(schemaErrors(JSON.parse(text), 'license')).toBeNull();
    expect(text).not.toContain(key);
    expect(text).not.toContain(key.slice(0, 17));
    expect(fs.statSync(fileOf(guest)).mode & 0o777).toBe(0o644);
    expect(fs.statSync(path.dirname(fileOf(guest))).mode & 0o777).toBe(0o755);
  });

  test('may be read by everybody whatever the umask is', async () => {
    const before = process.umask(0o077);
    try {
      const { guest } = await activatedGuest();
      expect(fs.statSync(fileOf(guest)).mode & 0o777).toBe(0o644);
      expect(fs.statSync(path.dirname(fileOf(guest))).mode & 0o777).toBe(0o755);
    } finally {
      process.umask(before);
    }
  });

  test('says what the license is, until when, and from whom', async () => {
    const { host, guest } = await activatedGuest();
    const issued = guest.clock.wall;
    expect(contentOf(guest)).toMatchObject({
      vmId: { value: VM, source: 'configuration' },
      vendors: [
        {
          roots: [{ keyId: host.vendor.anchor.keyId }],
          retiredRoots: [],
          trustVersion: 1,
          revocations: null,
        },
      ],
      products: [
        {
          activationId,
          edition: 'ServerStandard',
          partialProductKey: 'MTB6V',
          state: 'licensed',
          status: 1,
          reason: null,
          endsAt: new Date(issued + 7 * DAY).toISOString(),
          renewAfter: new Date(issued + 3.5 * DAY).toISOString(),
          host: { id: host.certificate.hardwareId, name: 'hv01' },
          ...{ vendor: null, requiresLicense: false, conditions: [], license: null },
          certificateEndsAt: new Date(host.certificate.notAfter).toISOString(),
          certificateGraceUntil: new Date(host.certificate.graceUntil).toISOString(),
          lastAttempt: { trigger: 'key installed', outcome: 'success', code: 'success' },
        },
      ],
    });
  });

  test('follows each change of the state', async () => {
    const { guest } = await activatedGuest();
    const service = await guest.open();
    const states = () => contentOf(guest).products.map(({ state }) => state);
    expect(states()).toEqual(['licensed']);
    await service.rearmWindows();
    expect(states()).toEqual(['initial-grace']);
    await service.activate(activationId);
    expect(states()).toEqual(['licensed']);
    await service.setKmsClient(null, { machineName: 'kms.example' });
    expect(contentOf(guest).kmsClient.machine).toEqual({ machineName: 'kms.example' });
    await service.uninstallProductKey(activationId);
    expect(states()).toEqual([]);
  });

  test('has a failed attempt, and a warning once the renewal is due', async () => {
    const { guest } = await activatedGuest();
    guest.clock.advance(4 * DAY);
    guest.connect(() => Promise.reject(new AvmaError('host-absent', 'no host listens here')));
    expect((await failureOf(() => guest.activate(activationId))).code).toBe('host-absent');
    expect(contentOf(guest).products).toMatchObject([
      {
        state: 'licensed',
        lastAttempt: { outcome: 'failure', code: 'host-absent' },
        warnings: [expect.stringContaining('no host listens here')],
      },
    ]);
  });

  test.each([
    ['whole', 8],
    ['cut off', 150],
  ])(
    'does not have the command of a pipe, which may hold a password, %s in the message',
    async (_how, times) => {
      const { guest } = await activatedGuest();
      guest.clock.advance(4 * DAY);
      const uri = `exec:relay --password ${'hunter2'.repeat(times)}`;
      const gone = new AvmaError('host-gone', `the host at ${uri} went away: it ended`);
      const pipe = { uri, exchange: () => Promise.reject(gone), close: () => Promise.resolve() };
      guest.connect(() => Promise.resolve(pipe));
      expect((await failureOf(() => guest.activate(activationId))).code).toBe('host-gone');
      const text = bytesOf(guest).toString();
      expect(text).toContain('"message": "the host at exec:...');
      expect(text).toContain('the last attempt failed: the host at exec:...');
      expect(text).not.toMatch(/hunter2|relay/);
    },
  );

  test('is written by a look when it would say something else', async () => {
    const { guest } = await activatedGuest();
    await guest.look(activationId);
    const before = bytesOf(guest);
    await guest.look(activationId);
    expect(bytesOf(guest).equals(before)).toBe(true);
    fs.rmSync(fileOf(guest));
    await guest.look(activationId);
    expect(contentOf(guest)).toMatchObject({ products: [{ state: 'licensed' }] });
    fs.writeFileSync(fileOf(guest), 'something else');
    await guest.look(activationId);
    expect(contentOf(guest)).toMatchObject({ products: [{ state: 'licensed' }] });
    fs.rmSync(guest.trustFolder, { recursive: true });
    await guest.look(activationId);
    expect(contentOf(guest)).toMatchObject({
      vendors: [],
      products: [{ state: 'notification', reason: { code: 'certificate-untrusted' } }],
    });
    fs.rmSync(guest.stateFile);
    await guest.look(activationId);
    expect(contentOf(guest).products).toEqual([]);
  });

  test('is nothing where nobody has installed a key, and where nothing may be written', async () => {
    const guest = createTestGuest(null);
    await guest.look(activationId);
    expect(fs.existsSync(fileOf(guest))).toBe(false);
    const { guest: licensed } = await activatedGuest();
    fs.rmSync(fileOf(licensed));
    await licensed.look(activationId, { readOnly: true });
    expect(fs.existsSync(fileOf(licensed))).toBe(false);
  });

  test('that cannot be written keeps no activation from being stored, and is a warning', async () => {
    const host = createTestHost();
    const guest = createTestGuest(host, { clock: host.clock });
    fs.writeFileSync(path.join(guest.folder, 'run'), 'no folder');
    const service = await guest.open();
    expect((await service.installProductKey(key)).activationError).toBeNull();
    expect(service.warnings).toEqual([expect.stringContaining('license.json')]);
    expect((await guest.look(activationId)).license.status).toBe(1);
  });

  test('is removed where it would be wrong and cannot be written', async () => {
    const { guest } = await activatedGuest();
    const service = await guest.open();
    fs.writeFileSync(path.join(guest.trustFolder, 'broken.json'), '{');
    await service.uninstallProductKey(activationId);
    expect(fs.existsSync(fileOf(guest))).toBe(false);
    expect(service.warnings).toEqual([expect.stringContaining('broken.json')]);
  });
});

describe('a reader of the file alone', () => {
  test('finds the license, by ID, edition or end of key, in any case', async () => {
    const { guest } = await activatedGuest();
    for (const wanted of [activationId, activationId.toUpperCase(), 'serverstandard', 'mtb6v']) {
      expect(check(guest, wanted)).toMatchObject({ verdict: 'licensed', reason: null });
    }
  });

  test('finds that it has ended by time alone, to the moment', async () => {
    const { guest } = await activatedGuest();
    guest.clock.advance(7 * DAY - 1);
    expect(check(guest).verdict).toBe('licensed');
    const before = bytesOf(guest);
    guest.clock.advance(1);
    expect(check(guest)).toMatchObject({ verdict: 'not-licensed', reason: { code: 'grace-expired' } });
    expect(bytesOf(guest).equals(before)).toBe(true);
  });

  test('is not misled by a clock that is set back, in this boot', async () => {
    const { guest } = await activatedGuest();
    guest.clock.advance(7 * DAY);
    guest.clock.set(guest.clock.wall - 6 * DAY);
    expect(check(guest).verdict).toBe('not-licensed');
  });

  test('does not count a lease of another machine, if it can see that', async () => {
    const { guest } = await activatedGuest();
    const other: VmId = { value: OTHER_VM, source: 'configuration', from: 'test' };
    expect(check(guest, activationId, other)).toMatchObject({
      verdict: 'not-licensed',
      reason: { code: 'vm-mismatch' },
    });
    // An ordinary user cannot read the hypervisor's ID: another source says nothing.
    expect(check(guest, activationId, { ...other, source: 'machine-id' }).verdict).toBe('licensed');
  });

  test('of a container with a machine ID of its own is that of the machine', async () => {
    const { guest } = await activatedGuest();
    const vmId = { ...contentOf(guest).vmId, source: 'machine-id' } as const;
    const container: VmId = { value: OTHER_VM, source: 'machine-id', from: 'test' };
    const basis = licenseBasis({ ...contentOf(guest), vmId }, container, guest.clock.read());
    expect(checkLicense(deriveReports(basis), activationId).verdict).toBe('licensed');
  });

  test('takes no grace for a license', async () => {
    const guest = createTestGuest(null);
    await guest.installKey(key);
    expect(check(guest)).toMatchObject({ verdict: 'not-licensed', reason: { code: 'initial-grace' } });
    guest.clock.advance(30 * DAY);
    expect(check(guest)).toMatchObject({ verdict: 'not-licensed', reason: { code: 'grace-expired' } });
  });

  test('is told which keys are there when none is of the product', async () => {
    const { guest } = await activatedGuest();
    expect(check(guest, 'ServerDatacenter')).toMatchObject({
      verdict: 'not-licensed',
      reason: {
        code: 'key-not-installed',
        message: expect.stringContaining('are installed for ServerStandard'),
      },
    });
  });

  test('is told when a name means several products', async () => {
    const { guest } = await activatedGuest();
    const content = contentOf(guest);
    const [first] = content.products;
    if (first === undefined) throw new TypeError('the guest has a product');
    const twin = { ...first, activationId: DATACENTER_2025.activationId };
    const basis = licenseBasis({ ...content, products: [first, twin] }, null, guest.clock.read());
    const found = checkLicense(deriveReports(basis), 'ServerStandard');
    expect(found).toMatchObject({ verdict: 'unknown', reason: { code: 'argument-invalid' } });
    expect(found.reason?.message).toContain(twin.activationId);
  });

  test('derives what the service derives from the state', async () => {
    const { guest } = await activatedGuest();
    const shown = async () => (await (await guest.open({ readOnly: true })).look()).products;
    for (const later of [0, MINUTE, HOUR, 4 * DAY, 3 * DAY]) {
      guest.clock.advance(later);
      const [own] = (await shown()).filter(({ report }) => report.partialProductKey !== null);
      const [read] = deriveReports(licenseBasis(contentOf(guest), null, guest.clock.read()));
      expect(read?.report).toEqual(own?.report);
    }
  });
});

describe('a file that was changed', () => {
  test('by a flipped bit anywhere never reads as licensed', async () => {
    const { guest } = await activatedGuest();
    const bytes = bytesOf(guest);
    const now = guest.clock.read();
    const flipAt = fc.record({ at: fc.nat(bytes.length - 1), bit: fc.nat(7) });
    fc.assert(
      fc.property(flipAt, ({ at, bit }) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] as number) ^ (1 << bit);
        let content: LicenseFile;
        try {
          content = decodeLicenseFile(changed, 'license.json');
        } catch (thrown) {
          return thrown instanceof AvmaError && thrown.code === 'file-invalid';
        }
        const found = checkLicense(deriveReports(licenseBasis(content, null, now)), activationId);
        return found.verdict !== 'licensed';
      }),
      { numRuns: RUNS * 5 },
    );
  });

  test('by a cut anywhere is refused', async () => {
    const { guest } = await activatedGuest();
    const bytes = bytesOf(guest);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), (length) => {
        expect(() => decodeLicenseFile(bytes.subarray(0, length), 'license.json')).toThrow(AvmaError);
      }),
      { numRuns: RUNS },
    );
  });

  test.each<[string, (file: LicenseFile) => object, string]>([
    ['no license where there is none', (file) => ({ ...file, schema: 'avma.other/1' }), 'is wrong at schema'],
    ['an older format', (file) => ({ ...file, schema: 'avma.license/1' }), 'has format 1, and'],
    ['a newer format', (file) => ({ ...file, schema: 'avma.license/3' }), 'has format 3, and'],
    ['a member that nobody knows', (file) => ({ more: 1, ...file }), 'is wrong at more'],
    ['a time that is none', (file) => ({ ...file, writtenAt: 'yesterday' }), 'is wrong at writtenAt'],
  ])('with a digest that fits, %s is refused', async (_what, change, message) => {
    const { guest } = await activatedGuest();
    const text = encodeLicenseFile(change(contentOf(guest)) as LicenseFile);
    const failure = await failureOf(() => decodeLicenseFile(Buffer.from(text), 'license.json'));
    expect(failure).toMatchObject({ code: 'file-invalid', message: expect.stringContaining(message) });
  });

  test('with a digest that fits, "licensed" in it licenses nothing', async () => {
    const guest = createTestGuest(null);
    await guest.installKey(key);
    const content = contentOf(guest);
    const forged = {
      ...content,
      products: content.products.map((product) => ({
        ...product,
        state: 'licensed' as const,
        status: 1,
        endsAt: new Date(guest.clock.wall + DAY).toISOString(),
      })),
    };
    const read = decodeLicenseFile(Buffer.from(encodeLicenseFile(forged)), 'license.json');
    const found = checkLicense(deriveReports(licenseBasis(read, null, guest.clock.read())), activationId);
    expect(found.verdict).toBe('not-licensed');
  });
});
