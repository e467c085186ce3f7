/** What `avma host status` warns of besides certificates and licenses. */
import { describe, expect, test } from 'vitest';
import { signCheckpoint } from '../../../src/host/ledger/checkpoint.ts';
import { storeNote } from '../../../src/host/ledger/checkpoint-file.ts';
import { missingRecords } from '../../../src/host/status/missing-records.ts';
import { hostStatusOf } from '../../../src/host/status/status-of.ts';
import { generateKeyPair } from '../../../src/protocol/curve-keys.ts';
import { NOW } from '../../support/clock.ts';
import { hostHolding, TEST_HOST } from '../../support/host-documents.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const { holdings } = hostHolding();

describe('records that are missing', () => {
  const noteOf = (seq: number, host = TEST_HOST) =>
    signCheckpoint(host, { seq, digest: 'a'.repeat(64) }, NOW + seq);
  const folderWith = (...notes: readonly string[]) => {
    const folder = tempFolder();
    for (const note of notes) storeNote(folder, note);
    return folder;
  };

  test('are those up to the last one that a checkpoint names, also where others were signed since', () => {
    const folder = folderWith(noteOf(10), noteOf(12), noteOf(9));
    expect(missingRecords(folder, holdings, 9)).toEqual([
      expect.stringMatching(/^the last 3 records .* ends with record 9, .* checkpoint of record 12\./),
    ]);
    expect(missingRecords(folder, holdings, 11)).toEqual([
      expect.stringMatching(/^the last record .* is missing/),
    ]);
  });

  test('are none in a whole ledger, nor by the word of somebody else', () => {
    expect(missingRecords(tempFolder(), holdings, 0)).toEqual([]);
    const stranger = { ...TEST_HOST, signing: generateKeyPair('ed25519') };
    expect(missingRecords(folderWith(noteOf(12), noteOf(99, stranger)), holdings, 12)).toEqual([]);
  });
});

describe('endpoints', () => {
  const warnings = (channels: { open: number; named: number; domains: number } | null) =>
    hostStatusOf({
      ...{ now: NOW, from: 'host', version: '1', folder: '/f', holdings, channels },
      ...{ problems: [], warnings: [], serving: { state: 'running', record: null } },
      ...{ ledger: null, tally: null, present: null, seatsOf: null, decisions: null },
      ...{ lastError: null, lastReport: null },
    }).warnings;

  test('of which a running host has none', () => {
    expect(warnings({ open: 0, named: 0, domains: 0 })).toEqual([
      expect.stringMatching(/^no endpoint is served, so no guest can ask/),
    ]);
    expect(warnings({ open: 0, named: 0, domains: 1 })).toEqual([]);
    expect(warnings(null)).toEqual([]);
  });
});
