import { describe, expect, test } from 'vitest';
import { parseConnectEndpoint, parseListenEndpoint } from '../../../src/cli/avma/host/endpoint-arguments.ts';
import { endpointUri } from '../../../src/host/endpoints/endpoint.ts';
import { failureOf } from '../../support/failures.ts';

const VM = '11111111-2222-4333-8444-555555555555';

describe('--listen', () => {
  test.each([
    ['unix:/run/avma/host.sock', { kind: 'socket', path: '/run/avma/host.sock', vmId: null, mode: 0o600 }],
    [`unix:/s,vm={${VM.toUpperCase()}}`, { kind: 'socket', path: '/s', vmId: VM, mode: 0o600 }],
    [`unix:/s,mode=0660,vm=${VM}`, { kind: 'socket', path: '/s', vmId: VM, mode: 0o660 }],
    [`kvp:/pools,vm=${VM.toUpperCase()}`, { kind: 'kvp', folder: '/pools', vmId: VM }],
  ])('%s', (text, endpoint) => {
    expect(parseListenEndpoint(text, 'linux')).toEqual(endpoint);
  });

  test.each([
    ['/run/host.sock', /does not begin with unix:/],
    ['unix:', /has no path/],
    ['kvp:', /names no folder/],
    [`unix:/${'x'.repeat(107)}`, /more than 107 bytes/],
    ['unix:/s,vm=', /names the VM "", which is not a UUID/],
    ['unix:/s,mode=9999', /unknown option "mode=9999"/],
    ['unix:/s,group=kvm', /unknown option "group=kvm"/],
    ['npipe://./pipe/avma', /does not begin with unix:/],
  ])('not %s', async (text, message) => {
    const failure = await failureOf(() => parseListenEndpoint(text, 'linux'));
    expect(failure.code).toBe('argument-invalid');
    expect(failure.message).toMatch(message);
  });
});

describe('--listen on Windows', () => {
  test('takes a named pipe', () => {
    const endpoint = parseListenEndpoint(`npipe://./pipe/avma-web01,vm=${VM}`, 'win32');
    expect(endpoint).toMatchObject({ kind: 'socket', path: '\\\\.\\pipe\\avma-web01', vmId: VM });
    expect(endpointUri('\\\\.\\pipe\\avma-web01')).toBe('npipe://./pipe/avma-web01');
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
      /unknown option "mode=0660"/,
    );
  });
});
