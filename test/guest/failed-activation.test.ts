import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { AvmaError } from '../../src/errors/avma-error.ts';
import { LicenseStatus } from '../../src/guest/license-report.ts';
import type { Pipe } from '../../src/pipe/pipe.ts';
import { openPipe } from '../../src/pipe/pipe-uri.ts';
import { generateKeyPair } from '../../src/protocol/curve-keys.ts';
import { encodeJson, fault } from '../../src/protocol/messages.ts';
import { DAY, HOUR } from '../support/clock.ts';
import { failureOf } from '../support/failures.ts';
import { HANG_MS } from '../support/hang.ts';
import { faultPipe, lyingPipe, scriptedPipe } from '../support/lying-host.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { createTestGuest, OTHER_VM, STANDARD_2012R2 } from '../support/test-guest.ts';
import { createTestHost, SHARED_CHANNEL, type TestHost, WINDOWS_HOST } from '../support/test-host.ts';

const { key, activationId } = STANDARD_2012R2;

interface Way {
  readonly name: string;
  readonly code: string;
  readonly hresult: number;
  readonly outcome: string;
  /** The pipe, given the honest host that the guest was activated by. */
  pipe(host: TestHost): Pipe | Promise<Pipe>;
}

const invalidHost = { outcome: 'Invalid Host' };
const invalidData = { outcome: 'Invalid Data', hresult: 0x8007000d };
const denied = { outcome: 'Activation Denied' };

/** A host of the same vendor, other keys. */
const sibling = (host: TestHost, options: Parameters<typeof createTestHost>[0] = {}) =>
  createTestHost({ vendor: host.vendor, clock: host.clock, name: 'hv02', ...options });

/** A certificate whose renewal grace has ended. */
const ended = ({ clock }: TestHost) => ({ notAfter: clock.wall - 2 * HOUR, graceUntil: clock.wall - HOUR });

