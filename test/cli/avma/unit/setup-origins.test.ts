import { describe, expect, test } from 'vitest';
import { originFields, setupOrigins } from '../../../../src/cli/avma/guest/setup-origins.ts';
import { chooseSetup } from '../../../../src/setup/choice.ts';
import { readFile } from '../../../../src/setup/places.ts';

const KEY = 'DBGBW-NPF86-BJVTX-K3WKJ-MTB6V';
const VM = '11111111-2222-4333-8444-555555555555';
const SETUP = { schema: 'avma.setup/1', key: KEY, pipe: 'unix:/a', vmId: VM, vmIdSource: 'xen', agent: {} };

/** What is remembered when this setup is applied. */
function recordsOf(setup: object) {
  const { key, config } = chooseSetup([
    readFile('setup-file', '/etc/avma/setup.json', Buffer.from(JSON.stringify(setup))),
  ]);
  return [...(key === null ? [] : [key]), ...config].map(({ what, origin, digest }) => ({
    what,
    origin,
    digest,
    at: 0,
  }));
}

const NOW = { productKeys: [KEY], keyIds: [], pipe: 'unix:/a', vmId: VM, vmIdSource: 'xen' };

describe('where what this machine uses came from', () => {
  test('a setup that counts as it was given', () => {
    const origins = setupOrigins(recordsOf(SETUP), NOW);
    expect(origins.map(({ what, inUse }) => [what, inUse])).toEqual([
      ['key', true],
      ['pipe', true],
      ['vmId', true],
      ['vmIdSource', true],
      ['agent', null],
    ]);
    expect(originFields(origins)[0]).toEqual([
      'Given',
      'key from /etc/avma/setup.json, line 1, key, applied 1970-01-01 00:00 UTC',
    ]);
  });

  test('what was changed by hand since is said', () => {
    const now = { ...NOW, productKeys: ['YQB4H-NKHHJ-Q6K4R-4VMY6-VCH67'], pipe: 'unix:/b', vmId: undefined };
    const origins = setupOrigins(recordsOf(SETUP), now);
    expect(origins.map(({ inUse }) => inUse)).toEqual([false, false, false, true, null]);
    expect(originFields(origins)[1]?.[1]).toContain('; changed by hand since');
  });

  test('a trust anchor that was removed is not in use', () => {
    const record = { what: 'trust:0011223344556677', origin: 'o', at: 0, digest: 'x' };
    expect(setupOrigins([record], NOW)).toMatchObject([{ inUse: false }]);
    expect(setupOrigins([record], { ...NOW, keyIds: ['0011223344556677'] })).toMatchObject([{ inUse: true }]);
  });
});
