import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { certificateReader, installCertificate } from '../../src/host/certificate.ts';
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
    edition: 'ServerDatacenter',
    osVersion: '10.0',
    licensing: 'MAK',
    days: 10,
    ...grant,
  } as const;
  return Buffer.from(JSON.stringify(certifyHost({ request, from: 'f', root, grant: full, now }).envelope));
}

describe('a certificate', () => {
  test('is installed, and a running host takes a renewed one by itself within a second', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const folder = tempFolder();
    const host = createHost(folder, 'hv01', 'm', NOW);
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
    const host = createHost(folder, 'hv01', 'm', NOW);
    const others = [
      certificateFor(createHost(tempFolder(), 'hv02', 'x', NOW)),
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
    const host = createHost(folder, 'hv01', 'm', NOW);
    const expired = certificateFor(host, { days: 1 }, NOW - 2 * DAY);
    expect(
      (await failureOf(() => installCertificate({ folder, host, bytes: expired, from: 'f', now: NOW }))).code,
    ).toBe('certificate-expired');
    const later = certificateFor(host, {}, NOW + DAY);
    expect(installCertificate({ folder, host, bytes: later, from: 'f', now: NOW }).notBefore).toBe(NOW + DAY);
  });

  test.each(['', 'hello', '{}', '[]'])('that is %j is refused, with the name of its file', async (text) => {
    const folder = tempFolder();
    const host = createHost(folder, 'hv01', 'm', NOW);
    const failure = await failureOf(() =>
      installCertificate({ folder, host, bytes: Buffer.from(text), from: '/tmp/cert.json', now: NOW }),
    );
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toContain('/tmp/cert.json');
  });

  test('request, handed in for a certificate, is refused', async () => {
    const folder = tempFolder();
    const host = createHost(folder, 'hv01', 'm', NOW);
    const request = Buffer.from(JSON.stringify(hostRequest(host, NOW)));
    expect(
      (await failureOf(() => installCertificate({ folder, host, bytes: request, from: 'f', now: NOW }))).code,
    ).toBe('file-invalid');
  });
});
