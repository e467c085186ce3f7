/** What an operator reads of a license and of the agent in the event log. */
import { describe, expect, test } from 'vitest';
import { AvmaError } from '../../src/errors/avma-error.ts';
import type { GuestEvent } from '../../src/events/guest-event.ts';
import { toRecord } from '../../src/events/record.ts';
import { writeAgentEvent } from '../../src/guest/guest-events.ts';
import { createVendorCatalog } from '../support/catalogs.ts';
import { DAY, NOW, TestClock } from '../support/clock.ts';
import { MemoryEvents } from '../support/memory-events.ts';
import { createTestGuest } from '../support/test-guest.ts';
import { createTestHost } from '../support/test-host.ts';

const brief = ({ kind, code, state }: GuestEvent) => `${kind} ${code} ${state}`;

test('the life of a license: activated, renewed in vain, additional grace, ended, and licensed again', async () => {
  const catalog = createVendorCatalog([{ additionalGraceDays: 3 }]);
  const host = createTestHost({ catalog: catalog.catalog });
  const guest = createTestGuest(host, { clock: host.clock, catalogFolders: [catalog.folder] });
  const [product] = catalog.catalog.products;
  if (product === undefined) throw new TypeError('the catalog has no product');
  const { activationId } = product;
  await guest.installKey(product.productKey);
  await guest.look(activationId);
  host.clock.advance(6 * DAY);
  guest.connect(() => {
    throw new AvmaError('host-absent', 'nobody listens');
  });
  await expect(guest.activate(activationId)).rejects.toThrow('nobody listens');
  host.clock.advance(2 * DAY);
  for (let looks = 0; looks < 2; looks++) await guest.look(activationId);
  host.clock.advance(2 * DAY);
  for (let looks = 0; looks < 2; looks++) await guest.look(activationId);
  guest.connect(() => host.pipe());
  await guest.activate(activationId);
  for (let looks = 0; looks < 2; looks++) await guest.look(activationId);
  expect(guest.events.all.map(brief)).toEqual([
    'activation success licensed',
    'activation host-absent licensed',
    'license-changed grace-expired additional-grace',
    'license-changed grace-expired notification',
    'activation success licensed',
    'license-changed success licensed',
  ]);
  expect(guest.events.last.message).toBe(`"${product.name}" is licensed again`);
});

describe('an event of the agent', () => {
  const clock = new TestClock();
  const events = new MemoryEvents<GuestEvent>();
  const place = { environment: { events, readClock: clock.read }, vmId: null };

  test('comes from a source of its own, and has no outcome of AVMA', () => {
    writeAgentEvent(place, { kind: 'agent-started', message: 'the agent started' });
    const record = toRecord(events.last, NOW);
    expect(record).toMatchObject({ provider: 'avma', eventId: 1, outcome: null, level: 'information' });
    expect(record).toMatchObject({ code: 'success', trigger: 'agent', message: 'the agent started' });
  });

  test('has the code of what failed; a hook that fails is a warning, a setup that fails an error', () => {
    const failure = new AvmaError('file-invalid', 'it may be changed by others');
    writeAgentEvent(place, { kind: 'hook-failed', message: '50-page failed', failure });
    expect(toRecord(events.last, NOW)).toMatchObject({ level: 'warning', code: 'file-invalid' });
    writeAgentEvent(place, { kind: 'setup-failed', message: 'no key', failure });
    expect(toRecord(events.last, NOW)).toMatchObject({ level: 'error', hresult: '0x8007000D' });
  });

  test('is one line, whatever a hook wrote', () => {
    writeAgentEvent(place, { kind: 'hook-failed', message: `a\n\u001b[31m${'b'.repeat(5000)}` });
    expect(events.last.message).toMatch(/^a\\u\{a\}\\u\{1b\}\[31mb+…$/);
    expect(events.last.message).toHaveLength(1000);
  });
});
