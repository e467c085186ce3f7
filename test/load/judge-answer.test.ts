/** A player believes an answer as a guest does. */
import { expect, test } from 'vitest';
import { judgeAnswer } from '../../src/load/judge-answer.ts';
import { playedVmId, sealRequest } from '../../src/load/sealed-request.ts';
import { encodeFrame } from '../../src/protocol/frame.ts';
import { LineReader } from '../../src/protocol/line-reader.ts';
import { vendorsOfAnchors } from '../../src/protocol/vendor-trust.ts';
import { NOW } from '../support/clock.ts';
import { createTestHost, MICROSOFT_CATALOG, type TestHost } from '../support/test-host.ts';
import { createTestVendor, type TestVendor } from '../support/test-vendor.ts';

/** What a player makes of the host's answer, as `change` leaves its line. */
async function judged(host: TestHost, trusted: TestVendor = host.vendor, change = (line: string) => line) {
  const product = MICROSOFT_CATALOG.products[1];
  if (product === undefined) throw new TypeError('the catalog is empty');
  const { activationId, edition, version } = product;
  const subject = { product: { activationId, edition, version }, anchors: [], seed: 'a' };
  const sealed = sealRequest(subject, 7, host.certificate.boxKey, NOW);
  const [line] = new LineReader().push(sealed.frame);
  if (line?.kind !== 'frame') throw new TypeError('a sealed request is no frame');
  const answer = await host.ask(line.frame);
  const bytes = answer === null ? '' : Buffer.from(encodeFrame(answer)).toString('latin1').trim();
  const trust = vendorsOfAnchors([trusted.anchor]);
  return judgeAnswer(sealed, Buffer.from(change(bytes), 'latin1'), {
    trust,
    productVendor: null,
    windows: true,
  });
}

test('an approval of a trusted host is a success, and its guest is in the ledger by its own VM ID', async () => {
  const host = createTestHost();
  expect(await judged(host)).toBe('success');
  expect(host.events.all).toMatchObject([{ decision: 'approved', vmId: playedVmId('a', 7) }]);
});

test.each([
  ['a refusal', createTestHost({ throttle: { burst: 1, windowMs: 1e9 } }), 'throttled'],
  ['a fault', createTestHost({ notActivated: true }), 'host-not-activated'],
])('%s is a failure by its code', async (_what, host, code) => {
  if (code === 'throttled') await judged(host);
  expect(await judged(host)).toBe(code);
});

test('a host of a vendor that is not trusted is no success', async () => {
  expect(await judged(createTestHost(), createTestVendor('Another'))).toBe('certificate-untrusted');
});

test('an answer that was changed on its way is no success', async () => {
  const flip = (line: string) => line.replace(/.{9}$/, (end) => (end[0] === 'A' ? 'B' : 'A') + end.slice(1));
  expect(await judged(createTestHost(), undefined, flip)).toBe('response-unopened');
});

test('an answer to another exchange is no success', async () => {
  const other = (line: string) => line.replace(/ [0-9a-f]{32} /, ` ${'0'.repeat(32)} `);
  expect(await judged(createTestHost(), undefined, other)).toBe('response-malformed');
});
