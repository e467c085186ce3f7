/** When a host signs where its ledger stands, and where the notes go. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  checkpointKey,
  notesIn,
  readCheckpoint,
  signCheckpoint,
} from '../../../src/host/ledger/checkpoint.ts';
import {
  CHECKPOINT_FILE,
  storedNotes,
  storeNote,
  thinned,
} from '../../../src/host/ledger/checkpoint-file.ts';
import { type KeptCheckpoint, keepCheckpoints } from '../../../src/host/ledger/keep-checkpoints.ts';
import { generateKeyPair } from '../../../src/protocol/curve-keys.ts';
import { DAY, HOUR, MINUTE, NOW, SECOND } from '../../support/clock.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const HOST = { hardwareId: '0011-2233-4455-6677', signing: generateKeyPair('ed25519') };
const KEYS = [checkpointKey(HOST.hardwareId, HOST.signing.publicKey)];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A ledger whose head is moved by the test, kept by a host in a new folder. */
function kept(seq = 1, folder = tempFolder()) {
  const head = { seq, digest: seq.toString(16).padStart(64, '0') };
  const saved: KeptCheckpoint[] = [];
  const said: string[] = [];
  let elapsed = 0;
  let failure: Error | undefined;
  let isWell = true;
  let tries = 0;
  const keeper = keepCheckpoints({
    ledger: {
      head: () => head,
      health: () => ({ ok: isWell }),
      async saveCheckpoint(checkpoint) {
        tries += 1;
        if (failure !== undefined) throw failure;
        saved.push(checkpoint);
        isWell = true;
      },
    },
    folder,
    hardwareId: HOST.hardwareId,
    signing: () => HOST.signing,
    keys: () => [HOST.signing],
    clocks: { wall: () => NOW + elapsed, elapsed: () => elapsed },
    notify: (sentence) => said.push(sentence),
  });
  return {
    ...{ keeper, folder, saved, said, tries: () => tries },
    grow(records: number) {
      head.seq += records;
      head.digest = head.seq.toString(16).padStart(64, '0');
    },
    async pass(milliseconds: number) {
      for (let left = milliseconds; left > 0; left -= SECOND) {
        elapsed += SECOND;
        await vi.advanceTimersByTimeAsync(SECOND);
      }
    },
    fail(thrown: Error | undefined) {
      failure = thrown;
    },
    /** A batch has failed. */
    failLedger() {
      isWell = false;
    },
  };
}

const seqs = (checkpoints: readonly KeptCheckpoint[]) => checkpoints.map(({ seq }) => seq);

test('one at the start, one in ten seconds while there is news, one at the stop', async () => {
  const { keeper, saved, folder, grow, pass } = kept();
  await pass(3 * SECOND);
  expect(seqs(saved)).toEqual([1]);
  grow(5);
  await pass(5 * SECOND);
  expect(seqs(saved)).toEqual([1]);
  await pass(5 * SECOND);
  expect(seqs(saved)).toEqual([1, 6]);
  await pass(10 * MINUTE);
  expect(seqs(saved)).toEqual([1, 6]);
  grow(1);
  await keeper.stop();
  expect(seqs(saved)).toEqual([1, 6, 7]);
  expect(storedNotes(folder)).toEqual(saved.map(({ note }) => note));
  expect(saved.map(({ note }) => readCheckpoint(note, KEYS).kind)).toEqual(['signed', 'signed', 'signed']);
  expect(fs.statSync(path.join(folder, CHECKPOINT_FILE)).mode & 0o777).toBe(0o600);
});

test('under load one after a thousand records, and not more than one a second', async () => {
  const { saved, grow, pass } = kept();
  await pass(SECOND);
  for (let nth = 0; nth < 5; nth++) {
    grow(3000);
    await pass(SECOND);
  }
  expect(seqs(saved)).toEqual([1, 3001, 6001, 9001, 12_001, 15_001]);
  grow(999);
  await pass(SECOND);
  expect(saved).toHaveLength(6);
});

test('the log has one at the start, one an hour, and one at the stop, which are read again', async () => {
  const { keeper, said, saved, grow, pass } = kept();
  for (let nth = 0; nth < 150; nth++) {
    grow(1);
    await pass(MINUTE);
  }
  await keeper.stop();
  expect(said).toHaveLength(4);
  const notes = notesIn(said.join('\n'));
  expect(notes[0]).toBe(saved[0]?.note);
  expect(notes.at(-1)).toBe(saved.at(-1)?.note);
});

