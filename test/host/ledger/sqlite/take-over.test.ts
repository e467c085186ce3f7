/** A ledger of JSON Lines becomes the database at the first start: whole, once, and with what was wrong in it. */
import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { LedgerRecord } from '../../../../src/host/ledger/ledger.ts';
import { loadSqlite } from '../../../../src/host/ledger/sqlite/sqlite-file.ts';
import { importInto } from '../../../../src/host/ledger/sqlite/take-over.ts';
import { HOUR, NOW } from '../../../support/clock.ts';
import { failureOf } from '../../../support/failures.ts';
import { approval, guestId, refusal, writeLedger } from '../../../support/ledger-entries.ts';
import { HOST, ledgerFile, openTestLedger, rowsIn, withLedger } from '../../../support/open-ledgers.ts';
import { mountSmallDisk } from '../../../support/restrictions.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

function records(count: number): LedgerRecord[] {
  const entries = Array.from({ length: count - 1 }, (_, nth) => approval(nth % 5, NOW + nth));
  return [{ time: NOW, mark: 'started' }, ...entries];
}

/** A host's folder with a ledger of JSON Lines, and its lines without newlines. */
function oldLedger(count: number, edit?: (lines: string[]) => string[]) {
  const folder = tempFolder();
  const file = writeLedger(folder, records(count), edit);
  return { folder, file, lines: fs.readFileSync(file, 'utf8').trimEnd().split('\n') };
}

const textsIn = async (folder: string) => (await rowsIn(folder)).map(({ text }) => text);

/** The mark that a takeover leaves behind the lines that it took. */
async function takenOver(folder: string) {
  const line = (await textsIn(folder)).find((text) => text.includes('"mark":"taken-over"'));
  const { records, damaged } = JSON.parse(line ?? '{}');
  return { records, damaged };
}

describe('a ledger of JSON Lines', () => {
  test('is there line by line, with its guests, and the host goes on behind it', async () => {
    const { folder, lines } = oldLedger(12);
    const told: string[] = [];
    const ledger = await openTestLedger(folder, { notify: (line) => told.push(line) });
    expect(told.at(-1)).toMatch(/^12 records of .*ledger\.jsonl were taken over\. It is whole\.$/);
    await ledger.mark({ time: NOW + HOUR, mark: 'started' });
    const rows = await rowsIn(folder);
    expect(rows.slice(0, 12).map(({ text }) => text)).toEqual(lines);
    expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 14 }, (_, nth) => nth + 1));
    for (const [index, row] of rows.entries()) {
      expect(row.previous).toBe(rows[index - 1]?.digest ?? '0'.repeat(64));
    }
    expect(await takenOver(folder)).toEqual({ records: 12, damaged: null });
    const guests = await withLedger(folder, (reader) => reader.guests());
    expect(guests.map(({ vmId, approvals }) => [vmId, approvals])).toEqual(
      [3, 2, 2, 2, 2].map((approvals, nth) => [guestId(nth), approvals]),
    );
  });

  test('is put aside under another name, and not taken over again', async () => {
    const { folder } = oldLedger(3);
    await (await openTestLedger(folder)).close();
    expect(fs.readdirSync(folder).filter((name) => name.includes('jsonl'))).toEqual([
      'ledger.jsonl.taken-over',
    ]);
    const told: string[] = [];
    await openTestLedger(folder, { notify: (line) => told.push(line) });
    expect(told).toEqual([]);
    expect(await rowsIn(folder)).toHaveLength(4);
  });

  test('in the parts of a rotation, packed ones too, is taken over in order', async () => {
    const { folder, file, lines } = oldLedger(9);
    const text = (from: number, to: number) =>
      lines
        .slice(from, to)
        .map((line) => `${line}\n`)
        .join('');
    fs.writeFileSync(`${file}.2.gz`, gzipSync(text(0, 3)));
    fs.writeFileSync(`${file}.1`, text(3, 6));
    fs.writeFileSync(file, text(6, 9));
    await (await openTestLedger(folder)).close();
    expect((await textsIn(folder)).slice(0, 9)).toEqual(lines);
    expect(await takenOver(folder)).toEqual({ records: 9, damaged: null });
    expect(
      fs
        .readdirSync(folder)
        .filter((name) => name.includes('jsonl'))
        .sort(),
    ).toEqual(['ledger.jsonl.1.taken-over', 'ledger.jsonl.2.gz.taken-over', 'ledger.jsonl.taken-over']);
  });

  test('leaves a part alone to which nothing links, and says so', async () => {
    const { folder, file } = oldLedger(4);
    const other = writeLedger(tempFolder(), records(7));
    fs.writeFileSync(`${file}.1.gz`, gzipSync(fs.readFileSync(other)));
    const told: string[] = [];
    await openTestLedger(folder, { notify: (line) => told.push(line) });
    expect(await takenOver(folder)).toEqual({ records: 4, damaged: null });
    expect(fs.readdirSync(folder).filter((name) => name.includes('jsonl'))).toEqual([
      'ledger.jsonl.1.gz',
      'ledger.jsonl.taken-over',
    ]);
    expect(told.at(-1)).toMatch(/ledger\.jsonl\.1\.gz was not taken over: .*backups/);
  });

  test.each<[string, (lines: string[]) => string[], number, number]>([
    [
      'a line that was changed',
      (lines) => lines.map((l, n) => (n === 3 ? l.replace('approved', 'refused') : l)),
      4,
      8,
    ],
    ['a line that is missing', (lines) => lines.filter((_, nth) => nth !== 3), 4, 7],
    ['noise', (lines) => lines.map((line, nth) => (nth === 5 ? 'n\0ise\n' : line)), 6, 8],
    ['its first lines missing', (lines) => lines.slice(2), 1, 6],
  ])(
    'with %s is taken over all the same, byte by byte, and the mark says which is the first',
    async (_what, edit, damaged, count) => {
      const { folder, lines } = oldLedger(8, edit);
      const told: string[] = [];
      await openTestLedger(folder, { notify: (line) => told.push(line) });
      expect((await textsIn(folder)).slice(0, -1)).toEqual(lines);
      expect(await takenOver(folder)).toEqual({ records: count, damaged });
      expect(told.at(-1)).toContain(`Line ${damaged} is the first`);
    },
  );

  test('with an unfinished last line loses that line, for which nobody got an answer', async () => {
    const { folder, file, lines } = oldLedger(4);
    fs.appendFileSync(file, lines[3]?.slice(0, 40) ?? '');
    await (await openTestLedger(folder)).close();
    expect(await takenOver(folder)).toEqual({ records: 4, damaged: null });
  });

  test('that holds refusals of before has them counted', async () => {
    const folder = tempFolder();
    const { refusal: _none, ...old } = refusal(1, NOW);
    writeLedger(folder, [old, refusal(1, NOW + 1)]);
    await openTestLedger(folder);
    const counts = await withLedger(folder, (reader) => reader.counts(NOW));
    expect(counts.map(({ code, count }) => `${code} ${count}`).sort()).toEqual(['refused 1', 'throttled 1']);
  });
});

