/** What a guest is answered whose VM ID is in use twice, by each policy. */
import { expect, test } from 'vitest';
import type { GuestChannel } from '../../../src/host/channel.ts';
import type { ClonePolicy } from '../../../src/host/presence/clones.ts';
import { DAY } from '../../support/clock.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { createTestHost } from '../../support/test-host.ts';

const A: GuestChannel = { name: 'unix:/a', vmId: null };
const B: GuestChannel = { name: 'unix:/b', vmId: null };

/** One VM ID asks at these places in turn: the codes of the answers, and what was observed. */
async function asksAt(clones: ClonePolicy, ...channels: readonly GuestChannel[]) {
  const host = createTestHost({ clones });
  const answers = [];
  for (const channel of channels) {
    host.pass(1000);
    const request = rawRequest(host);
    answers.push(request.answerIn(await host.ask(request.frame, channel)));
  }
  const codes = answers.map(({ decision, refusal }) => refusal?.code ?? decision);
  const kinds = host.moments.map(({ kind }) => kind).filter((kind) => kind.startsWith('clone-'));
  return { host, codes, kinds, last: answers.at(-1) };
}

test('a VM that moves is approved everywhere', async () => {
  const { codes, kinds } = await asksAt('refuse-both', A, A, B, B);
  expect(codes).toEqual(['approved', 'approved', 'approved', 'approved']);
  expect(kinds).toEqual([]);
});

test('by default a clone is approved, and said once with its places', async () => {
  const { host, codes, kinds } = await asksAt('warn', A, B, A, B, A);
  expect(codes).toEqual(['approved', 'approved', 'approved', 'approved', 'approved']);
  expect(kinds).toEqual(['clone-found']);
  const found = host.moments.find(({ kind }) => kind === 'clone-found');
  expect(found).toMatchObject({ places: [{ host: null, channel: A.name }, { channel: B.name }] });
});

test('refuse-newest refuses the machine that came last, and says where the other one is', async () => {
  const { codes, last } = await asksAt('refuse-newest', A, B, A, B);
  expect(codes).toEqual(['approved', 'approved', 'approved', 'vm-cloned']);
  expect(last?.refusal).toMatchObject({
    message: expect.stringMatching(/^the VM ID .* is in use at unix:\/a and unix:\/b$/),
    retryAfter: 3600,
  });
});

test('refuse-both refuses both, until one of them is silent for a day', async () => {
  const { host, codes, kinds } = await asksAt('refuse-both', A, B, A, B);
  expect(codes).toEqual(['approved', 'approved', 'vm-cloned', 'vm-cloned']);
  host.pass(DAY - 1);
  expect(kinds).toEqual(['clone-found']);
  const request = rawRequest(host);
  expect(request.answerIn(await host.ask(request.frame, B))).toMatchObject({ decision: 'approved' });
});
