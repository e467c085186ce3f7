import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { certificateReader, installCertificate, installedCertificate } from '../../src/host/certificate.ts';
import { createHost, hostRequest } from '../../src/host/host-store.ts';
import { generateKeyPair } from '../../src/protocol/curve-keys.ts';
import { certifyHost, type Grant } from '../../src/vendor/certify-host.ts';
import { DAY, NOW } from '../support/clock.ts';
import { failureOf } from '../support/failures.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = generateKeyPair('ed25519');

function certificateFor(host: ReturnType<typeof createHost>, grant: Partial<Grant> = {}, now = NOW): Buffer {
  const request = Buffer.from(JSON.stringify(hostRequest(host, now)));
  const full = {
    windows: { edition: 'ServerDatacenter', osVersion: '10.0', licensing: 'MAK' },
    days: 10,
    graceDays: 0,
    customer: null,
    ...grant,
  } as const;
  return Buffer.from(JSON.stringify(certifyHost({ request, from: 'f', root, grant: full, now }).envelope));
}

describe('a certificate', () => {
  test('is installed, and a running host takes a renewed one by itself within a second', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const folder = tempFolder();
    const host = createHost({ folder, name: 'hv01', machineId: 'm', now: NOW });
    const read = certificateReader(folder, host);
    expect(read()).toBeUndefined();
    installCertificate({ folder, host, bytes: certificateFor(host), from: 'f', now: NOW });
    expect(read()?.certificate.notAfter).toBe(NOW + 10 * DAY);
    expect(read()).toBe(read());
    installCertificate({ folder, host, bytes: certificateFor(host, { days: 20 }), from: 'f', now: NOW });
    vi.advanceTimersByTime(1000);
    expect(read()?.certificate.notAfter).toBe(NOW + 20 * DAY);
    fs.writeFileSync(path.join(folder, 'certificate.json'), 'torn');
    vi.advanceTimersByTime(1000);
    expect(read()).toBeUndefined();
  });

  test("of another host, or another key of this one's, is refused: file-invalid", async () => {
    const folder = tempFolder();
    const host = createHost({ folder, name: 'hv01', machineId: 'm', now: NOW });
    const others = [
      certificateFor(createHost({ folder: tempFolder(), name: 'hv02', machineId: 'x', now: NOW })),
      certificateFor({ ...host, box: generateKeyPair('x25519') }),
      certificateFor({ ...host, signing: generateKeyPair('ed25519') }),
    ];
    for (const other of others) {
      const failure = await failureOf(() =>
        installCertificate({ folder, host, bytes: other, from: 'f', now: NOW }),
      );
      expect(failure.code).toBe('file-invalid');
    }
    expect(certificateReader(folder, host)()).toBeUndefined();
  });

  test('that has expired is refused: certificate-expired; one that begins later is taken', async () => {
    const folder = tempFolder();
    const host = createHost({ folder, name: 'hv01', machineId: 'm', now: NOW });
    const expired = certificateFor(host, { days: 1 }, NOW - 2 * DAY);
    expect(
      (await failureOf(() => installCertificate({ folder, host, bytes: expired, from: 'f', now: NOW }))).code,
    ).toBe('certificate-expired');
    const later = certificateFor(host, {}, NOW + DAY);
    expect(installCertificate({ folder, host, bytes: later, from: 'f', now: NOW }).notBefore).toBe(NOW + DAY);
  });

  test.each(['', 'hello', '{}', '[]'])('that is %j is refused, with the name of its file', async (text) => {
    const folder = tempFolder();
    const host = createHost({ folder, name: 'hv01', machineId: 'm', now: NOW });
    const failure = await failureOf(() =>
      installCertificate({ folder, host, bytes: Buffer.from(text), from: '/tmp/cert.json', now: NOW }),
    );
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toContain('/tmp/cert.json');
  });

  test('request, handed in for a certificate, is refused', async () => {
    const folder = tempFolder();
    const host = createHost({ folder, name: 'hv01', machineId: 'm', now: NOW });
    const request = Buffer.from(JSON.stringify(hostRequest(host, NOW)));
    expect(
      (await failureOf(() => installCertificate({ folder, host, bytes: request, from: 'f', now: NOW }))).code,
    ).toBe('file-invalid');
  });

  test('of another host in the place of this one counts as none, and is said once', () => {
    const folder = tempFolder();
    const host = createHost({ folder, name: 'hv01', machineId: 'm', now: NOW });
    const other = createHost({ folder: tempFolder(), name: 'hv02', machineId: 'x', now: NOW });
    fs.writeFileSync(path.join(folder, 'certificate.json'), certificateFor(other));
    const told: string[] = [];
    const read = certificateReader(folder, host, (sentence) => told.push(sentence));
    expect([read(), read()]).toEqual([undefined, undefined]);
    expect(told).toEqual([expect.stringMatching(/is for host hv02 \(.*\), not for this one\.$/)]);
  });

  test('that is a link or a folder counts as none, and keeps nothing waiting', () => {
    const folder = tempFolder();
    const host = createHost({ folder, name: 'hv01', machineId: 'm', now: NOW });
    const file = path.join(folder, 'certificate.json');
    const told: string[] = [];
    fs.mkdirSync(file);
    expect(certificateReader(folder, host, (sentence) => told.push(sentence))()).toBeUndefined();
    fs.rmdirSync(file);
    fs.symlinkSync('/dev/zero', file);
    expect(certificateReader(folder, host, (sentence) => told.push(sentence))()).toBeUndefined();
    expect(told).toEqual([
      expect.stringContaining('is a folder, not a plain file'),
      expect.stringContaining('is a link'),
    ]);
  });
});