describe('a takeover', () => {
  test('that was interrupted is done again from the beginning', async () => {
    const { folder, lines } = oldLedger(6);
    fs.writeFileSync(`${ledgerFile(folder)}.taking-over`, 'half a database');
    await openTestLedger(folder);
    expect((await textsIn(folder)).slice(0, 6)).toEqual(lines);
    expect(fs.existsSync(`${ledgerFile(folder)}.taking-over`)).toBe(false);
  });

  test('that ended before the files were renamed is finished, and takes nothing twice', async () => {
    const { folder, lines } = oldLedger(6);
    await importInto({
      folder,
      file: ledgerFile(folder),
      host: HOST,
      open: await loadSqlite(),
      now: () => NOW,
    });
    await openTestLedger(folder);
    expect((await textsIn(folder)).slice(0, -1)).toEqual(lines);
    expect(fs.existsSync(path.join(folder, 'ledger.jsonl'))).toBe(false);
  });

  test('never adds to a ledger that has records: an older avma ran in between, and it is said', async () => {
    const folder = tempFolder();
    const ledger = await openTestLedger(folder);
    await ledger.mark({ time: NOW, mark: 'started' });
    await ledger.close();
    writeLedger(folder, records(3));
    const told: string[] = [];
    await openTestLedger(folder, { notify: (line) => told.push(line) });
    expect(told).toEqual([expect.stringMatching(/ledger\.jsonl is left alone/)]);
    expect(await rowsIn(folder)).toHaveLength(1);
    expect(fs.existsSync(path.join(folder, 'ledger.jsonl'))).toBe(true);
  });

  test('that an older avma began after a takeover stays where it is, and the first one too', async () => {
    const { folder, lines } = oldLedger(3);
    await (await openTestLedger(folder)).close();
    const later = writeLedger(folder, records(2));
    const told: string[] = [];
    await openTestLedger(folder, { notify: (line) => told.push(line) });
    expect(told).toEqual([expect.stringMatching(/ledger\.jsonl is left alone/)]);
    expect(fs.existsSync(later)).toBe(true);
    const aside = fs.readFileSync(path.join(folder, 'ledger.jsonl.taken-over'), 'utf8');
    expect(aside.trimEnd().split('\n')).toEqual(lines);
  });

  test('for which there is no space leaves all as it was: disk-full', async ({ skip }) => {
    const { file, lines } = oldLedger(400);
    const disk = tempFolder();
    if (!mountSmallDisk(disk, '512k')) skip('only root can mount a small disk to fill');
    fs.copyFileSync(file, path.join(disk, 'ledger.jsonl'));
    expect((await failureOf(openTestLedger(disk))).code).toBe('disk-full');
    expect(fs.readdirSync(disk)).toEqual(['ledger.jsonl']);
    expect(fs.readFileSync(path.join(disk, 'ledger.jsonl'), 'utf8').trimEnd().split('\n')).toEqual(lines);
  });

  test('of a packed part that is damaged waits until it is repaired: file-invalid', async () => {
    const { folder, file, lines } = oldLedger(4);
    fs.writeFileSync(file, `${lines.slice(2).join('\n')}\n`);
    fs.writeFileSync(`${file}.1.gz`, 'no gzip');
    expect((await failureOf(openTestLedger(folder))).code).toBe('file-invalid');
    fs.writeFileSync(`${file}.1.gz`, gzipSync(`${lines.slice(0, 2).join('\n')}\n`));
    await openTestLedger(folder);
    expect((await textsIn(folder)).slice(0, 4)).toEqual(lines);
  });
});
