import fs from 'node:fs';
import path from 'node:path';
import type { LedgerEntry, LedgerRecord } from '../../src/host/ledger/ledger.ts';
import { composeLine, NO_LINE } from '../../src/host/ledger/ledger-line.ts';
import { DAY } from './clock.ts';

export const PRODUCT = '0b0f1c9e-6a39-4c43-9c7e-0a1f00000001';
export const LICENSE = '00112233445566aa';

/** The VM ID of the nth guest. */
export function guestId(nth: number): string {
  return `00000000-0000-4000-8000-${nth.toString(16).padStart(12, '0')}`;
}

let exchanges = 0;

/** An approval of the nth guest for a week, under the license. */
export function approval(nth: number, time: number, more: Partial<LedgerEntry> = {}): LedgerEntry {
  exchanges += 1;
  return {
    time,
    channel: `unix:/vm/${nth}`,
    exchangeId: exchanges.toString(16).padStart(32, '0'),
    requestDigest: '0'.repeat(64),
    vmId: guestId(nth),
    activationId: PRODUCT,
    decision: 'approved',
    hresult: 0,
    expiresAt: time + 7 * DAY,
    license: LICENSE,
    edition: 'acme-gateway',
    vmIdFrom: 'channel',
    response: 'AAAA',
    ...more,
  };
}

/** A refusal of the nth guest. */
export function refusal(nth: number, time: number, more: Partial<LedgerEntry> = {}): LedgerEntry {
  const { license: _none, ...entry } = approval(nth, time);
  return { ...entry, decision: 'refused', hresult: 1, refusal: 'throttled', expiresAt: time, ...more };
}

/** Writes a ledger of these records into a host's folder, a line each, as the host does; `edit` changes the lines. */
export function writeLedger(
  folder: string,
  records: Iterable<LedgerRecord>,
  edit: (lines: string[]) => string[] = (lines) => lines,
): string {
  let previous = NO_LINE;
  const lines: string[] = [];
  for (const record of records) {
    const { line, digest } = composeLine(record, previous);
    lines.push(line);
    previous = digest;
  }
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'ledger.jsonl');
  fs.writeFileSync(file, edit(lines).join(''));
  return file;
}
