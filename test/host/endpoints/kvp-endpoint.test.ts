/** A host that can see a guest's Hyper-V pool files answers in them; real files, a real guest's pipe. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { serveKvpPools } from '../../../src/host/endpoints/kvp-endpoint.ts';
import { openPipe } from '../../../src/pipe/pipe-uri.ts';
import { encodeFrame, parseLine } from '../../../src/protocol/frame.ts';
import { HANG_MS } from '../../support/hang.ts';
import { NO_DEADLINE } from '../../support/no-deadline.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';

const EXCHANGE = '00112233445566778899aabbccddeeff';
const VM = '6f2a1d3c-1111-4222-8333-abcdefabcdef';
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

test('a frame is answered, and the channel is the VM that the folder belongs to', async () => {
  const folder = tempFolder();
  for (const pool of [0, 1]) fs.writeFileSync(`${folder}/.kvp_pool_${pool}`, '');
  const channels: unknown[] = [];
  const served = serveKvpPools(
    folder,
    VM,
    async (line, channel) => {
      channels.push(channel);
      if (line.kind !== 'frame') return null;
      return { type: 'offer', exchangeId: line.frame.exchangeId, body: Buffer.from('{}') };
    },
    () => {},
  );
  const pipe = await openPipe(`kvp:${folder}`);
  closing.push(
    () => pipe.close(),
    () => served.close(NO_DEADLINE),
  );
  const hello = encodeFrame({ type: 'hello', exchangeId: EXCHANGE, body: new Uint8Array() });
  const answer = await pipe.exchange(hello, { signal: AbortSignal.timeout(HANG_MS) });
  expect(parseLine(Buffer.from(answer).toString('latin1'))).toMatchObject({
    kind: 'frame',
    frame: { type: 'offer', exchangeId: EXCHANGE },
  });
  expect(channels).toEqual([{ name: `kvp:${folder}`, vmId: VM }]);
});

test('a folder that cannot be used is told once', async () => {
  const told: string[] = [];
  const file = import.meta.filename;
  const looks = countReadsIn(file);
  const served = serveKvpPools(
    file,
    null,
    async () => null,
    (sentence) => told.push(sentence),
  );
  closing.push(() => served.close(NO_DEADLINE));
  await until('it has looked several times', () => looks() >= 4);
  expect(told).toHaveLength(1);
  expect(told[0]).toContain(`kvp:${file} cannot be served: `);
});

test('a pool that is a pipe, or longer than any pool, is told once and keeps nothing waiting', async () => {
  const folder = tempFolder();
  const pool = `${folder}/.kvp_pool_1`;
  execFileSync('mkfifo', [pool]);
  const told: string[] = [];
  const looks = countReadsIn(folder);
  const served = serveKvpPools(
    folder,
    null,
    async () => null,
    (sentence) => told.push(sentence),
  );
  closing.push(() => served.close(NO_DEADLINE));
  await until('it has looked several times', () => looks() >= 4);
  expect(told).toEqual([expect.stringContaining('.kvp_pool_1 is a pipe, not a plain file')]);
  fs.rmSync(pool);
  // A gigabyte that takes no room on the disk.
  fs.writeFileSync(pool, '');
  fs.truncateSync(pool, 1024 ** 3);
  await until('it is told', () => told.length > 1);
  expect(told[1]).toMatch(/has more than \d+ bytes/);
});

/** Counts how often a file of the folder is read from now on, until the test has finished. */
function countReadsIn(folder: string): () => number {
  const open = vi.spyOn(fs, 'openSync');
  // Without this, modules that import the function by its name would go on calling the real one.
  syncBuiltinESMExports();
  onTestFinished(() => {
    open.mockRestore();
    syncBuiltinESMExports();
  });
  return () => open.mock.calls.filter(([file]) => String(file).startsWith(`${folder}/`)).length;
}
