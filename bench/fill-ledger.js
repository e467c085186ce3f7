// A ledger of many guests, as a host of an older version left it: the host that starts on it takes it over.
import { randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { register } from 'node:module';
import path from 'node:path';

register('../scripts/typescript-hooks.js', import.meta.url);

const YEAR_MS = 365 * 86_400_000;
const WEEK_MS = 7 * 86_400_000;
/** Entries that are written at once. */
const PIECE = 5000;

/**
 * Writes a ledger of JSON Lines into a host's folder: an approval for each of so many guests, over the last year.
 *
 * @param certified a certified host that does not serve.
 */
export async function fillLedger({ folder }, entries) {
  const { composeLine, NO_LINE } = await import('../src/host/ledger/ledger-line.ts');
  const fd = fs.openSync(path.join(folder, 'host/ledger.jsonl'), 'wx', 0o600);
  const now = Date.now();
  let previous = NO_LINE;
  let lines = '';
  for (let nth = 0; nth < entries; nth++) {
    const time = Math.floor(now - YEAR_MS + (nth * YEAR_MS) / entries);
    const { line, digest } = composeLine(approval(time), previous);
    previous = digest;
    lines += line;
    if (nth % PIECE < PIECE - 1 && nth < entries - 1) continue;
    fs.writeSync(fd, lines);
    lines = '';
  }
  fs.closeSync(fd);
}

function approval(time) {
  return {
    time,
    channel: 'unix:/run/avma/host.sock',
    exchangeId: randomBytes(16).toString('hex'),
    requestDigest: randomBytes(32).toString('hex'),
    vmId: randomUUID(),
    activationId: 'b2261b65-b18f-5314-9fa2-8ad8aba364cd',
    decision: 'approved',
    hresult: 0,
    expiresAt: time + WEEK_MS,
    edition: 'ServerStandard',
    vmIdFrom: 'label',
    response: 'AAAA',
  };
}
