import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { PAYLOAD_TYPES, signEnvelope, verifyEnvelope } from '../../src/protocol/envelope.ts';
import { summarizeSignature } from '../../src/vendor/log-summary.ts';
import { logSigned, signAndLog } from '../../src/vendor/sign-and-log.ts';
import {
  createVendorRoot,
  identityOf,
  openVendorRoot,
  type VendorRoot,
} from '../../src/vendor/trust-root.ts';
import { readVendorLog } from '../../src/vendor/vendor-log.ts';
import { NOW } from '../support/clock.ts';
import { failureOf } from '../support/failures.ts';
import { tempFolder } from '../support/temp-folder.ts';

const TYPE = PAYLOAD_TYPES.hostCertificate;

function newRoot(): Promise<VendorRoot> {
  const { keyFile } = createVendorRoot({ folder: tempFolder(), name: 'Example', now: NOW });
  return openVendorRoot(keyFile, { passphrase: () => '' });
}

/** Logs one signature, of a statement that no reader would take. */
const log = (root: VendorRoot, statement: object, now = NOW) =>
  logSigned(root, [signEnvelope(TYPE, statement, root.keyPair)], now);

async function logOfThree(): Promise<VendorRoot> {
  const root = await newRoot();
  for (const serial of ['a', 'b', 'c']) await log(root, { serial });
  return root;
}

const emptyList = (root: VendorRoot) => ({
  vendor: identityOf(root),
  sequence: 1,
  issuedAt: NOW,
  hosts: [],
  licenses: [],
});
const linesOf = (root: VendorRoot) => fs.readFileSync(root.logFile, 'utf8').trimEnd().split('\n');
const write = (root: VendorRoot, lines: readonly string[]) =>
  fs.writeFileSync(root.logFile, lines.map((line) => `${line}\n`).join(''));

describe('the vendor log', () => {
  test('has what was signed, in the order of signing, before the signature is handed out', async () => {
    const root = await newRoot();
    const envelope = await signAndLog(root, PAYLOAD_TYPES.revocations, emptyList(root), NOW);
    const publicKey = root.keyPair.publicKey;
    expect(verifyEnvelope(envelope, PAYLOAD_TYPES.revocations, publicKey)).toMatchObject({ sequence: 1 });
    await log(root, { serial: 'b' }, NOW + 1);
    const { entries, problem } = readVendorLog(root.logFile);
    expect(problem).toBeNull();
    expect(entries.map(({ line, at, payloadType }) => [line, at, payloadType])).toEqual([
      [1, NOW, PAYLOAD_TYPES.revocations],
      [2, NOW + 1, TYPE],
    ]);
    expect(entries[0]).toMatchObject({ keyId: root.keyId, statement: emptyList(root) });
    expect(fs.statSync(root.logFile).mode & 0o777).toBe(0o600);
  });

  test('has nothing that the other side would refuse', async () => {
    const root = await newRoot();
    const wrong = { ...emptyList(root), sequence: 0 };
    const failure = await failureOf(() => signAndLog(root, PAYLOAD_TYPES.revocations, wrong, NOW));
    expect(failure.code).toBe('revocations-invalid');
    expect(fs.existsSync(root.logFile)).toBe(false);
  });

  test('names the line that was changed', async () => {
    const root = await logOfThree();
    const lines = linesOf(root);
    write(
      root,
      lines.map((line) => line.replace('"serial":"b"', '"serial":"x"')),
    );
    const { entries, problem } = readVendorLog(root.logFile);
    expect(problem).toEqual({ line: 2, message: 'line 2 was changed' });
    expect(entries.map(({ line }) => line)).toEqual([1, 3]);
  });

  test.each([
    ['taken out', (lines: string[]) => [lines[0], lines[2]], 2],
    ['taken out at the beginning', (lines: string[]) => [lines[1], lines[2]], 1],
    ['put elsewhere', (lines: string[]) => [lines[0], lines[2], lines[1]], 2],
    ['put in twice', (lines: string[]) => [lines[0], lines[0], lines[1], lines[2]], 2],
  ])('names the place where a line was %s', async (_how, change, line) => {
    const root = await logOfThree();
    write(root, change(linesOf(root)) as string[]);
    expect(readVendorLog(root.logFile).problem).toMatchObject({
      line,
      message: `lines before line ${line} are missing, or were changed or moved`,
    });
  });

  test('is continued after a line that was changed, which stays named', async () => {
    const root = await logOfThree();
    write(
      root,
      linesOf(root).map((line) => line.replace('"serial":"c"', '"serial":"x"')),
    );
    await log(root, { serial: 'd' });
    const { entries, problem } = readVendorLog(root.logFile);
    expect(problem).toMatchObject({ line: 3 });
    expect(entries.map(({ statement }) => statement['serial'])).toEqual(['a', 'b', 'd']);
  });

  test('is whole again after a process was killed while it wrote, and the piece is kept beside it', async () => {
    const root = await logOfThree();
    fs.appendFileSync(root.logFile, '{"previous":"12');
    expect(readVendorLog(root.logFile).problem).toEqual({ line: 4, message: 'the last line is cut' });
    await log(root, { serial: 'd' });
    expect(readVendorLog(root.logFile)).toMatchObject({ problem: null, entries: { length: 4 } });
    const aside = fs.readdirSync(root.folder).find((name) => name.includes('damaged')) ?? '';
    expect(fs.readFileSync(path.join(root.folder, aside), 'utf8')).toBe('{"previous":"12');
  });

  test('that cannot be written: nothing is signed, and the hint names another place', async () => {
    const root = { ...(await newRoot()), logFile: path.join(tempFolder(), 'log') };
    fs.mkdirSync(root.logFile);
    const failure = await failureOf(() => log(root, { serial: 'a' }));
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toMatch(/^the vendor log cannot be written, so nothing was signed: /);
  });

  test('keeps a long line, and links to it', async () => {
    const root = await newRoot();
    await log(root, { serial: 'a', filler: 'x'.repeat(1024 * 1024) });
    await log(root, { serial: 'b' });
    expect(readVendorLog(root.logFile)).toMatchObject({ problem: null, entries: { length: 2 } });
  });
});

describe('the summary of a signature', () => {
  const summary = (statement: Record<string, unknown>, payloadType: string = TYPE) =>
    summarizeSignature({
      at: NOW,
      keyId: '0'.repeat(16),
      payloadType,
      payloadDigest: '0'.repeat(64),
      statement,
    });

  test.each([
    [
      { serial: 'a1', hostName: 'hv01', customer: 'Bank', notAfter: NOW },
      { kind: 'host certificate', id: 'a1', subject: 'hv01, Bank', until: NOW },
    ],
    [
      { licenseId: 'b2', customer: 'Bank', product: { name: 'Gateway' }, hosts: ['x'], notAfter: NOW },
      { id: 'b2', subject: 'Bank, Gateway' },
    ],
    [
      { sequence: 3, hosts: [1], licenses: [] },
      { id: '3', subject: '1 host, 0 licenses', until: null },
    ],
    [
      { version: 2, roots: ['k'] },
      { id: '2', subject: '1 root' },
    ],
    [{ products: [1, 2] }, { id: null, subject: '2 products' }],
  ])('of %o', (statement, expected) => {
    expect(summary(statement)).toMatchObject(expected);
  });

  test('of a type that nobody knows is that type', () => {
    expect(summary({}, 'text/plain')).toEqual({ kind: 'text/plain', id: null, subject: '', until: null });
  });
});
