import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { AvmaError } from '../../../src/errors/avma-error.ts';
import { jsonLinesSink } from '../../../src/events/sinks/json-lines.ts';
import { packetDigest } from '../../../src/protocol/messages.ts';
import { swapUuidByteOrder } from '../../../src/schema/uuid.ts';
import { sha256Hex } from '../../../src/system/sha256.ts';
import { DAY, NOW } from '../../support/clock.ts';
import { faultIn, rawRequest } from '../../support/raw-request.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { createTestGuest, DATACENTER_2025, OTHER_VM, VM } from '../../support/test-guest.ts';
import { createTestHost, MemoryLedger, SHARED_CHANNEL, WINDOWS_HOST } from '../../support/test-host.ts';

describe('an answer', () => {
  test('says all that the guest verifies', async () => {
    const host = createTestHost({ certificate: { windows: { ...WINDOWS_HOST, licensing: 'OEM' } } });
    const request = rawRequest(host, { guestClock: 12345 });
    expect(request.answerIn(await host.ask(request.frame, SHARED_CHANNEL))).toEqual({
      exchangeId: request.frame.exchangeId,
      requestDigest: packetDigest(request.frame.body),
      vmId: VM,
      activationId: expect.any(String),
      decision: 'approved',
      hresult: 0,
      refusal: null,
      hostName: 'hv01',
      hardwareId: '0123-4567-89AB-CDEF',
      digitalPid2: expect.stringMatching(/^00253-/),
      guestClock: 12345,
      nonce: null,
      license: null,
      conditions: [],
      issuedAt: NOW,
      expiresAt: NOW + 7 * DAY,
      renewAfter: NOW + 3.5 * DAY,
    });
  });

  test('grants no lease beyond the renewal grace of the host certificate', async () => {
    const host = createTestHost({ certificate: { notAfter: NOW + DAY / 2, graceUntil: NOW + DAY } });
    const guest = createTestGuest(host);
    await guest.installKey(DATACENTER_2025.key);
    const { license } = await guest.look(DATACENTER_2025.activationId);
    expect(license).toMatchObject({ status: 1, remainingMinutes: 1440 });
    const request = rawRequest(host);
    expect(request.answerIn(await host.ask(request.frame, SHARED_CHANNEL))).toMatchObject({
      expiresAt: NOW + DAY,
      renewAfter: NOW + DAY / 2,
    });
  });

  test('that refuses is signed just so, and has no lease', async () => {
    const host = createTestHost();
    const request = rawRequest(host, { edition: 'ServerFoundation' });
    expect(request.answerIn(await host.ask(request.frame, SHARED_CHANNEL))).toMatchObject({
      decision: 'refused',
      hresult: 0xc004fd03,
      expiresAt: NOW,
      renewAfter: NOW,
    });
  });

  test('is in the ledger before it leaves', async () => {
    const steps: string[] = [];
    const ledger = new MemoryLedger();
    const append = ledger.append.bind(ledger);
    ledger.append = async (entry, body) => {
      await new Promise((resolve) => setImmediate(resolve));
      const appended = await append(entry, body);
      steps.push('kept');
      return appended;
    };
    const host = createTestHost({ ledger });
    const { frame } = rawRequest(host);
    const answer = await host.ask(frame, SHARED_CHANNEL).finally(() => steps.push('answered'));
    expect(steps).toEqual(['kept', 'answered']);
    expect(ledger.kept).toEqual([
      expect.objectContaining({
        exchangeId: frame.exchangeId,
        channel: SHARED_CHANNEL.name,
        decision: 'approved',
        responseDigest: sha256Hex(answer?.body ?? new Uint8Array()),
      }),
    ]);
  });

  test('is not given when the ledger cannot be written: a fault, no approval, and the next try is a new one', async () => {
    const ledger = new MemoryLedger();
    const append = ledger.append.bind(ledger);
    ledger.append = () => Promise.reject(new AvmaError('disk-full', 'the disk is full'));
    const host = createTestHost({ ledger });
    const request = rawRequest(host);
    expect(faultIn(await host.ask(request.frame, SHARED_CHANNEL)).code).toBe('io-error');
    expect(host.events.last).toMatchObject({ decision: 'fault', code: 'io-error', vmId: VM });
    ledger.append = append;
    const answer = request.answerIn(await host.ask(request.frame, SHARED_CHANNEL));
    expect(answer.decision).toBe('approved');
    expect(host.events.last.repeated).toBe(false);
  });

  test('comes from the certificate that is installed when the request comes', async () => {
    const host = createTestHost({ certificate: { notAfter: NOW + DAY, graceUntil: NOW + DAY } });
    const early = rawRequest(host);
    expect(early.answerIn(await host.ask(early.frame, SHARED_CHANNEL)).decision).toBe('approved');
    host.clock.advance(2 * DAY);
    const late = rawRequest(host);
    expect(late.answerIn(await host.ask(late.frame, SHARED_CHANNEL)).hresult).toBe(0xc004fd02);
  });
});