const WAYS: readonly Way[] = [
  {
    name: 'there is no pipe',
    code: 'pipe-not-found',
    hresult: 0xc004fd01,
    ...invalidHost,
    pipe: () => Promise.reject(new AvmaError('pipe-not-found', 'no pipe to a host was found')),
  },
  {
    name: 'no host is there',
    code: 'host-absent',
    hresult: 0xc004fd01,
    ...invalidHost,
    pipe: () => openPipe(`unix:${path.join(tempFolder(), 'none.sock')}`),
  },
  {
    name: 'the host hangs',
    code: 'host-silent',
    hresult: 0xc004fd01,
    ...invalidHost,
    pipe: () => ({
      uri: 'test:',
      exchange: (_frame, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new AvmaError('host-silent', 'no answer')));
        }),
      close: async () => {},
    }),
  },
  {
    name: 'the host dies in the middle',
    code: 'host-gone',
    hresult: 0xc004fd01,
    ...invalidHost,
    pipe: () => ({
      uri: 'test:',
      exchange: () => Promise.reject(new AvmaError('host-gone', 'it went away')),
      close: async () => {},
    }),
  },
  {
    name: 'the answer is to another exchange',
    ...invalidData,
    code: 'response-malformed',
    pipe: () => ({
      uri: 'test:',
      exchange: async () => Buffer.from(`avma/1 response ${'0'.repeat(32)} AAAA`),
      close: async () => {},
    }),
  },
  {
    name: 'the host speaks another version',
    code: 'protocol-unsupported',
    hresult: 0xc004fd01,
    ...invalidHost,
    pipe: () => ({
      uri: 'test:',
      exchange: async () => Buffer.from(`avma/2 response ${'0'.repeat(32)} AAAA`),
      close: async () => {},
    }),
  },
  {
    name: 'the host speaks none of our versions',
    code: 'protocol-unsupported',
    hresult: 0xc004fd01,
    ...invalidHost,
    pipe: () => faultPipe('protocol-unsupported'),
  },
  {
    name: 'no host that can open the request is found, asked twice',
    code: 'request-unopened',
    ...invalidData,
    pipe: (host) =>
      scriptedPipe((frame) =>
        frame.type === 'hello'
          ? { type: 'offer', body: encodeJson({ certificate: host.envelope, documents: [] }) }
          : { type: 'fault', body: encodeJson(fault('request-unopened')) },
      ),
  },
  {
    name: 'the host finds no sense in the request',
    code: 'request-malformed',
    ...invalidData,
    pipe: () => faultPipe('request-malformed'),
  },
  {
    name: 'the host drops too many requests unopened',
    code: 'throttled',
    hresult: 0xc004fd00,
    ...denied,
    pipe: () => faultPipe('throttled'),
  },
  {
    name: "the host's ledger cannot be written",
    code: 'host-gone',
    hresult: 0xc004fd01,
    ...invalidHost,
    pipe: () => faultPipe('io-error'),
  },
  {
    name: 'the host has no certificate yet',
    code: 'host-not-activated',
    hresult: 0xc004fd02,
    ...invalidHost,
    pipe: (host) => sibling(host, { notActivated: true }).pipe(),
  },
  {
    name: "the host's certificate has expired",
    code: 'certificate-expired',
    hresult: 0xc004fd02,
    ...invalidHost,
    pipe: (host) => sibling(host, { certificate: ended(host) }).pipe(),
  },
  {
    name: "the host's certificate is not yet valid",
    code: 'certificate-not-yet-valid',
    hresult: 0xc004fd02,
    ...invalidHost,
    pipe: (host) => sibling(host, { certificate: { notBefore: host.clock.wall + HOUR } }).pipe(),
  },
  {
    name: 'the host goes on with an expired certificate',
    code: 'certificate-expired',
    hresult: 0xc004fd02,
    ...invalidHost,
    pipe: (host) => lyingPipe(sibling(host, { certificate: ended(host) }), {}),
  },
  {
    name: 'the host begins before its certificate does',
    code: 'certificate-not-yet-valid',
    hresult: 0xc004fd02,
    ...invalidHost,
    pipe: (host) => lyingPipe(sibling(host, { certificate: { notBefore: host.clock.wall + HOUR } }), {}),
  },
  {
    name: 'the host is certified by another vendor',
    code: 'certificate-untrusted',
    hresult: 0xc004fd02,
    ...invalidHost,
    pipe: () => createTestHost({ name: 'hv03' }).pipe(),
  },
  {
    name: 'the host is Standard',
    code: 'host-not-datacenter',
    hresult: 0xc004fd02,
    ...invalidHost,
    pipe: (host) =>
      sibling(host, { certificate: { windows: { ...WINDOWS_HOST, edition: 'ServerStandard' } } }).pipe(),
  },
  {
    name: 'the host is Standard and approves all the same',
    code: 'host-not-datacenter',
    hresult: 0xc004fd02,
    ...invalidHost,
    pipe: (host) =>
      lyingPipe(
        sibling(host, { certificate: { windows: { ...WINDOWS_HOST, edition: 'ServerStandard' } } }),
        {},
      ),
  },
  {
    name: 'the host is older than the edition',
    code: 'version-too-new',
    hresult: 0xc004fd03,
    ...denied,
    pipe: (host) =>
      sibling(host, { certificate: { windows: { ...WINDOWS_HOST, osVersion: '6.2.9200' } } }).pipe(),
  },
  {
    name: "the pipe is another VM's",
    code: 'vm-refused',
    hresult: 0xc004fd04,
    ...denied,
    pipe: (host) => host.pipe({ ...SHARED_CHANNEL, vmId: OTHER_VM }),
  },
  {
    name: 'too many requests came over the pipe',
    code: 'throttled',
    hresult: 0xc004fd00,
    ...denied,
    pipe: async (host) => {
      const busy = sibling(host, { throttle: { burst: 3, windowMs: HOUR } });
      const flood = createTestGuest(busy, { vmId: OTHER_VM });
      const service = await flood.open();
      await service.installProductKey(key);
      await service.activate(activationId);
      return busy.pipe();
    },
  },
  {
    name: 'what the host seals is no answer',
    code: 'response-malformed',
    ...invalidData,
    pipe: (host) => lyingPipe(host, { plaintext: Buffer.from('{}') }),
  },
  {
    name: 'the response was changed on the way',
    code: 'response-unopened',
    ...invalidData,
    pipe: (host) => changed(host.pipe(), (text) => text.replace(/.{4}$/, 'AAAA')),
  },
  {
    name: 'the response was cut on the way',
    code: 'response-unopened',
    ...invalidData,
    pipe: (host) => changed(host.pipe(), (text) => text.slice(0, text.lastIndexOf(' ') + 401)),
  },
  {
    name: 'the answer is signed with another key',
    code: 'signature-invalid',
    ...invalidData,
    pipe: (host) => lyingPipe(host, { signer: generateKeyPair('ed25519') }),
  },
  {
    name: 'the answer is one to an earlier request',
    code: 'request-mismatch',
    ...invalidData,
    pipe: (host) => lyingPipe(host, { answer: { requestDigest: '0'.repeat(64) } }),
  },
  {
    name: "the host signs another clock than the guest's, which would lengthen the lease",
    code: 'request-mismatch',
    ...invalidData,
    pipe: (host) => lyingPipe(host, { answer: { guestClock: 0 } }),
  },
  {
    name: "the answer is another host's",
    code: 'host-mismatch',
    ...invalidData,
    pipe: (host) => lyingPipe(host, { answer: { hostName: 'hv99' } }),
  },
  {
    name: 'the answer is for another VM',
    code: 'vm-mismatch',
    hresult: 0xc004fd04,
    ...denied,
    pipe: (host) => lyingPipe(host, { answer: { vmId: OTHER_VM } }),
  },
  {
    name: 'the answer is for another edition',
    code: 'edition-mismatch',
    hresult: 0xc004fd03,
    ...denied,
    pipe: (host) => lyingPipe(host, { answer: { activationId: OTHER_VM } }),
  },
  {
    name: 'the lease is longer than 7 days',
    code: 'lease-invalid',
    ...invalidData,
    pipe: (host) => lyingPipe(host, { answer: { expiresAt: host.clock.wall + 7 * DAY + 1 } }),
  },
];

