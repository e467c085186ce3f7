import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { openFileLedger } from '../../../src/host/ledger/file-ledger.ts';
import type { Ledger, LedgerEntry } from '../../../src/host/ledger/ledger.ts';
import { NOW } from '../../support/clock.ts';
import { failureOf, outcomeOf } from '../../support/failures.ts';
import { asUnprivilegedUser, mountSmallDisk } from '../../support/restrictions.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { OTHER_VM, VM } from '../../support/test-guest.ts';
import { verifyLedger } from '../../support/verify-ledger.ts';

function entry(nth: number): LedgerEntry {
  return {
    time: NOW + nth,
    channel: 'unix:/s',
    exchangeId: nth.toString(16).padStart(32, '0'),
    requestDigest: nth.toString(16).padStart(64, '0'),
    vmId: VM,
    activationId: OTHER_VM,
    decision: 'approved',
    hresult: 0,
    expiresAt: NOW + 1000,
    response: 'AAAA',
  };
}

function open(folder: string, notify?: (sentence: string) => void): Ledger {
  return openFileLedger({ folder, now: () => NOW, ...(notify && { notify }) });
}

/** Which of the entries up to `count` the ledger finds. */
async function found(ledger: Ledger, count: number): Promise<number[]> {
  const numbers: number[] = [];
  for (let nth = 0; nth < count; nth++) {
    const { channel, exchangeId } = entry(nth);
    const one = await ledger.find(channel, exchangeId);
    if (one === undefined) continue;
    expect(one).toEqual(entry(nth));
    numbers.push(nth);
  }
  return numbers;
}

/** A ledger of some entries, closed, and its text. */
async function writtenLedger(count: number, folder = tempFolder()) {
  const ledger = open(folder);
  for (let nth = 0; nth < count; nth++) await ledger.append(entry(nth));
  await ledger.close();
  const file = path.join(folder, 'ledger.jsonl');
  return { folder, file, text: fs.readFileSync(file, 'utf8') };
}

describe('a ledger', () => {
  test('verifies, and finds its entries after a restart', async () => {
    const { folder, file, text } = await writtenLedger(5);
    expect(verifyLedger(text)).toBe(5);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    const again = open(folder);
    await again.append(entry(5));
    expect(await found(again, 7)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(again.find('unix:/other', entry(0).exchangeId)).toBeUndefined();
    await again.close();
    expect(verifyLedger(fs.readFileSync(file, 'utf8'))).toBe(6);
  });

  test('that is empty verifies', () => {
    expect(verifyLedger('')).toBe(0);
  });

  test('keeps entries that arrive together, in their order', async () => {
    const folder = tempFolder();
    const ledger = open(folder);
    await Promise.all(Array.from({ length: 50 }, (_, nth) => ledger.append(entry(nth))));
    await ledger.close();
    const text = fs.readFileSync(path.join(folder, 'ledger.jsonl'), 'utf8');
    expect(verifyLedger(text)).toBe(50);
    expect(
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line).time - NOW),
    ).toEqual([...Array(50).keys()]);
  });

  test('has an entry on the disk before it says so', async () => {
    const folder = tempFolder();
    const ledger = open(folder);
    const file = path.join(folder, 'ledger.jsonl');
    const appended = ledger.append(entry(0));
    expect(fs.readFileSync(file, 'utf8')).toBe('');
    await appended;
    expect(verifyLedger(fs.readFileSync(file, 'utf8'))).toBe(1);
    await ledger.close();
  });

  test('is not lost when the host stops in the same moment', async () => {
    const folder = tempFolder();
    const ledger = open(folder);
    const appended = ledger.append(entry(0));
    await ledger.close();
    await appended;
    expect(verifyLedger(fs.readFileSync(path.join(folder, 'ledger.jsonl'), 'utf8'))).toBe(1);
  });

  test('remembers the recent past only, however long it is', async () => {
    const folder = tempFolder();
    const written = open(folder);
    const long = Array.from({ length: 300 }, (_, nth) => ({ ...entry(nth), response: 'A'.repeat(8000) }));
    await Promise.all(long.map((one) => written.append(one)));
    await written.close();
    const ledger = open(folder);
    const remembered = long.filter((one) => ledger.find(one.channel, one.exchangeId) !== undefined);
    expect(remembered.length).toBeGreaterThan(100);
    expect(remembered).toEqual(long.slice(-remembered.length));
    expect(remembered.length).toBeLessThan(130);
    await ledger.append(entry(301));
    await ledger.close();
    expect(verifyLedger(fs.readFileSync(path.join(folder, 'ledger.jsonl'), 'utf8'))).toBe(301);
  });
});

