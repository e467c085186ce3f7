import { describe, expect, test } from 'vitest';
import {
  endpointUri,
  parseConnectEndpoint,
  parseListenEndpoint,
} from '../../../src/host/endpoints/endpoint.ts';
import { failureOf } from '../../support/failures.ts';

const VM = '11111111-2222-4333-8444-555555555555';

describe('--listen', () => {
  test.each([
    ['unix:/run/avma/host.sock', { path: '/run/avma/host.sock', vmId: null, mode: 0o600 }],
    [`unix:/s,vm={${VM.toUpperCase()}}`, { path: '/s', vmId: VM, mode: 0o600 }],
    [`unix:/s,mode=0660,vm=${VM}`, { path: '/s', vmId: VM, mode: 0o660 }],
  ])('%s', (text, endpoint) => {
    expect(parseListenEndpoint(text, 'linux')).toEqual(endpoint);
  });

  test.each([
    ['/run/host.sock', /is not of the kind unix:/],
    ['unix:', /has no path/],
    [`unix:/${'x'.repeat(107)}`, /more than 107 bytes/],
    ['unix:/s,vm=', /names a VM "" that is no UUID/],
    ['unix:/s,mode=9999', /"mode=9999" that means nothing/],
    ['unix:/s,group=kvm', /"group=kvm" that means nothing/],
    ['npipe://./pipe/avma', /is not of the kind unix:/],
  ])('not %s', async (text, message) => {
    const failure = await failureOf(() => parseListenEndpoint(text, 'linux'));
    expect(failure.code).toBe('argument-invalid');
    expect(failure.message).toMatch(message);
  });
});

describe('--listen on Windows', () => {
  test('takes a named pipe', () => {
    const endpoint = parseListenEndpoint(`npipe://./pipe/avma-web01,vm=${VM}`, 'win32');
    expect(endpoint).toMatchObject({ path: '\\\\.\\pipe\\avma-web01', vmId: VM });
    expect(endpointUri(endpoint.path)).toBe('npipe://./pipe/avma-web01');
  });

  test.each(['unix:/s', 'npipe://server/pipe/avma', 'npipe://./pipe/', 'npipe://./pipe/a,mode=600'])(
    'not %s',
    async (text) => {
      expect((await failureOf(() => parseListenEndpoint(text, 'win32'))).hint).toMatch(
        /npipe:\/\/\.\/pipe\/NAME/,
      );
    },
  );
});

describe('--connect', () => {
  test('takes a socket and its VM', () => {
    expect(parseConnectEndpoint(`unix:/s,vm=${VM}`)).toEqual({ path: '/s', vmId: VM });
  });

  test("takes no mode: the file is its listener's", async () => {
    expect((await failureOf(() => parseConnectEndpoint('unix:/s,mode=0660'))).message).toMatch(
      /means nothing/,
    );
  });
});