test('a ledger that does not take one is said once, and the file has it', async () => {
  const { saved, said, folder, fail, grow, pass } = kept();
  await pass(SECOND);
  fail(new Error('gone'));
  grow(1);
  await pass(MINUTE);
  grow(1);
  await pass(MINUTE);
  expect(said.filter((line) => line.includes('is not kept'))).toHaveLength(1);
  fail(undefined);
  grow(1);
  await pass(MINUTE);
  expect(seqs(saved)).toEqual([1, 4]);
  expect(storedNotes(folder)).toHaveLength(4);
});

test('a ledger that fails is tried every ten seconds with its last checkpoint, until it is well', async () => {
  const { saved, said, folder, fail, failLedger, pass, tries } = kept();
  await pass(MINUTE);
  expect(tries()).toBe(1);
  fail(new Error('full'));
  failLedger();
  await pass(9 * SECOND);
  expect(tries()).toBe(1);
  await pass(51 * SECOND);
  expect(tries()).toBe(7);
  fail(undefined);
  await pass(10 * SECOND);
  expect(seqs(saved)).toEqual([1, 1]);
  await pass(HOUR);
  expect(tries()).toBe(8);
  expect(said).toHaveLength(1);
  expect(storedNotes(folder)).toHaveLength(1);
});

test('a ledger that fails before its first record has nothing to be tried with', async () => {
  const { failLedger, pass, tries } = kept(0);
  failLedger();
  await pass(MINUTE);
  expect(tries()).toBe(0);
});

test('a host that starts with fewer records than it signed for says so', async () => {
  const folder = tempFolder();
  storeNote(folder, signCheckpoint(HOST, { seq: 30, digest: 'ab'.repeat(32) }, NOW));
  expect(kept(20, folder).said[0]).toMatch(/^The last 10 records of the ledger are missing, or more/);
  expect(kept(30, folder).said[0]).toMatch(/^The last record of the ledger is not the one that was there/);
  expect(kept(31, folder).said).toEqual([]);
});

test('a ledger in a database that is reached later is compared then', async () => {
  const folder = tempFolder();
  storeNote(folder, signCheckpoint(HOST, { seq: 30, digest: 'ab'.repeat(32) }, NOW));
  const { said, grow, pass } = kept(0, folder);
  await pass(10 * SECOND);
  expect(said).toEqual([]);
  grow(20);
  await pass(SECOND);
  expect(said[0]).toMatch(/^The last 10 records of the ledger are missing, or more/);
});

test('what a power cut left of a note is passed over, and spoils no other', () => {
  const folder = tempFolder();
  const notes = [1, 2, 3].map((seq) => signCheckpoint(HOST, { seq, digest: 'ab'.repeat(32) }, NOW + seq));
  storeNote(folder, notes[0] ?? '');
  fs.appendFileSync(path.join(folder, CHECKPOINT_FILE), notes[1]?.slice(0, 60) ?? '');
  expect(storedNotes(folder)).toEqual([notes[0]]);
  storeNote(folder, notes[2] ?? '');
  expect(storedNotes(folder)).toEqual([notes[0], notes[2]]);
});

test('old notes are thinned out to the last of each day, and the file stays small', () => {
  const note = (nth: number) =>
    signCheckpoint(HOST, { seq: nth + 1, digest: 'ab'.repeat(32) }, NOW + nth * HOUR);
  const notes = Array.from({ length: 800 }, (_, nth) => note(nth));
  const left = thinned(notes);
  expect(left.slice(-100)).toEqual(notes.slice(-100));
  const days = left.slice(0, -100).map((one) => one.split('\n')[4]?.slice(0, 10));
  expect(new Set(days).size).toBe(days.length);
  expect(days).toHaveLength(Math.ceil((700 * HOUR) / DAY));
  expect(thinned(left)).toEqual(left);
  const folder = tempFolder();
  fs.writeFileSync(path.join(folder, CHECKPOINT_FILE), notes.concat(notes).join('\n'));
  storeNote(folder, note(800));
  expect(storedNotes(folder).length).toBeLessThan(140);
});
