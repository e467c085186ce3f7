import { expect, test } from 'vitest';
import { MINUTE } from '../../support/clock.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { createTestHost, SHARED_CHANNEL } from '../../support/test-host.ts';

test('the counters know what became of each line', async () => {
  const host = createTestHost({ throttle: { burst: 2, windowMs: MINUTE } });
  const first = rawRequest(host);
  await host.ask(first.frame);
  await host.ask(first.frame);
  // Refused as one too many, then dropped with an event, then dropped without.
  for (let nth = 0; nth < 3; nth++) await host.ask(rawRequest(host).frame);
  host.clock.advance(2 * MINUTE);
  await host.ask({ ...first.frame, type: 'hello', body: new Uint8Array() });
  await host.ask({ ...first.frame, type: 'hello' });
  await host.respond(
    { kind: 'unsupported', exchangeId: first.frame.exchangeId, what: 'version 2' },
    SHARED_CHANNEL,
  );
  expect(await host.respond({ kind: 'noise' }, SHARED_CHANNEL)).toBeNull();
  expect(host.counters.counts).toEqual({
    approved: 1,
    refused: 1,
    repeated: 1,
    faulted: 2,
    dropped: 1,
    hellos: 1,
    parts: 0,
    unsupportedLines: 1,
    connectionsOpened: 0,
    connectionsRefused: 0,
    connectionsCut: 0,
  });
  expect(host.counters.summary()).toBe(
    'Approved 1, refused 1, failed 2, 1 answers repeated, 1 requests of floods ignored.',
  );
});
