import { expect, test } from 'vitest';
import type { HostMoment } from '../../../src/host/observer.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { createTestHost, MemoryLedger, SHARED_CHANNEL } from '../../support/test-host.ts';

/** The latencies that observers hear of. */
function latencies(moments: readonly HostMoment[]): number[] {
  return moments.flatMap((moment) => ('elapsedMs' in moment ? [moment.elapsedMs] : []));
}

test('a moment says how long its request took, the wait before it was begun and the ledger included', async () => {
  const ledger = new MemoryLedger();
  const append = ledger.append.bind(ledger);
  const host = createTestHost({ ledger });
  ledger.append = async (entry, body) => {
    host.clock.advance(40);
    return append(entry, body);
  };
  const arrivedAt = host.clock.sinceBoot;
  host.clock.advance(2);
  const { frame } = rawRequest(host);
  await host.respond({ kind: 'frame', frame }, SHARED_CHANNEL, arrivedAt);
  await host.respond({ kind: 'frame', frame }, SHARED_CHANNEL);
  expect(latencies(host.moments)).toEqual([42, 0]);
});

test('a request that fails has taken its time too', async () => {
  const ledger = new MemoryLedger();
  const host = createTestHost({ ledger });
  ledger.append = async () => {
    host.clock.advance(7);
    throw new Error('no');
  };
  await host.ask(rawRequest(host).frame);
  expect(latencies(host.moments)).toEqual([7]);
});