describe('a certificate that is worse than the installed one', () => {
  test.each<[string, Partial<Grant>, RegExp]>([
    ['ends earlier', { days: 9 }, /it ends on 2026-06-10, the installed one on 2026-06-11/],
    ['allows no guests with Windows', { windows: null }, /it allows no guests with Windows/],
    [
      'allows older guests only',
      { windows: { edition: 'ServerDatacenter', osVersion: '6.3', licensing: 'MAK' } },
      /guests with Windows up to version 6\.3, the installed one up to 10\.0/,
    ],
  ])('%s: certificate-worse, unless forced', async (_what, grant, message) => {
    const folder = tempFolder();
    const host = createHost({ folder, name: 'hv01', machineId: 'm', now: NOW });
    const install = (bytes: Buffer, force = false) =>
      installCertificate({ folder, host, bytes, from: 'f', now: NOW, force });
    install(certificateFor(host));
    const worse = certificateFor(host, grant);
    const failure = await failureOf(() => install(worse));
    expect(failure.code).toBe('certificate-worse');
    expect(failure.message).toMatch(message);
    expect(failure.hint).toContain('--force');
    expect(installedCertificate(folder, host)?.certificate.notAfter).toBe(NOW + 10 * DAY);
    expect(install(worse, true)).toEqual(installedCertificate(folder, host)?.certificate);
  });

  test('begins later, while the installed one is valid: certificate-worse', async () => {
    const folder = tempFolder();
    const host = createHost({ folder, name: 'hv01', machineId: 'm', now: NOW });
    installCertificate({ folder, host, bytes: certificateFor(host), from: 'f', now: NOW });
    const later = certificateFor(host, { days: 20 }, NOW + DAY);
    const failure = await failureOf(() =>
      installCertificate({ folder, host, bytes: later, from: 'f', now: NOW }),
    );
    expect(failure.message).toMatch(/it begins on 2026-06-02/);
  });

  test('is not what a longer one for the same is, nor what any is after an ended one', () => {
    const folder = tempFolder();
    const host = createHost({ folder, name: 'hv01', machineId: 'm', now: NOW });
    installCertificate({ folder, host, bytes: certificateFor(host), from: 'f', now: NOW });
    const longer = certificateFor(host, { days: 11 });
    installCertificate({ folder, host, bytes: longer, from: 'f', now: NOW });
    const later = NOW + 12 * DAY;
    const next = certificateFor(host, { days: 1 }, later);
    expect(installCertificate({ folder, host, bytes: next, from: 'f', now: later }).notAfter).toBe(
      later + DAY,
    );
  });
});