describe('what no answer can be sealed to is a fault, and an event', () => {
  test('a request sealed to another host: request-unopened', async () => {
    const host = createTestHost();
    const { frame } = rawRequest(createTestHost());
    const fault = faultIn(await host.ask(frame, SHARED_CHANNEL));
    expect(fault).toEqual({
      code: 'request-unopened',
      retryAfter: null,
      supported: {
        versions: [1],
        types: ['hello', 'offer', 'request', 'response', 'fetch', 'part', 'fault'],
      },
    });
    expect(host.events.last).toMatchObject({ decision: 'fault', code: 'request-unopened', vmId: null });
  });

  test.each([
    ['nothing', 0],
    ['too little for a key, a nonce and a tag', 71],
    ['zeros, whose key is of low order', 200],
  ])('%s: request-unopened', async (_name, length) => {
    const host = createTestHost();
    const frame = { type: 'request' as const, exchangeId: 'ab'.repeat(16), body: new Uint8Array(length) };
    expect(faultIn(await host.ask(frame, SHARED_CHANNEL)).code).toBe('request-unopened');
  });

  test("another exchange's request in a frame of this one: request-malformed", async () => {
    const host = createTestHost();
    const { frame } = rawRequest(host);
    const moved = { ...frame, exchangeId: 'ab'.repeat(16) };
    expect(faultIn(await host.ask(moved, SHARED_CHANNEL)).code).toBe('request-malformed');
  });

  test.each([
    ['an edition on two lines', { edition: 'a\nb' }],
    ['a VM ID that is no UUID', { vmId: 'x' }],
    [
      'a machine name of 64 characters',
      { log: { machineName: 'n'.repeat(64), iaid: null, client: 'c', trigger: 'boot' } },
    ],
    ['a clock before 1970', { guestClock: -1 }],
    ['a member that is not known', { more: 1 }],
  ] as const)('%s: request-malformed', async (_name, change) => {
    const host = createTestHost();
    const { frame } = rawRequest(host, change);
    expect(faultIn(await host.ask(frame, SHARED_CHANNEL)).code).toBe('request-malformed');
    expect(host.events.last).toMatchObject({ decision: 'fault', hresult: '0x8007000D' });
  });

  test('a host without a certificate: host-not-activated, to hello and to request', async () => {
    const host = createTestHost({ notActivated: true });
    const hello = { type: 'hello' as const, exchangeId: 'ab'.repeat(16), body: new Uint8Array() };
    expect(faultIn(await host.ask(hello, SHARED_CHANNEL)).code).toBe('host-not-activated');
    expect(faultIn(await host.ask(rawRequest(host).frame, SHARED_CHANNEL)).code).toBe('host-not-activated');
  });

  test('what only hosts say gets no answer at all', async () => {
    const host = createTestHost();
    for (const type of ['offer', 'response', 'fault'] as const) {
      expect(await host.ask({ ...rawRequest(host).frame, type }, SHARED_CHANNEL)).toBeNull();
    }
    expect(host.events.all).toEqual([]);
  });
});

describe('event 12310', () => {
  const ofVm = { name: 'unix:/run/vm.sock', vmId: VM };

  test('names the VM whose channel it is, not whom the guest claims to be', async () => {
    const host = createTestHost();
    await host.ask(rawRequest(host, { vmId: OTHER_VM }).frame, ofVm);
    expect(host.events.last).toMatchObject({
      decision: 'refused',
      code: 'vm-refused',
      hresult: '0xC004FD04',
      vmId: VM,
      vmIdFrom: 'channel',
    });
    expect(host.events.last.message).toContain(OTHER_VM);
  });

  test('is written for a VM that is known by the other byte order of its UUID', async () => {
    const host = createTestHost();
    await host.ask(rawRequest(host, { vmId: swapUuidByteOrder(VM) }).frame, ofVm);
    expect(host.events.last).toMatchObject({ decision: 'approved', vmId: VM, vmIdFrom: 'channel' });
  });

  test('goes as one line of JSON into a file of 0600, with a level that tells failures', async () => {
    const file = path.join(tempFolder(), 'events.jsonl');
    const host = createTestHost();
    await host.ask(rawRequest(host).frame, SHARED_CHANNEL);
    await host.ask(rawRequest(host, { vmId: OTHER_VM }).frame, ofVm);
    const sink = jsonLinesSink(file, () => {});
    for (const event of host.events.all) sink.write(event, NOW);
    const lines = fs
      .readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toMatchObject([
      { time: '2026-06-01T12:00:00.000Z', eventId: 12310, level: 'information', code: 'success' },
      { time: '2026-06-01T12:00:00.000Z', eventId: 12310, level: 'error', code: 'vm-refused' },
    ]);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  });
});

test('a hello is answered with the certificate, and needs no ledger', async () => {
  const ledger = new MemoryLedger();
  const host = createTestHost({ ledger });
  const hello = { type: 'hello' as const, exchangeId: 'ab'.repeat(16), body: new Uint8Array() };
  const offer = await host.ask(hello, SHARED_CHANNEL);
  expect(offer).toEqual({
    type: 'offer',
    exchangeId: hello.exchangeId,
    body: Buffer.from(JSON.stringify({ certificate: host.envelope, documents: [] })),
  });
  expect(ledger.kept).toEqual([]);
});
