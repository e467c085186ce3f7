import { describe, expect, test } from 'vitest';
import { AvmaError } from '../../../src/errors/avma-error.ts';
import { Throttle } from '../../../src/host/answering/throttle.ts';
import type { Ledger } from '../../../src/host/ledger/ledger.ts';
import { MINUTE } from '../../support/clock.ts';
import { openTestLedger } from '../../support/open-ledgers.ts';
import { faultIn, rawRequest } from '../../support/raw-request.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import {
  createTestHost,
  MemoryLedger,
  SHARED_CHANNEL,
  type TestHost,
  WINDOWS_HOST,
} from '../../support/test-host.ts';

const OTHER_CHANNEL = { name: 'unix:/run/other.sock', vmId: null };

/** The same host over a ledger that was opened again. */
function restart({ vendor, identity, clock }: TestHost, ledger: Ledger): TestHost {
  return createTestHost({ vendor, identity, clock, ledger });
}

describe('a repeated exchange', () => {
  test('gets the very same answer to the same bytes, even while the first is still being kept', async () => {
    const ledger = new MemoryLedger();
    const host = createTestHost({ ledger });
    const { frame } = rawRequest(host);
    const [first, meanwhile] = await Promise.all([
      host.ask(frame, SHARED_CHANNEL),
      host.ask(frame, SHARED_CHANNEL),
    ]);
    host.clock.advance(MINUTE);
    const later = await host.ask(frame, SHARED_CHANNEL);
    expect(meanwhile).toEqual(first);
    expect(later).toEqual(first);
    expect(ledger.kept).toHaveLength(1);
    expect(host.events.all.map(({ decision, code, repeated }) => ({ decision, code, repeated }))).toEqual([
      { decision: 'approved', code: 'success', repeated: false },
      { decision: 'approved', code: 'success', repeated: true },
      { decision: 'approved', code: 'success', repeated: true },
    ]);
  });

  test('of a refusal is logged as the refusal that it was', async () => {
    const host = createTestHost({ certificate: { windows: { ...WINDOWS_HOST, edition: 'ServerStandard' } } });
    const { frame } = rawRequest(host);
    await host.ask(frame, SHARED_CHANNEL);
    await host.ask(frame, SHARED_CHANNEL);
    expect(host.events.last).toMatchObject({
      decision: 'refused',
      code: 'host-not-datacenter',
      hresult: '0xC004FD02',
      repeated: true,
    });
  });

  test('with other bytes is refused, and the first answer stays', async () => {
    const host = createTestHost();
    const first = rawRequest(host);
    const second = rawRequest(host, {}, first.frame.exchangeId);
    const answered = await host.ask(first.frame, SHARED_CHANNEL);
    const refusal = second.answerIn(await host.ask(second.frame, SHARED_CHANNEL));
    expect(refusal).toMatchObject({ decision: 'refused', hresult: 0x8007000d });
    expect(host.events.last).toMatchObject({ decision: 'refused', code: 'exchange-reused' });
    expect(await host.ask(first.frame, SHARED_CHANNEL)).toEqual(answered);
  });

  test('with other bytes, while the ledger fails, does not make the host forget the first', async () => {
    const ledger = new MemoryLedger();
    const host = createTestHost({ ledger });
    const first = rawRequest(host);
    const answered = await host.ask(first.frame, SHARED_CHANNEL);
    ledger.append = () => Promise.reject(new AvmaError('disk-full', 'the disk is full'));
    const second = rawRequest(host, {}, first.frame.exchangeId);
    expect(faultIn(await host.ask(second.frame, SHARED_CHANNEL)).code).toBe('io-error');
    expect(await host.ask(first.frame, SHARED_CHANNEL)).toEqual(answered);
  });

  test('from another channel is a different exchange', async () => {
    const host = createTestHost();
    const { frame, answerIn } = rawRequest(host);
    const first = await host.ask(frame, SHARED_CHANNEL);
    const elsewhere = await host.ask(frame, OTHER_CHANNEL);
    expect(elsewhere).not.toEqual(first);
    expect(answerIn(elsewhere).decision).toBe('approved');
    expect(host.events.last.repeated).toBe(false);
  });

  test('is known after a restart, with what was answered to which bytes', async () => {
    const folder = tempFolder();
    const before = await openTestLedger(folder);
    const host = createTestHost({ ledger: before });
    const first = rawRequest(host);
    const second = rawRequest(host, {}, first.frame.exchangeId);
    const answered = await host.ask(first.frame, SHARED_CHANNEL);
    await host.ask(second.frame, SHARED_CHANNEL);
    await before.close();

    const after = await openTestLedger(folder);
    const restarted = restart(host, after);
    const again = await restarted.ask(first.frame, SHARED_CHANNEL);
    expect(Buffer.from(again?.body ?? [])).toEqual(Buffer.from(answered?.body ?? []));
    expect(restarted.events.last).toMatchObject({ decision: 'approved', code: 'success', repeated: true });
    const refusal = await restarted.ask(second.frame, SHARED_CHANNEL);
    expect(second.answerIn(refusal).hresult).toBe(0x8007000d);
  });

  test('of a refusal is decided anew after a restart', async () => {
    const folder = tempFolder();
    const before = await openTestLedger(folder);
    const tooNew = { windows: { ...WINDOWS_HOST, osVersion: '10.0.20348' } };
    const host = createTestHost({ ledger: before, certificate: tooNew });
    const { frame } = rawRequest(host, { version: '10.0.26100' });
    await host.ask(frame, SHARED_CHANNEL);
    await before.close();
    const restarted = createTestHost({ ...host, certificate: tooNew, ledger: await openTestLedger(folder) });
    await restarted.ask(frame, SHARED_CHANNEL);
    expect(restarted.events.last).toMatchObject({ code: 'version-too-new', repeated: false });
  });
});

