/** The ledger in a thread of its own, as the built program has it. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BatchedLedger } from '../../../../src/host/ledger/batched-ledger.ts';
import type { Ledger } from '../../../../src/host/ledger/ledger.ts';
import { useBundles } from '../../../../src/system/worker-bundle.ts';
import { NOW } from '../../../support/clock.ts';
import { failureOf } from '../../../support/failures.ts';
import { approval } from '../../../support/ledger-entries.ts';
import { HOST, ledgerFile, openTestLedger, rowsIn } from '../../../support/open-ledgers.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const DIST = path.resolve(import.meta.dirname, '../../../../dist');
const BODY = Buffer.from('the answer');

/** Has this test find the threads of the built program, or other ones. */
function useBuiltThreads(find = (name: string) => path.join(DIST, name)): void {
  useBundles((name) => ({ file: find(name) }));
  onTestFinished(() => useBundles(() => null));
}

describe('a thread', () => {
  test('passes on what is wrong with the ledger, with what to do', async () => {
    useBuiltThreads();
    const folder = tempFolder();
    await (await openTestLedger(folder)).close();
    const failure = await failureOf(openTestLedger(folder, { host: 'FFFF-FFFF-FFFF-FFFF' }));
    expect(failure).toMatchObject({ code: 'file-invalid', message: expect.stringContaining(HOST) });
    expect(failure.hint).toMatch(/--ledger/);
  });

  test('writes what arrives meanwhile in the next batch, and says what was deleted', async () => {
    useBuiltThreads();
    const folder = tempFolder();
    const batches: number[] = [];
    const told: string[] = [];
    const ledger: Ledger = await openTestLedger(folder, {
      flushed: (entries) => batches.push(entries),
      notify: (sentence) => told.push(sentence),
    });
    expect(ledger).toBeInstanceOf(BatchedLedger);
    const first = ledger.append(approval(0, NOW), BODY);
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all(Array.from({ length: 19 }, (_, nth) => ledger.append(approval(nth, NOW), BODY)));
    expect((await first).seq).toBe(1);
    expect(batches).toEqual([1, 19]);
    fs.rmSync(ledgerFile(folder));
    await ledger.append(approval(1, NOW + 1), BODY);
    expect(told).toEqual([expect.stringMatching(/was deleted/)]);
    expect((await rowsIn(folder)).map(({ seq }) => seq)).toEqual([21]);
  });

  test('that dies fails what waits for it; the next record is written by another one, behind the last', async () => {
    const mortal = path.join(tempFolder(), 'mortal.cjs');
    const dies = "({ request }) => { if (request.do === 'answer') process.exit(1); }";
    const bundle = JSON.stringify(path.join(DIST, 'worker-ledger.cjs'));
    fs.writeFileSync(
      mortal,
      `require('node:worker_threads').parentPort.on('message', ${dies});\nrequire(${bundle});`,
    );
    useBuiltThreads(() => mortal);
    const folder = tempFolder();
    const ledger = await openTestLedger(folder);
    const entry = approval(1, NOW);
    const { digest } = await ledger.append(entry, BODY);
    const found = ledger.find(entry.channel, entry.exchangeId);
    expect((await failureOf(Promise.resolve(found))).code).toBe('io-error');
    expect((await ledger.append(approval(1, NOW + 1), BODY)).seq).toBe(2);
    expect((await rowsIn(folder))[1]?.previous).toBe(digest);
  });
});
