import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { DocumentEnvelope, PAYLOAD_TYPES } from '../../src/protocol/envelope.ts';
import { isHostRevoked, isLicenseRevoked, openRevocations } from '../../src/protocol/revocations.ts';
import { signNextRevocations } from '../../src/vendor/revocation-file.ts';
import { newestRevocations, type Revocation, revokedList } from '../../src/vendor/revoke.ts';
import { signAllAndLog } from '../../src/vendor/sign-and-log.ts';
import {
  createVendorRoot,
  identityOf,
  openVendorRoot,
  type VendorRoot,
} from '../../src/vendor/trust-root.ts';
import { appendToVendorLog, readVendorLogIfAny, type VendorLogEntry } from '../../src/vendor/vendor-log.ts';
import { NOW } from '../support/clock.ts';
import { failureOf } from '../support/failures.ts';
import { tempFolder } from '../support/temp-folder.ts';

const [A, B, C] = ['a', 'b', 'c'].map((digit) => digit.repeat(16)) as [string, string, string];

function newRoot(): Promise<VendorRoot> {
  const { keyFile } = createVendorRoot({ folder: tempFolder(), name: 'Acme', now: NOW });
  return openVendorRoot(keyFile, { passphrase: () => '' });
}

const what = (change: Partial<Revocation>): Revocation => ({
  hosts: [],
  licenses: [],
  reason: 'unpaid',
  ...change,
});
const revoke = (root: VendorRoot, change: Partial<Revocation>) =>
  signNextRevocations(root, (present) => revokedList(present, what(change), identityOf(root), NOW), NOW);
const keptBy = (root: VendorRoot) =>
  openRevocations(
    DocumentEnvelope.parse(JSON.parse(fs.readFileSync(path.join(root.folder, 'revocations.json'), 'utf8'))),
  );

describe('the revocation list', () => {
  test('holds what was withdrawn, each list all of the one before', async () => {
    const root = await newRoot();
    await revoke(root, { hosts: [A], reason: 'stolen' });
    const { list } = await revoke(root, { hosts: [B.toUpperCase()], licenses: [C, C] });
    expect(list).toMatchObject({ sequence: 2, hosts: { length: 2 }, licenses: { length: 1 } });
    expect(keptBy(root)).toEqual(list);
    expect(isHostRevoked(list, A)).toMatchObject({ reason: 'stolen' });
    expect(isHostRevoked(list, B)).toMatchObject({ reason: 'unpaid' });
    expect(isLicenseRevoked(list, C)).toMatchObject({ reason: 'unpaid' });
    expect(JSON.stringify(list)).not.toContain(A);
  });

  test('stays the same list when nothing new is on it, and the first reason stays', async () => {
    const root = await newRoot();
    const first = await revoke(root, { hosts: [A], reason: 'stolen' });
    const again = await revoke(root, { hosts: [A], reason: 'replaced' });
    expect(again).toEqual({ ...first, changed: false });
    expect(readVendorLogIfAny(root.logFile)).toHaveLength(1);
  });

  test('that was lost goes on from the vendor log', async () => {
    const root = await newRoot();
    await revoke(root, { hosts: [A] });
    const older = fs.readFileSync(path.join(root.folder, 'revocations.json'));
    await revoke(root, { hosts: [B] });
    fs.writeFileSync(path.join(root.folder, 'revocations.json'), older);
    expect(newestRevocations(root, readVendorLogIfAny(root.logFile))?.sequence).toBe(2);
    fs.rmSync(path.join(root.folder, 'revocations.json'));
    expect((await revoke(root, { hosts: [C] })).list).toMatchObject({ sequence: 3, hosts: { length: 3 } });
  });

  test('goes on from no list that somebody wrote into the log or beside the key', async () => {
    const root = await newRoot();
    const { list } = await revoke(root, { hosts: [A], reason: 'stolen' });
    const [{ line: _line, ...logged } = {}] = readVendorLogIfAny(root.logFile);
    const forged = { ...list, sequence: 9, hosts: [] };
    await appendToVendorLog(root.logFile, [{ ...logged, statement: forged } as VendorLogEntry]);
    const thief = await newRoot();
    const own = { ...forged, vendor: identityOf(thief) };
    const [envelope] = await signAllAndLog(thief, [{ type: PAYLOAD_TYPES.revocations, statement: own }], NOW);
    const { signatures } = envelope as DocumentEnvelope;
    const byThief = { ...logged, keyId: thief.keyId, statement: own, signatures } as VendorLogEntry;
    await appendToVendorLog(root.logFile, [byThief]);
    expect((await revoke(root, { hosts: [B] })).list).toMatchObject({ sequence: 2, hosts: { length: 2 } });
    fs.writeFileSync(path.join(root.folder, 'revocations.json'), JSON.stringify(envelope));
    expect((await failureOf(revoke(root, { hosts: [C] }))).code).toBe('revocations-foreign');
  });

  test('made by several commands at once loses nothing', async () => {
    const root = await newRoot();
    const serials = [...Array(8).keys()].map((n) => `${n}`.repeat(16));
    await Promise.all(serials.map((serial) => revoke(root, { hosts: [serial] })));
    const list = keptBy(root);
    expect(list.sequence).toBe(8);
    expect(serials.filter((serial) => isHostRevoked(list, serial) === undefined)).toEqual([]);
  });

  test('that is damaged: revocations-invalid, and it stays as it is', async () => {
    const root = await newRoot();
    const file = path.join(root.folder, 'revocations.json');
    fs.writeFileSync(file, '{}');
    expect((await failureOf(() => revoke(root, { hosts: [A] }))).code).toBe('revocations-invalid');
    expect(fs.readFileSync(file, 'utf8')).toBe('{}');
  });

  test('of another vendor is not gone on with: revocations-foreign', async () => {
    const [root, other] = [await newRoot(), await newRoot()];
    await revoke(other, { hosts: [A] });
    fs.copyFileSync(path.join(other.folder, 'revocations.json'), path.join(root.folder, 'revocations.json'));
    expect((await failureOf(() => revoke(root, { hosts: [B] }))).code).toBe('revocations-foreign');
  });

  test.each([
    ['--host is "hv01"', { hosts: ['hv01'] }],
    ['--license is ""', { licenses: [''] }],
  ])('does not take %s', async (message, change) => {
    const root = await newRoot();
    expect(await failureOf(() => revoke(root, change))).toMatchObject({ code: 'argument-invalid', message });
  });

  test('of more entries than a list holds: argument-invalid, with what to do', async () => {
    const root = await newRoot();
    const hosts = [...Array(2501).keys()].map((n) => n.toString(16).padStart(16, '0'));
    const failure = await failureOf(() => revoke(root, { hosts }));
    expect(failure.message).toBe('the list would have 2501 entries, and 2500 are the most');
    expect((await revoke(root, { hosts: hosts.slice(1) })).list.hosts).toHaveLength(2500);
  });
});
