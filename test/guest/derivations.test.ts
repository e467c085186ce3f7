/** How often a look derives and verifies. Its modules are replaced, so it has a process of its own. */
import fs from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import * as productReport from '../../src/guest/product-report.ts';
import * as verifyAnswer from '../../src/protocol/verify-answer.ts';
import { MINUTE } from '../support/clock.ts';
import { createTestGuest, DATACENTER_2025, STANDARD_2012R2 } from '../support/test-guest.ts';
import { createTestHost, MICROSOFT_CATALOG } from '../support/test-host.ts';

vi.mock(import('../../src/protocol/verify-answer.ts'), async (importOriginal) => {
  const original = await importOriginal();
  return { ...original, verifySignatures: vi.fn(original.verifySignatures) };
});
vi.mock(import('../../src/guest/product-report.ts'), async (importOriginal) => {
  const original = await importOriginal();
  return { ...original, deriveReport: vi.fn(original.deriveReport) };
});

const { key, activationId } = STANDARD_2012R2;
const verifications = () => vi.mocked(verifyAnswer.verifySignatures).mock.calls.length;
const derivations = () => vi.mocked(productReport.deriveReport).mock.calls.length;

async function activatedGuest() {
  const host = createTestHost();
  const guest = createTestGuest(host, { clock: host.clock });
  await guest.installKey(key);
  return { host, guest };
}

describe('a look, as slmgr /dlv does it', () => {
  test('derives each product once and verifies each lease once', async () => {
    const { guest } = await activatedGuest();
    await guest.installKey(DATACENTER_2025.key);
    await guest.look(activationId);
    vi.clearAllMocks();
    const service = await guest.open();
    service.service();
    await service.products();
    expect(derivations()).toBe(MICROSOFT_CATALOG.products.length);
    expect(verifications()).toBe(1);
  });

  test('does so too when it has something to save', async () => {
    const { guest } = await activatedGuest();
    await guest.look(activationId);
    const before = fs.readFileSync(guest.stateFile);
    guest.clock.advance(MINUTE);
    vi.clearAllMocks();
    await (await guest.open()).products();
    expect(fs.readFileSync(guest.stateFile).equals(before)).toBe(false);
    expect(derivations()).toBe(MICROSOFT_CATALOG.products.length);
    expect(verifications()).toBe(1);
  });
});