describe('the throttle', () => {
  test('refuses under seal, then drops unopened, then lets in again', async () => {
    const host = createTestHost({ throttle: { burst: 2, windowMs: MINUTE } });
    const ask = async () => {
      const request = rawRequest(host);
      const answer = await host.ask(request.frame, SHARED_CHANNEL);
      return answer?.type === 'fault' ? faultIn(answer).code : request.answerIn(answer).hresult;
    };
    expect([await ask(), await ask(), await ask(), await ask(), await ask()]).toEqual([
      0,
      0,
      0xc004fd00,
      'throttled',
      'throttled',
    ]);
    host.clock.advance(2 * MINUTE);
    expect(await ask()).toBe(0);
  });

  test('of one channel leaves the others alone', async () => {
    const host = createTestHost({ throttle: { burst: 1, windowMs: MINUTE } });
    await host.ask(rawRequest(host).frame, SHARED_CHANNEL);
    await host.ask(rawRequest(host).frame, SHARED_CHANNEL);
    const request = rawRequest(host);
    expect(request.answerIn(await host.ask(request.frame, OTHER_CHANNEL)).decision).toBe('approved');
  });

  test('counts repeated exchanges too, and what it drops fills no event log', async () => {
    const host = createTestHost({ throttle: { burst: 3, windowMs: MINUTE } });
    const { frame } = rawRequest(host);
    for (let nth = 0; nth < 200; nth++) await host.ask(frame, SHARED_CHANNEL);
    expect(host.events.all.length).toBeLessThan(10);
    expect(host.events.last).toMatchObject({ code: 'throttled', hresult: '0xC004FD00' });
  });

  test('refills evenly, never over its burst, and is not upset by a clock that stands still or goes back', () => {
    const throttle = new Throttle({ burst: 2, windowMs: 1000 });
    expect([throttle.take('a', 0), throttle.take('a', 0), throttle.take('a', 0)]).toEqual([
      'pass',
      'pass',
      'refuse',
    ]);
    expect(throttle.take('a', -5000)).toBe('drop');
    expect(throttle.take('a', 1_000_000)).toBe('pass');
    expect(throttle.take('a', 1_000_000)).toBe('pass');
    expect(throttle.take('a', 1_000_000)).toBe('refuse');
    throttle.forget('a');
    expect(throttle.take('a', 1_000_000)).toBe('pass');
  });
});
