import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  certificateReader,
  createHost,
  digitalPid2,
  hostRequest,
  installCertificate,
  openHost,
} from '../../src/host/host-store.ts';
import { generateKeyPair } from '../../src/protocol/curve-keys.ts';
import type { HostCertificate } from '../../src/protocol/host-certificate.ts';
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

describe("a host's folder", () => {
  test('holds keys of 0600, and is the same host when it is opened again', () => {
    const folder = path.join(tempFolder(), 'host');
    const made = createHost(folder, 'hv01', 'machine', NOW);
    for (const key of ['signing.key', 'box.key']) {
      expect(fs.statSync(path.join(folder, key)).mode & 0o777).toBe(0o600);
    }
    const opened = openHost(folder);
    expect(opened).toMatchObject({ name: 'hv01', hardwareId: made.hardwareId });
    expect(opened.signing.publicKey).toEqual(made.signing.publicKey);
    expect(opened.box.publicKey).toEqual(made.box.publicKey);
  });

  test('has a hardware ID of the machine, without telling what that is', () => {
    const ids = ['a', 'a', 'b', undefined, undefined].map(
      (machineId) => createHost(tempFolder(), 'hv', machineId, NOW).hardwareId,
    );
    expect(ids[0]).toMatch(/^[0-9A-F]{4}(-[0-9A-F]{4}){3}$/);
    expect(ids[1]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(4);
  });

  test('is never made over another: file-exists', async () => {
    const folder = tempFolder();
    const { signing } = createHost(folder, 'hv01', 'm', NOW);
    expect((await failureOf(() => createHost(folder, 'hv02', 'm', NOW))).code).toBe('file-exists');
    expect(openHost(folder).signing.publicKey).toEqual(signing.publicKey);
  });

  test('can be made again when its making was cut short', () => {
    const folder = tempFolder();
    createHost(folder, 'hv01', 'm', NOW);
    fs.rmSync(path.join(folder, 'host.json'));
    expect(createHost(folder, 'hv02', 'm', NOW).name).toBe('hv02');
    expect(openHost(folder).name).toBe('hv02');
  });

  test.each(['', 'n'.repeat(64), 'a\nb'])('of the impossible name %j: argument-invalid', async (name) => {
    expect((await failureOf(() => createHost(tempFolder(), name, 'm', NOW))).code).toBe('argument-invalid');
  });

  test('that is none, or damaged, is one clear error', async () => {
    const folder = tempFolder();
    expect((await failureOf(() => openHost(folder))).code).toBe('file-not-found');
    createHost(folder, 'hv01', 'm', NOW);
    fs.copyFileSync(path.join(folder, 'box.key'), path.join(folder, 'signing.key'));
    expect((await failureOf(() => openHost(folder))).code).toBe('file-invalid');
    fs.rmSync(path.join(folder, 'signing.key'));
    expect((await failureOf(() => openHost(folder))).code).toBe('file-not-found');
    fs.writeFileSync(path.join(folder, 'host.json'), '{"schema":"avma.host/2"}');
    expect((await failureOf(() => openHost(folder))).code).toBe('file-invalid');
  });
});

describe('a certificate', () => {
  test('is installed, and a running host takes a renewed one by itself within a second', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const folder = tempFolder();
    const host = createHost(folder, 'hv01', 'm', NOW);
    const read = certificateReader(folder);
    expect(read()).toBeUndefined();
    installCertificate(folder, host, certificateFor(host), 'f', NOW);
    expect(read()?.certificate.notAfter).toBe(NOW + 10 * DAY);
    expect(read()).toBe(read());
    installCertificate(folder, host, certificateFor(host, { days: 20 }), 'f', NOW);
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
      const failure = await failureOf(() => installCertificate(folder, host, other, 'f', NOW));
      expect(failure.code).toBe('file-invalid');
    }
    expect(certificateReader(folder)()).toBeUndefined();
  });

  test('that has expired is refused: certificate-expired; one that begins later is taken', async () => {
    const folder = tempFolder();
    const host = createHost(folder, 'hv01', 'm', NOW);
    const expired = certificateFor(host, { days: 1 }, NOW - 2 * DAY);
    expect((await failureOf(() => installCertificate(folder, host, expired, 'f', NOW))).code).toBe(
      'certificate-expired',
    );
    const later = certificateFor(host, {}, NOW + DAY);
    expect(installCertificate(folder, host, later, 'f', NOW).notBefore).toBe(NOW + DAY);
  });

  test.each(['', 'hello', '{}', '[]'])('that is %j is refused, with the name of its file', async (text) => {
    const folder = tempFolder();
    const host = createHost(folder, 'hv01', 'm', NOW);
    const failure = await failureOf(() =>
      installCertificate(folder, host, Buffer.from(text), '/tmp/cert.json', NOW),
    );
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toContain('/tmp/cert.json');
  });

  test('request, handed in for a certificate, is refused', async () => {
    const folder = tempFolder();
    const host = createHost(folder, 'hv01', 'm', NOW);
    const request = Buffer.from(JSON.stringify(hostRequest(host, NOW)));
    expect((await failureOf(() => installCertificate(folder, host, request, 'f', NOW))).code).toBe(
      'file-invalid',
    );
  });
});

test('the Digital PID2 tells the channel, and changes with the certificate', () => {
  const certificate = { serial: '1'.repeat(16), hardwareId: 'H', licensing: 'MAK' } as HostCertificate;
  const pid = digitalPid2(certificate);
  expect(pid).toMatch(/^00252-\d{5}-\d{5}-AA\d{3}$/);
  expect(digitalPid2(certificate)).toBe(pid);
  expect(digitalPid2({ ...certificate, serial: '2'.repeat(16) })).not.toBe(pid);
  expect(digitalPid2({ ...certificate, licensing: 'OEM' })).toMatch(/^00253-/);
  expect(digitalPid2({ ...certificate, licensing: 'KMS' })).toMatch(/^00254-/);
});
