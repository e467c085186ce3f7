import fs from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openGiven } from '../../../src/host/holdings/decode-given.ts';
import { HoldingsReader } from '../../../src/host/holdings/holdings-reader.ts';
import { installAll } from '../../../src/host/holdings/install.ts';
import { makeHostKeys } from '../../../src/host/host-keys.ts';
import { createHost } from '../../../src/host/host-store.ts';
import { NOW } from '../../support/clock.ts';
import { certificateOf } from '../../support/host-documents.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { signedLicense, signedRevocations, testRoot } from '../../support/vendor-documents.ts';

const acme = testRoot('Acme');

/** A host's folder, what it holds as a running host sees it, and what that host says. */
function runningHost() {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const folder = tempFolder();
  const host = createHost({ folder, name: 'hv01', machineId: 'm', now: NOW });
  const said: string[] = [];
  const documents = new HoldingsReader(folder, host, (sentence) => said.push(sentence));
  const later = () => {
    vi.advanceTimersByTime(1000);
    return documents.current;
  };
  const put = (name: string, content: object | string) => {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    return file;
  };
  return { folder, host, documents, said, later, put };
}

test('a running host takes what is installed within a second, and drops what is removed', () => {
  const { host, documents, later, put, said } = runningHost();
  expect(documents.current.certificates).toEqual([]);
  put('certificates/1.json', certificateOf(acme, host));
  expect(documents.current.certificates).toEqual([]);
  expect(later().certificates).toHaveLength(1);
  const license = put('licenses/1.json', signedLicense(acme));
  put('revocations/1.json', signedRevocations(acme, { sequence: 3 }));
  const held = later();
  expect(held.licenses).toHaveLength(1);
  expect(held.vendors[0]?.revocations?.sequence).toBe(3);
  expect([...held.documents.keys()]).toHaveLength(2);
  fs.rmSync(license);
  expect(later().licenses).toEqual([]);
  expect(later()).toBe(documents.current);
  expect(said).toEqual([]);
});

test('a file that is broken is said once and changes nothing', () => {
  const { host, later, put, said } = runningHost();
  const file = put('certificates/1.json', certificateOf(acme, host));
  put('licenses/1.json', signedLicense(acme));
  expect(later().licenses).toHaveLength(1);
  put('certificates/1.json', 'torn');
  put('licenses/1.json', signedLicense(testRoot('Other')));
  put('licenses/2.json', '{}');
  const after = later();
  later();
  expect(after.certificates).toHaveLength(1);
  expect(said).toHaveLength(3);
  expect(said[0]).toMatch(new RegExp(`^A file counts for nothing: ${file} is not a host certificate`));
  expect(said[1]).toMatch(/2\.json is not a license/);
  expect(said[2]).toMatch(/1\.json is a license of "Other", who has not certified this host\.$/);
});

test.each([
  ['another host', { hostName: 'hv02' }, /is for host hv02 \(.*\), not for this one\.$/],
  ['other keys', { boxKey: Buffer.alloc(32, 9).toString('base64url') }, /for keys that it does not have\.$/],
])('a certificate for %s counts for nothing, and is said once', (_what, change, message) => {
  const { host, later, put, said } = runningHost();
  put('certificates/1.json', certificateOf(acme, host, change));
  expect(later().certificates).toEqual([]);
  later();
  expect(said).toEqual([expect.stringMatching(message)]);
});

test('a link or a folder in the place of a file keeps nothing waiting', () => {
  const { folder, later, put, said } = runningHost();
  put('certificates/x', '');
  fs.mkdirSync(path.join(folder, 'certificates/1.json'));
  fs.symlinkSync('/dev/zero', path.join(folder, 'certificates/2.json'));
  expect(later().certificates).toEqual([]);
  expect(said).toEqual([expect.stringContaining('is a folder'), expect.stringContaining('is a link')]);
});

test('the one certificate of a host of before counts, and goes where the others are at the next change', async () => {
  const { folder, host, later, put } = runningHost();
  put('certificate.json', certificateOf(acme, host, { serial: '1'.repeat(16) }));
  expect(later().certificates).toHaveLength(1);
  const next = certificateOf(acme, host, { serial: '2'.repeat(16) });
  const given = openGiven('certificate', Buffer.from(JSON.stringify(next)), 'f');
  await installAll(folder, [given], { now: NOW, dryRun: false });
  expect(fs.existsSync(path.join(folder, 'certificate.json'))).toBe(false);
  expect(fs.readdirSync(path.join(folder, 'certificates'))).toEqual(
    ['1'.repeat(16), '2'.repeat(16)].map((serial) => `${serial}.json`),
  );
  expect(later().certificates).toHaveLength(2);
});

test("new keys are taken up with their certificate, and lie in a file that is only their owner's", () => {
  const { folder, host, later, put } = runningHost();
  put('certificates/1.json', certificateOf(acme, host));
  const keys = makeHostKeys(folder, [host], NOW);
  const [file = ''] = fs.readdirSync(path.join(folder, 'keys'));
  expect(fs.statSync(path.join(folder, 'keys', file)).mode & 0o777).toBe(0o600);
  expect(later().keys).toHaveLength(2);
  put('certificates/2.json', certificateOf(acme, host, { serial: '2'.repeat(16) }, keys));
  const serials = later().certificates.map((held) => [
    held.certificate.serial[0],
    held.keys === later().keys[1],
  ]);
  expect(serials).toEqual([
    ['0', false],
    ['2', true],
  ]);
});

test('of several documents none is installed if one cannot be', async () => {
  const { folder, host, put } = runningHost();
  put('certificates/1.json', certificateOf(acme, host));
  const given = [signedLicense(acme), signedLicense(testRoot('Other'))].map((envelope) =>
    openGiven('license', Buffer.from(JSON.stringify(envelope)), 'f'),
  );
  await expect(installAll(folder, given, { now: NOW, dryRun: false })).rejects.toMatchObject({
    code: 'license-untrusted',
  });
  expect(fs.existsSync(path.join(folder, 'licenses'))).toBe(false);
});
