/**
 * A host that is killed while guests ask, again and again: `npm run torture` does it a thousand times. A guest never
 * holds an approval that is not in the ledger, the ledger verifies, and each start succeeds by itself.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HANG_MS } from '../support/hang.ts';
import { torture } from '../support/torture.ts';
import { TestMachine } from './test-machine.ts';

/** How often; AVMA_TORTURE asks for more. */
const ROUNDS = Number(process.env.AVMA_TORTURE ?? (process.env.AVMA_TEST_VM === 'required' ? 10 : 3));

const machine = new TestMachine();
beforeAll(() => machine.certifyHost('10.0.26100'));
afterAll(() => machine.close());

test(`no approval is lost by ${ROUNDS} kills`, { timeout: HANG_MS + ROUNDS * 10_000 }, async () => {
  const { kills, held, missing, problems } = await torture(machine, ROUNDS, (round, count) => {
    console.log(`${round} kills, ${count} approvals held, all of them in the ledger`);
  });
  console.log(`${kills} kills, ${held} approvals held, ${missing.length} missing in the ledger`);
  expect({ missing, problems }).toEqual({ missing: [], problems: [] });
  expect(held).toBeGreaterThanOrEqual(kills);
});
