import { describe, expect, test } from 'vitest';
import { AvmaError } from '../../../src/errors/avma-error.ts';
import { MESSAGE_IDS } from '../../../src/events/message-ids.ts';
import { operatorLog } from '../../../src/host/observers/operator-log.ts';
import type { LogAbout } from '../../../src/system/notify.ts';
import { MINUTE } from '../../support/clock.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { OTHER_VM, VM } from '../../support/test-guest.ts';
import { createTestHost, MemoryLedger, SHARED_CHANNEL, WINDOWS_HOST } from '../../support/test-host.ts';

const ofVm = { name: 'unix:/run/vm.sock', vmId: VM };

describe("the operator's log has one line for", () => {
  test('an approval: product, guest, channel, and until when', async () => {
    const host = createTestHost();
    await host.ask(rawRequest(host).frame);
    expect(host.log).toEqual([
      `Approved: Windows(R), ServerStandard edition, version 10.0.26100, for guest01 (VM ${VM}) on ${SHARED_CHANNEL.name} until 2026-06-08 12:00 UTC.`,
    ]);
  });

  test('a refusal, with its reason', async () => {
    const host = createTestHost({ certificate: { windows: { ...WINDOWS_HOST, osVersion: '6.3.9600' } } });
    await host.ask(rawRequest(host).frame, ofVm);
    expect(host.log).toEqual([
      `Refused: Windows(R), ServerStandard edition, version 10.0.26100, for guest01 (VM ${VM}) on ${ofVm.name}: product version 10.0.26100 is newer than this host's 6.3.9600.`,
    ]);
  });

  test('a request that cannot be answered, with its reason', async () => {
    const host = createTestHost();
    await host.ask(rawRequest(createTestHost()).frame, ofVm);
    expect(host.log).toEqual([
      `Failed: a request of VM ${VM} on ${ofVm.name}: it does not open with this host's key.`,
    ]);
  });

  test('a ledger that cannot be written, with the reason behind it', async () => {
    const ledger = new MemoryLedger();
    ledger.append = () => Promise.reject(new AvmaError('disk-full', 'no space left on device'));
    const host = createTestHost({ ledger });
    await host.ask(rawRequest(host).frame);
    expect(host.log).toEqual([
      expect.stringMatching(/the ledger could not be written: no space left on device\.$/),
    ]);
  });

  test('a guest that names another VM on the channel of one', async () => {
    const host = createTestHost();
    await host.ask(rawRequest(host, { vmId: OTHER_VM }).frame, ofVm);
    expect(host.log).toEqual([expect.stringContaining(`the guest calls itself VM ${OTHER_VM}`)]);
  });

  test('none for an answer that is repeated', async () => {
    const host = createTestHost();
    const { frame } = rawRequest(host);
    await host.ask(frame);
    await host.ask(frame);
    expect(host.log).toHaveLength(1);
  });
});

test('a fault of the program is logged with its stack', async () => {
  const ledger = new MemoryLedger();
  ledger.find = () => {
    throw new RangeError('a mistake of ours');
  };
  const host = createTestHost({ ledger });
  const answer = await host.ask(rawRequest(host).frame);
  expect(answer?.type).toBe('fault');
  expect(host.log[0]).toMatch(/a mistake of ours/);
  expect(host.log.slice(1).join('\n')).toMatch(/^ +at .*operator-log\.test\.ts/);
});

test('a flood on one channel does not flood the log, nor hide the other channels', async () => {
  const host = createTestHost();
  for (let nth = 0; nth < 100; nth++) await host.ask(rawRequest(host).frame);
  expect(host.log).toHaveLength(21);
  expect(host.log.at(-1)).toBe(
    `More lines about ${SHARED_CHANNEL.name} are left out until they become fewer; events.jsonl has the details.`,
  );
  await host.ask(rawRequest(host).frame, ofVm);
  expect(host.log.at(-1)).toMatch(/^Approved: .*vm\.sock/);
  host.clock.advance(10 * MINUTE);
  await host.ask(rawRequest(host).frame);
  expect(host.log.at(-1)).toMatch(/^Approved: .* Left out before it: 80 lines about /);
});

test('the journal gets who and what a line is about, and how much it matters', async () => {
  const about: (LogAbout | undefined)[] = [];
  const log = operatorLog(
    (_line, more) => about.push(more),
    () => 0,
  );
  const host = createTestHost();
  const { frame } = rawRequest(host);
  await host.ask(frame, { ...ofVm, domain: 'web01' });
  await host.ask({ ...frame, body: new Uint8Array(200) }, ofVm);
  await host.ask(rawRequest(host, { vmId: OTHER_VM }).frame, ofVm);
  for (const moment of host.moments) log(moment);
  expect(about).toEqual([
    {
      level: 'info',
      fields: {
        MESSAGE_ID: MESSAGE_IDS[12310],
        ...{ AVMA_KIND: 'approved', AVMA_CODE: 'success', AVMA_EXCHANGE: frame.exchangeId },
        ...{ AVMA_VM: VM, AVMA_DOMAIN: 'web01', AVMA_MACHINE: 'guest01', AVMA_CHANNEL: ofVm.name },
        ...{ AVMA_PRODUCT: 'ServerStandard', AVMA_SEQ: '1', AVMA_VERSION: '10.0.26100' },
      },
    },
    { level: 'warning', fields: expect.objectContaining({ AVMA_CODE: 'request-unopened', AVMA_VM: VM }) },
    { level: 'notice', fields: expect.objectContaining({ AVMA_CODE: 'vm-refused', AVMA_KIND: 'refused' }) },
  ]);
});

test('two machines with one VM ID, and a license that is full, are lines too', () => {
  const lines: [string, string | undefined][] = [];
  const observe = operatorLog(
    (line, about) => lines.push([line, about?.level]),
    () => 0,
  );
  const place = { host: null, channel: 'unix:a', domain: null };
  const places = [place, { ...place, host: 'hv02', channel: 'unix:b' }];
  observe({ kind: 'clone-found', vmId: VM, places });
  observe({ kind: 'clone-over', vmId: VM, places: [place] });
  observe({ kind: 'clone-over', vmId: VM, places: [] });
  observe({ kind: 'seats-full', licenseId: '0011223344556677' });
  observe({ kind: 'ledger-flushed', entries: 1, ms: 1 });
  expect(lines).toEqual([
    [`Two machines use the VM ID ${VM}: on unix:a and hv02 unix:b.`, 'warning'],
    [`No two machines use the VM ID ${VM} any more: it is on unix:a.`, 'notice'],
    [`No two machines use the VM ID ${VM} any more.`, 'notice'],
    ['All seats of license 0011223344556677 are taken.', 'warning'],
  ]);
});

test('a channel that is closed is forgotten', () => {
  const lines: string[] = [];
  const observe = operatorLog(
    (line) => lines.push(line),
    () => 0,
  );
  const cut = { kind: 'connection-cut', channel: SHARED_CHANNEL, why: 'noise' } as const;
  for (let nth = 0; nth < 30; nth++) observe(cut);
  observe({ kind: 'channel-closed', channel: SHARED_CHANNEL });
  observe(cut);
  expect(lines).toHaveLength(22);
});
