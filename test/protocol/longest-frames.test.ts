import { describe, expect, test } from 'vitest';
import { loadCatalog } from '../../src/catalog/catalog.ts';
import { CODES } from '../../src/errors/codes.ts';
import { LicenseStatus } from '../../src/guest/license-report.ts';
import { refusalReason } from '../../src/protocol/answer.ts';
import { encodeFrame, MAX_FRAME_LENGTH } from '../../src/protocol/frame.ts';
import { encodeJson } from '../../src/protocol/messages.ts';
import { MAX_INSTANT } from '../../src/schema/shapes.ts';
import { createVendorCatalog, VENDOR_KEYS } from '../support/catalogs.ts';
import { failureOf } from '../support/failures.ts';
import { lyingPipe } from '../support/lying-host.ts';
import { createTestGuest } from '../support/test-guest.ts';
import { createTestHost } from '../support/test-host.ts';

/** The characters that take most: in UTF-8, and in JSON's escapes. */
const LETTERS = { ASCII: 'n', 'two bytes': 'ä', 'three bytes': '主', quotes: '"' };

describe.each(Object.entries(LETTERS))('with the longest names that there may be, in %s', (_name, letter) => {
  const name = letter.repeat(63);

  test('every frame of an activation stays within 4,096 characters', async () => {
    const vendor = createVendorCatalog([
      { edition: letter.repeat(60), version: '99999.999999.999999.999999', name: letter.repeat(200) },
    ]);
    const certificate = { osVersion: '99999.999999.999999.999999', hostName: name };
    const host = createTestHost({ name, certificate, catalog: loadCatalog([vendor.folder]) });
    const guest = createTestGuest(host, { catalogFolders: [vendor.folder], machineName: name });
    const lengths: number[] = [
      encodeFrame({ type: 'offer', exchangeId: '0'.repeat(32), body: encodeJson(host.envelope) }).length,
    ];
    guest.connect(() => {
      const pipe = host.pipe();
      return {
        uri: pipe.uri,
        close: () => pipe.close(),
        exchange: async (frame, options) => {
          const answer = await pipe.exchange(frame, options);
          lengths.push(frame.length, answer.length);
          return answer;
        },
      };
    });
    await guest.installKey(VENDOR_KEYS[0] ?? '', { client: letter.repeat(40) });
    const product = vendor.catalog.products[0]?.activationId ?? '';
    expect(guest.events.last).toMatchObject({ code: 'success' });
    expect((await guest.look(product)).license.status).toBe(LicenseStatus.licensed);
    for (const length of lengths) expect(length).toBeLessThan(MAX_FRAME_LENGTH);
    expect(lengths).toHaveLength(5);
  });

  test('a refusal with the longest reason stays within 4,096 characters too', async () => {
    const vendor = createVendorCatalog([{}]);
    const certificate = {
      osVersion: '99999.999999.999999.999999',
      hostName: name,
      edition: 'ServerDatacenterCore',
    };
    const host = createTestHost({ name, certificate, catalog: loadCatalog([vendor.folder]) });
    const guest = createTestGuest(host, { catalogFolders: [vendor.folder], machineName: name });
    const message = refusalReason(letter.repeat(300));
    const refusal = { code: 'refused', message } as const;
    const [product] = vendor.catalog.products;
    // The lying host cannot encode a frame that is too long: the guest would hear of another failure.
    guest.connect(() =>
      lyingPipe(host, {
        answer: {
          decision: 'refused',
          hresult: CODES.refused.hresult,
          refusal,
          digitalPid2: name,
          issuedAt: MAX_INSTANT,
          expiresAt: MAX_INSTANT,
          renewAfter: MAX_INSTANT,
        },
      }),
    );
    await guest.installKey(VENDOR_KEYS[0] ?? '');
    const failure = await failureOf(guest.activate(product?.activationId ?? ''));
    expect(failure).toMatchObject({ code: 'refused', message: `host ${name} refused: ${message}` });
  });
});
