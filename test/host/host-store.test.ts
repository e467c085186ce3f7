import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createHost, digitalPid2, openHost } from '../../src/host/host-store.ts';
import type { HostCertificate } from '../../src/protocol/host-certificate.ts';
import { NOW } from '../support/clock.ts';
import { failureOf } from '../support/failures.ts';
import { tempFolder } from '../support/temp-folder.ts';

describe("a host's folder", () => {
  test('holds keys of 0600, and is the same host when it is opened again', () => {
    const folder = path.join(tempFolder(), 'host');
    const made = createHost({ folder, name: 'hv01', machineId: 'machine', now: NOW });
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
      (machineId) => createHost({ folder: tempFolder(), name: 'hv', machineId, now: NOW }).hardwareId,
    );
    expect(ids[0]).toMatch(/^[0-9A-F]{4}(-[0-9A-F]{4}){3}$/);
    expect(ids[1]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(4);
  });

  test('is never made over another: file-exists', async () => {
    const folder = tempFolder();
    const { signing } = createHost({ folder, name: 'hv01', machineId: 'm', now: NOW });
    expect((await failureOf(() => createHost({ folder, name: 'hv02', machineId: 'm', now: NOW }))).code).toBe(
      'file-exists',
    );
    expect(openHost(folder).signing.publicKey).toEqual(signing.publicKey);
  });

  test('can be made again when its making was cut short', () => {
    const folder = tempFolder();
    createHost({ folder, name: 'hv01', machineId: 'm', now: NOW });
    fs.rmSync(path.join(folder, 'host.json'));
    expect(createHost({ folder, name: 'hv02', machineId: 'm', now: NOW }).name).toBe('hv02');
    expect(openHost(folder).name).toBe('hv02');
  });

  test.each(['', 'n'.repeat(64), 'a\nb'])('of the impossible name %j: argument-invalid', async (name) => {
    expect(
      (await failureOf(() => createHost({ folder: tempFolder(), name, machineId: 'm', now: NOW }))).code,
    ).toBe('argument-invalid');
  });

  test('that is none, or damaged, is one clear error', async () => {
    const folder = tempFolder();
    expect((await failureOf(() => openHost(folder))).code).toBe('file-not-found');
    createHost({ folder, name: 'hv01', machineId: 'm', now: NOW });
    fs.copyFileSync(path.join(folder, 'box.key'), path.join(folder, 'signing.key'));
    expect((await failureOf(() => openHost(folder))).code).toBe('file-invalid');
    fs.rmSync(path.join(folder, 'signing.key'));
    expect((await failureOf(() => openHost(folder))).code).toBe('file-not-found');
    fs.writeFileSync(path.join(folder, 'host.json'), '{"schema":"avma.host/2"}');
    expect((await failureOf(() => openHost(folder))).code).toBe('file-invalid');
  });
});

test('the Digital PID2 tells the channel, and changes with the certificate', () => {
  const windows = { edition: 'ServerDatacenter', osVersion: '10.0.26100', licensing: 'MAK' };
  const certificate = { serial: '1'.repeat(16), hardwareId: 'H', windows } as HostCertificate;
  const pid = digitalPid2(certificate);
  expect(pid).toMatch(/^00252-\d{5}-\d{5}-AA\d{3}$/);
  expect(digitalPid2(certificate)).toBe(pid);
  expect(digitalPid2({ ...certificate, serial: '2'.repeat(16) })).not.toBe(pid);
  expect(digitalPid2({ ...certificate, windows: { ...windows, licensing: 'OEM' } })).toMatch(/^00253-/);
  expect(digitalPid2({ ...certificate, windows: { ...windows, licensing: 'KMS' } })).toMatch(/^00254-/);
  expect(digitalPid2({ ...certificate, windows: null })).toMatch(/^00250-/);
});