describe('what was done to a ledger is found', () => {
  test('any line that is edited, the last among them', async () => {
    const { text } = await writtenLedger(4);
    const lines = text.split('\n').slice(0, -1);
    for (let nth = 0; nth < lines.length; nth++) {
      const edits = [
        (line: string) => line.replace('"approved"', '"refused"'),
        (line: string) => line.replace(VM, OTHER_VM),
        (line: string) => line.replace('"hresult":0', '"hresult":0 '),
        (line: string) => line.replace(/"digest":"./, '"digest":"'),
        (line: string) => line.replace('{', '{"more":1,'),
      ];
      for (const edit of edits) {
        const edited = lines.map((line, index) => (index === nth ? edit(line) : line)).join('\n');
        const failure = await failureOf(() => verifyLedger(`${edited}\n`));
        expect(failure.code).toBe('file-invalid');
        expect(failure.message).toContain(`line ${nth + 1} `);
      }
    }
  });

  test('any one byte that is changed', async () => {
    const { text } = await writtenLedger(2);
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at++) {
      const edited = Buffer.from(bytes);
      edited[at] = (edited[at] ?? 0) ^ 1;
      expect(
        outcomeOf(() => verifyLedger(edited.toString('utf8'))),
        `byte ${at}`,
      ).toBe('file-invalid');
    }
  });

  test('a line that is taken out, put in or moved', async () => {
    const { text } = await writtenLedger(4);
    const [a, b, c, d] = text.split('\n') as [string, string, string, string];
    for (const lines of [
      [b, c, d],
      [a, c, d],
      [a, b, b, c, d],
      [a, c, b, d],
    ]) {
      expect(outcomeOf(() => verifyLedger(`${lines.join('\n')}\n`))).toBe('file-invalid');
    }
  });

  test('a last line that is cut', async () => {
    const { text } = await writtenLedger(2);
    expect((await failureOf(() => verifyLedger(text.slice(0, -1)))).message).toMatch(/last line/);
  });
});

describe('a ledger that a power cut tore', () => {
  test('keeps its last line aside and goes on behind the one before', async () => {
    const { folder, file, text } = await writtenLedger(3);
    fs.writeFileSync(file, text.slice(0, -10));
    const ledger = open(folder);
    expect(await found(ledger, 3)).toEqual([0, 1]);
    await ledger.append(entry(3));
    await ledger.close();
    expect(verifyLedger(fs.readFileSync(file, 'utf8'))).toBe(3);
    const aside = fs.readdirSync(folder).filter((name) => name.includes('damaged'));
    expect(aside).toHaveLength(1);
    const torn = text.split('\n')[2] ?? '';
    expect(fs.readFileSync(path.join(folder, aside[0] ?? ''), 'utf8')).toBe(torn.slice(0, -9));
  });

  test('in its only line begins anew', async () => {
    const { folder, file, text } = await writtenLedger(1);
    fs.writeFileSync(file, text.slice(0, 100));
    const ledger = open(folder);
    expect(await found(ledger, 1)).toEqual([]);
    await ledger.append(entry(0));
    await ledger.close();
    expect(verifyLedger(fs.readFileSync(file, 'utf8'))).toBe(1);
  });
});

