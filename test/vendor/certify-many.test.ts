import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createHost, hostRequest } from '../../src/host/host-store.ts';
import { Envelope } from '../../src/protocol/envelope.ts';
import { openHostCertificate } from '../../src/protocol/host-certificate.ts';
import { certifyMany } from '../../src/vendor/certify-many.ts';
import { createVendorRoot, openVendorRoot, type VendorRoot } from '../../src/vendor/trust-root.ts';
import { readVendorLogIfAny } from '../../src/vendor/vendor-log.ts';
import { DAY, NOW } from '../support/clock.ts';
import { failureOf } from '../support/failures.ts';
import { tempFolder } from '../support/temp-folder.ts';

const GRANT = { windows: null, days: 90, graceDays: 14, customer: 'Bank Ltd' };

function newRoot(): Promise<VendorRoot> {
  const { keyFile } = createVendorRoot({ folder: tempFolder(), name: 'Acme', now: NOW });
  return openVendorRoot(keyFile, { passphrase: () => '' });
}

const newHost = (name: string) => createHost({ folder: path.join(tempFolder(), 'host'), name, now: NOW });

function writeRequest(
  file: string,
  host = newHost(path.basename(file)),
  at = NOW,
  site: string | null = null,
) {
  fs.writeFileSync(file, JSON.stringify(hostRequest(host, at, { site, replaces: null })));
  return file;
}

const openFile = (file: string | null) =>
  openHostCertificate(Envelope.parse(JSON.parse(fs.readFileSync(file ?? '', 'utf8'))));

describe('certifying many hosts', () => {
  test('gives each the same grant, and its own site', async () => {
    const folder = tempFolder();
    writeRequest(path.join(folder, 'a.json'), newHost('a'), NOW, 'berlin');
    writeRequest(path.join(folder, 'b.json'), newHost('b'));
    const root = await newRoot();
    const out = path.join(tempFolder(), 'certificates');
    const outcomes = await certifyMany({ paths: [folder], root, grant: GRANT, out, now: NOW });
    const certificates = outcomes.map((one) =>
      one.outcome === 'certified' ? openFile(one.file) : undefined,
    );
    expect(certificates).toMatchObject([
      { hostName: 'a', site: 'berlin', customer: 'Bank Ltd', notAfter: NOW + 90 * DAY },
      { hostName: 'b', site: null, customer: 'Bank Ltd', graceUntil: NOW + 104 * DAY },
    ]);
    expect(readVendorLogIfAny(root.logFile)).toHaveLength(2);
  });

  test('is not stopped by a file that is bad, and says what is wrong with it', async () => {
    const folder = tempFolder();
    const good = writeRequest(path.join(folder, 'good.json'));
    const changed = path.join(folder, 'changed.json');
    const request = JSON.parse(fs.readFileSync(good, 'utf8'));
    fs.writeFileSync(changed, JSON.stringify({ ...request, payload: `${request.payload.slice(0, -4)}AAAA` }));
    const no = path.join(folder, 'no.json');
    fs.writeFileSync(no, 'hello');
    const nowhere = path.join(folder, 'nowhere.json');
    const paths = [changed, no, nowhere, folder, good];
    const outcomes = await certifyMany({
      paths,
      root: await newRoot(),
      grant: GRANT,
      out: tempFolder(),
      now: NOW,
    });
    expect(outcomes.map(({ request: file, outcome }) => [path.basename(file), outcome])).toEqual([
      ['changed.json', 'failed'],
      ['no.json', 'failed'],
      ['nowhere.json', 'failed'],
      ['good.json', 'certified'],
    ]);
    const codes = outcomes.map((one) => (one.outcome === 'failed' ? one.error?.code : undefined));
    expect(codes).toEqual(['file-invalid', 'file-invalid', 'file-not-found', undefined]);
  });

  test('leaves aside what else of ours lies in a folder, and older requests of a host', async () => {
    const folder = tempFolder();
    const host = newHost('hv01');
    const root = await newRoot();
    writeRequest(path.join(folder, 'new.json'), host, NOW + 1);
    writeRequest(path.join(folder, 'old.json'), host, NOW);
    const all = { paths: [folder], root, grant: GRANT, out: folder, now: NOW };
    const first = await certifyMany(all);
    expect(first.map(({ outcome }) => outcome)).toEqual(['certified', 'skipped']);
    const second = await certifyMany(all);
    expect(second.map(({ outcome }) => outcome)).toEqual(['skipped', 'certified', 'skipped']);
    expect(second[0]).toMatchObject({ why: 'a host certificate, not a request' });
    expect(second[2]).toMatchObject({ why: expect.stringContaining('new.json is a newer request') });
  });

  test.each(['../../etc/passwd', '..', 'a/b\\c', 'ü \u0301'])(
    'writes the host %j into the folder',
    async (name) => {
      const out = tempFolder();
      const file = writeRequest(path.join(tempFolder(), 'r.json'), newHost(name));
      const [one] = await certifyMany({ paths: [file], root: await newRoot(), grant: GRANT, out, now: NOW });
      expect(one?.outcome).toBe('certified');
      expect(fs.readdirSync(out)).toEqual([expect.stringMatching(/^[\w-][\w.-]*\.certificate\.json$/)]);
    },
  );

  test('signs nothing for a grant that no certificate holds, nor when it is only to be shown', async () => {
    const root = await newRoot();
    const paths = [writeRequest(path.join(tempFolder(), 'r.json'))];
    const wrong = { ...GRANT, days: 0 };
    const out = path.join(tempFolder(), 'certificates');
    expect((await failureOf(() => certifyMany({ paths, root, grant: wrong, out, now: NOW }))).code).toBe(
      'argument-invalid',
    );
    const shown = await certifyMany({ paths, root, grant: GRANT, out: null, now: NOW });
    expect(shown).toMatchObject([{ outcome: 'certified', file: null }]);
    expect(fs.existsSync(root.logFile)).toBe(false);
    expect(fs.existsSync(out)).toBe(false);
  });
});
