/** The agent while a vendor changes whom to trust: it follows by itself, and mends what has stopped holding. */
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { runAgent } from '../../../src/guest/agent/agent.ts';
import { glanceAt } from '../../../src/guest/agent/glance.ts';
import { parseTrustDocument, takeDocument } from '../../../src/guest/trust/trust-changes.ts';
import { documentFolder, type TrustDocument } from '../../../src/guest/trust/trust-documents.ts';
import { documentBytes } from '../../../src/protocol/documents.ts';
import type { CosignedEnvelope } from '../../../src/protocol/envelope.ts';
import { hostEntryDigest } from '../../../src/protocol/revocations.ts';
import { DAY, HOUR, MINUTE } from '../../support/clock.ts';
import { handingHost } from '../../support/handing-host.ts';
import { createTestGuest, STANDARD_2012R2, VM } from '../../support/test-guest.ts';
import { createTestHost } from '../../support/test-host.ts';
import { vendorOfRoot } from '../../support/test-vendor.ts';
import { rotation } from '../../support/trust-documents.ts';
import { signedRevocations, type TestRoot, testRoot } from '../../support/vendor-documents.ts';

const { key } = STANDARD_2012R2;
const first = testRoot();
const second = testRoot();
const [introduced, retired] = rotation(first, second);
const revoked = (serial: string, root = first) =>
  signedRevocations(root, { hosts: [{ digest: hostEntryDigest(serial), reason: 'stolen' }] });

/** A guest with an agent, and what happens in the agent's sleeps; each is as long as the agent wants. */
function machineOf(root: TestRoot) {
  const vendor = vendorOfRoot(root);
  const host = (serial: string, by = root) =>
    createTestHost({
      vendor: vendorOfRoot(by),
      clock: guest.clock,
      name: serial.slice(0, 4),
      certificate: { serial },
    });
  const guest = createTestGuest(null, { vendors: [vendor] });
  const stateFolder = path.dirname(guest.stateFile);
  const log: string[] = [];
  const sleeps: number[] = [];
  return {
    guest,
    host,
    log,
    sleeps,
    /** As `avma guest trust add`. */
    bring: (envelope: CosignedEnvelope) =>
      takeDocument(
        { stateFolder, trustFolders: [guest.trustFolder] },
        parseTrustDocument(documentBytes(envelope)) as TrustDocument,
      ),
    async run(during: readonly (() => unknown)[]) {
      const left = [...during];
      const stopping = new AbortController();
      await runAgent({
        maxSleep: 10 * MINUTE,
        stopping: stopping.signal,
        openService: () => guest.open(),
        glance: () =>
          glanceAt({
            stateFile: guest.stateFile,
            folders: [guest.trustFolder, documentFolder(stateFolder)],
            configuredVmId: VM,
            configuredPipe: 'loopback:',
            root: '/',
          }),
        readClock: guest.clock.read,
        elapsed: () => guest.clock.sinceBoot,
        random: () => 0.5,
        async sleep(milliseconds) {
          sleeps.push(milliseconds);
          guest.clock.advance(Math.ceil(milliseconds));
          const next = left.shift();
          if (next === undefined) stopping.abort();
          else await next();
        },
        applySetup: async () => [],
        report: {
          log: (sentence) => log.push(sentence),
          fault: (thrown) => {
            throw thrown;
          },
          status: () => {},
          event: () => {},
          changed: () => {},
          looked: () => {},
        },
      });
    },
  };
}

const A = 'aaaaaaaaaaaaaaaa';
const B = 'bbbbbbbbbbbbbbbb';

describe('the agent', () => {
  test('follows a rotation to its end, and the license never stops', async () => {
    const machine = machineOf(first);
    const { guest, host } = machine;
    guest.connect(handingHost(host(A), { documents: [introduced] }).pipe);
    await guest.installKey(key);
    await machine.run([
      () => {
        guest.connect(handingHost(host(B, second), { documents: [retired] }).pipe);
        guest.clock.advance(4 * DAY);
      },
      () => guest.clock.advance(HOUR),
      () => {},
    ]);
    const kinds = guest.events.all.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'trust-followed')).toHaveLength(2);
    expect(kinds).toContain('root-retired');
    expect(kinds).not.toContain('license-changed');
    expect(machine.log.join('\n')).toContain('is licensed by host bbbb');
    expect(machine.log.join('\n')).not.toContain('is not licensed');
  });

  test('asks at once when its host was revoked, and takes the lease of another', async () => {
    const machine = machineOf(first);
    const { guest, host } = machine;
    guest.connect(() => host(A).pipe());
    await guest.installKey(key);
    await machine.run([
      async () => {
        await machine.bring(revoked(A));
        guest.connect(() => host(B).pipe());
      },
      () => {},
    ]);
    expect(machine.log.at(-1)).toMatch(/is licensed by host bbbb until/);
    const [stopped] = guest.events.all.filter(({ kind }) => kind === 'license-changed');
    expect(stopped).toMatchObject({ code: 'host-revoked', state: 'notification' });
    const again = guest.events.all.filter(({ kind, code }) => kind === 'activation' && code === 'success');
    expect(again).toHaveLength(2);
  });

  test('hears from the revoked host itself that it is revoked, and goes on asking', async () => {
    const machine = machineOf(first);
    const { guest, host } = machine;
    guest.connect(handingHost(host(A), {}).pipe);
    await guest.installKey(key);
    await machine.run([
      () => {
        guest.connect(handingHost(host(A), { documents: [revoked(A)] }).pipe);
        guest.clock.advance(4 * DAY);
      },
      () => guest.connect(() => host(B).pipe()),
      () => {},
    ]);
    const failed = machine.log.filter((sentence) => sentence.includes('[host-revoked]'));
    expect(failed.length).toBeGreaterThan(0);
    expect(machine.log.at(-1)).toMatch(/is licensed by host bbbb until/);
    // The pause after a failure without a license: seconds, not hours.
    expect(machine.sleeps[1]).toBeLessThan(MINUTE);
  });
});
