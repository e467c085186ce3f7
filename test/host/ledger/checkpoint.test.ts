/** What a host signs about the end of its ledger, and what is found of it in files and logs. */
import { expect, test } from 'vitest';
import {
  checkpointKey,
  checkpointLine,
  notesIn,
  readCheckpoint,
  signCheckpoint,
} from '../../../src/host/ledger/checkpoint.ts';
import { generateKeyPair } from '../../../src/protocol/curve-keys.ts';
import { NOW } from '../../support/clock.ts';

const HOST = { hardwareId: '0011-2233-4455-6677', signing: generateKeyPair('ed25519') };
const KEY = checkpointKey(HOST.hardwareId, HOST.signing.publicKey);
const HEAD = { seq: 1234, digest: 'ab'.repeat(32) };

test('a checkpoint says the host, the last record, its digest and the time', () => {
  const note = signCheckpoint(HOST, HEAD, NOW);
  expect(note.split('\n').slice(0, 3)).toEqual(['avma ledger checkpoint v1', HOST.hardwareId, '1234']);
  const claim = { hardwareId: HOST.hardwareId, ...HEAD, time: NOW };
  expect(readCheckpoint(note, [KEY])).toEqual({ kind: 'signed', claim });
});

test('a number, a digest or a host that was changed is found', () => {
  const note = signCheckpoint(HOST, HEAD, NOW);
  for (const [from, to] of [
    ['1234', '1233'],
    ['0011-', '0012-'],
    ['q6ur', 'q6us'],
  ] as const) {
    expect(note).toContain(from);
    expect(readCheckpoint(note.replace(from, to), [KEY]).kind).toBe('changed');
  }
});

test('a host that changed its keys is still known by the old ones', () => {
  const next = generateKeyPair('ed25519');
  const keys = [KEY, checkpointKey(HOST.hardwareId, next.publicKey)];
  const notes = [signCheckpoint(HOST, HEAD, NOW), signCheckpoint({ ...HOST, signing: next }, HEAD, NOW)];
  expect(notes.map((note) => readCheckpoint(note, keys).kind)).toEqual(['signed', 'signed']);
});

test('notes are found in a file of them, and in the lines of a log', () => {
  const notes = [1, 2, 3].map((nth) => signCheckpoint(HOST, { ...HEAD, seq: nth }, NOW + nth));
  expect(notesIn(notes.join('\n'))).toEqual(notes);
  expect(notesIn(notes.join('\r\n').replaceAll('\n', '\r\n').replaceAll('\r\r', '\r'))).toHaveLength(3);
  const log = notes.map((note) => `Nov 24 11:08:00 hv01 avma[4711]: Ledger: ${checkpointLine(note)}.`);
  expect(notesIn(`started\n${log.join('\n')}\nstopped\n`)).toEqual(notes);
  const [first = ''] = notes;
  for (let at = 0; at < first.length - 1; at++) expect(notesIn(first.slice(0, at))).toEqual([]);
  expect(notesIn('nothing at all')).toEqual([]);
});