describe('an activation that fails leaves the held lease as it is, and says why in event 12309', () => {
  test.each(WAYS)('$name: $code', async ({ code, hresult, outcome, pipe }) => {
    const host = createTestHost();
    const guest = createTestGuest(host, { clock: host.clock });
    await guest.installKey(key);
    host.clock.advance(2 * DAY);
    const service = await guest.open();
    const before = service.state();
    guest.connect(() => pipe(host));

    // Only a host that hangs is waited for to the end.
    const deadline = code === 'host-silent' ? 50 : HANG_MS;
    const failure = await failureOf(guest.activate(activationId, { deadline }));

    expect(failure.code).toBe(code);
    expect(failure.hresult).toBe(hresult);
    const { lastAttempt, ...installed } = service.state().products[activationId] ?? {};
    expect(lastAttempt).toMatchObject({ at: guest.clock.wall, trigger: 'command', code, hresult });
    const { lastAttempt: _success, ...installedBefore } = before.products[activationId] ?? {};
    expect(installed).toEqual(installedBefore);
    expect({ ...service.state(), products: {} }).toEqual({ ...before, products: {} });
    expect(guest.events.last).toMatchObject({
      eventId: 12309,
      kind: 'activation',
      state: 'licensed',
      outcome,
      code,
      hresult: `0x${hresult.toString(16).toUpperCase()}`,
      trigger: 'command',
      activationId,
    });
    expect((await guest.look(activationId)).license).toEqual({
      status: LicenseStatus.licensed,
      reason: 0,
      remainingMinutes: 5 * 1440,
    });
  });
});

function changed(pipe: Pipe, change: (line: string) => string): Pipe {
  return {
    uri: pipe.uri,
    exchange: async (frame, options) => {
      const line = Buffer.from(await pipe.exchange(frame, options)).toString('latin1');
      return Buffer.from(line.includes(' response ') ? change(line) : line, 'latin1');
    },
    close: () => pipe.close(),
  };
}
