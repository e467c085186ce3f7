/** How many bytes an hour a hostile guest can force onto the host's disk: measured, and held to what the guide says. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { toRecord } from '../../../src/events/record.ts';
import { listenUnix } from '../../../src/host/endpoints/unix-listener.ts';
import { HOUR, SECOND } from '../../support/clock.ts';
import { guestId } from '../../support/ledger-entries.ts';
import { NO_DEADLINE } from '../../support/no-deadline.ts';
import { ledgerFile, openTestLedger } from '../../support/open-ledgers.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { connectClient } from '../../support/socket-client.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { VM } from '../../support/test-guest.ts';
import { createTestHost } from '../../support/test-host.ts';

/** The longest name of a machine and the longest version that a request may have. */
const LONGEST = {
  version: '9'.repeat(32),
  log: { machineName: '€'.repeat(63), iaid: null, client: 'a test', trigger: 'command' },
};

/** A host with a ledger on the disk, flooded over a socket with requests for products that nobody knows. */
async function flood({ own, requests, everyMs }: { own: boolean; requests: number; everyMs: number }) {
  const folder = tempFolder();
  const ledger = await openTestLedger(folder);
  const host = createTestHost({ ledger });
  const channel = path.join(folder, 's');
  const served = await listenUnix(
    { path: channel, vmId: own ? VM : null, mode: 0o600 },
    { respond: host.respond, observe: host.observe },
    () => {},
  );
  onTestFinished(() => served.close(NO_DEADLINE));
  const client = await connectClient(channel);
  const sizes = () =>
    ['', '-wal']
      .map((end) => fs.statSync(`${ledgerFile(folder)}${end}`, { throwIfNoEntry: false })?.size ?? 0)
      .reduce((sum, size) => sum + size, 0);
  const before = sizes();
  let largest = before;
  let signed = 0;
  for (let nth = 0; nth < requests; nth++) {
    host.clock.advance(everyMs);
    const { bytes } = rawRequest(host, {
      ...LONGEST,
      ...(own ? {} : { vmId: guestId(nth) }),
      activationId: guestId(nth),
    });
    await client.send(bytes);
    if ((await client.next())?.type === 'response') signed += 1;
    if (nth % 50 === 0) largest = Math.max(largest, sizes());
  }
  await ledger.close();
  const events = host.events.all.map((event) => JSON.stringify(toRecord(event, host.clock.wall)).length + 1);
  return {
    signed,
    hours: (requests * everyMs) / HOUR,
    ledgerBytes: sizes() - before,
    largestBytes: largest - before,
    eventBytes: events.reduce((sum, length) => sum + length, 0),
  };
}

/** What one answer takes at most in the ledger and in the events, in bytes: the guide says these figures. */
const LEDGER_BYTES = 1600;
const EVENT_BYTES = 1100;

/** Beside the ledger lies what was written last, until it is taken into it. */
const WAL_BYTES = 16 * 1024 * 1024;

const GUIDE = fs.readFileSync(path.resolve(import.meta.dirname, '../../../docs/host.md'), 'utf8');

test('one VM floods its own channel for a quarter of an hour: 120 answers at once and 120 an hour are all that is kept', async () => {
  const found = await flood({ own: true, requests: 170, everyMs: 5 * SECOND });
  const answers = 120 + Math.ceil(120 * found.hours);
  expect(found.signed).toBeGreaterThan(answers - 5);
  expect(found.signed).toBeLessThanOrEqual(answers);
  expect(found.ledgerBytes).toBeLessThan(answers * LEDGER_BYTES);
  expect(found.eventBytes).toBeLessThan(answers * EVENT_BYTES);
  expect(found.largestBytes).toBeLessThan(answers * LEDGER_BYTES + WAL_BYTES);
  expect(GUIDE).toContain('1.6 kB of ledger and 1.1 kB of events');
});

/** Its 600 answers are all signed. */
test.skipIf(process.env.AVMA_TEST_VM !== 'required')(
  'with AVMA_TEST_VM=required, a shared socket that is flooded: 600 refusals at once',
  async () => {
    const found = await flood({ own: false, requests: 630, everyMs: SECOND / 10 });
    const answers = 600 + Math.ceil(600 * found.hours);
    expect(found.signed).toBeLessThanOrEqual(answers);
    expect(found.ledgerBytes).toBeLessThan(answers * LEDGER_BYTES);
    expect(found.eventBytes).toBeLessThan(answers * EVENT_BYTES);
  },
);