describe('a ledger that cannot be had', () => {
  test('because the folder may not be written: access-denied', async () => {
    const folder = tempFolder();
    fs.chmodSync(folder, 0o555);
    expect((await asUnprivilegedUser(() => failureOf(() => open(folder)))).code).toBe('access-denied');
  });

  test('because a torn line cannot be kept aside: access-denied, and the ledger is as it was', async ({
    skip,
  }) => {
    if (process.geteuid?.() !== 0) skip('needs another user');
    const { folder, file, text } = await writtenLedger(2);
    fs.writeFileSync(file, text.slice(0, -10));
    fs.chmodSync(folder, 0o555);
    fs.chmodSync(file, 0o666);
    expect((await asUnprivilegedUser(() => failureOf(() => open(folder)))).code).toBe('access-denied');
    expect(fs.readFileSync(file, 'utf8')).toBe(text.slice(0, -10));
    await open(folder).close();
  });

  test('because the disk is full: disk-full for those entries, and the next ones find it whole', async ({
    skip,
  }) => {
    const disk = tempFolder();
    if (!mountSmallDisk(disk)) skip('only root can mount a small disk to fill');
    const ledger = open(disk);
    const file = path.join(disk, 'ledger.jsonl');
    await ledger.append(entry(0));
    fs.writeFileSync(path.join(disk, 'filling'), Buffer.alloc(240 * 1024));
    const big = { ...entry(1), response: 'A'.repeat(8000) };
    const failures = await Promise.all(Array.from({ length: 4 }, () => failureOf(ledger.append(big))));
    expect(failures.map(({ code }) => code)).toEqual(['disk-full', 'disk-full', 'disk-full', 'disk-full']);
    fs.rmSync(path.join(disk, 'filling'));
    await ledger.append(entry(2));
    await ledger.close();
    expect(verifyLedger(fs.readFileSync(file, 'utf8'))).toBe(2);
  });

  test('because the disk has become read-only: a clear error, and no host that ends', async ({ skip }) => {
    const disk = tempFolder();
    if (!mountSmallDisk(disk)) skip('only root can mount a disk');
    const ledger = open(disk);
    await ledger.append(entry(0));
    await ledger.close();
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    expect((await failureOf(() => open(disk))).code).toBe('access-denied');
  });

  test('because it has been closed: an error for the entry, and nothing else', async () => {
    const ledger = open(tempFolder());
    await ledger.close();
    expect((await failureOf(ledger.append(entry(0)))).code).toBe('io-error');
  });
});

describe('a ledger that somebody touches while the host runs', () => {
  test.each<[string, (file: string) => void, RegExp]>([
    ['deleted', (file) => fs.rmSync(file), /was deleted/],
    ['renamed, as a log rotation does', (file) => fs.renameSync(file, `${file}.1`), /was deleted/],
    ['cut to nothing', (file) => fs.truncateSync(file, 0), /was cut/],
    [
      'replaced by its own copy',
      (file) => {
        fs.copyFileSync(file, `${file}.copy`);
        fs.renameSync(`${file}.copy`, file);
      },
      /was replaced/,
    ],
    ['written to', (file) => fs.appendFileSync(file, '{}\n'), /was written to by another program/],
  ])('%s: the next entry is in the file that has the name, and it is said', async (_what, touch, message) => {
    const folder = tempFolder();
    const file = path.join(folder, 'ledger.jsonl');
    const told: string[] = [];
    const ledger = open(folder, (sentence) => told.push(sentence));
    await ledger.append(entry(0));
    touch(file);
    await ledger.append(entry(1));
    await ledger.append(entry(2));
    await ledger.close();
    expect(told).toEqual([expect.stringMatching(message)]);
    const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(lines.slice(-2).map((line) => JSON.parse(line).time - NOW)).toEqual([1, 2]);
  });

  test('and whose first entries are gone does not pass for whole', async () => {
    const folder = tempFolder();
    const file = path.join(folder, 'ledger.jsonl');
    const ledger = open(folder);
    await ledger.append(entry(0));
    const lost = fs.readFileSync(file, 'utf8');
    fs.rmSync(file);
    await ledger.append(entry(1));
    await ledger.close();
    const kept = fs.readFileSync(file, 'utf8');
    expect((await failureOf(() => verifyLedger(kept))).message).toMatch(/^line 1 .* removed$/);
    // Nothing else is missing: with what was lost in front of it, the chain holds.
    expect(verifyLedger(lost + kept)).toBe(2);
  });

  test('and that cannot be made again: the entry fails, and a later one is kept', async () => {
    const folder = tempFolder();
    const file = path.join(folder, 'ledger.jsonl');
    const ledger = open(folder);
    await ledger.append(entry(0));
    fs.rmSync(file);
    fs.mkdirSync(file);
    expect((await failureOf(ledger.append(entry(1)))).message).toContain(file);
    fs.rmdirSync(file);
    await ledger.append(entry(2));
    await ledger.close();
    expect(JSON.parse(fs.readFileSync(file, 'utf8')).time).toBe(NOW + 2);
  });
});

test('a ledger that is a link is not written to', async () => {
  const folder = tempFolder();
  const elsewhere = path.join(tempFolder(), 'target');
  fs.symlinkSync(elsewhere, path.join(folder, 'ledger.jsonl'));
  expect((await failureOf(() => open(folder))).code).toBe('file-invalid');
  expect(fs.existsSync(elsewhere)).toBe(false);
});
