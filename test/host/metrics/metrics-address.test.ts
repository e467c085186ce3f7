import { describe, expect, test } from 'vitest';
import { formatMetricsAddress, parseMetricsAddress } from '../../../src/host/metrics/metrics-address.ts';
import { failureOf } from '../../support/failures.ts';

describe('where metrics are served', () => {
  test.each<[string, object]>([
    ['127.0.0.1:9640', { kind: 'tcp', host: '127.0.0.1', port: 9640 }],
    ['localhost:0', { kind: 'tcp', host: 'localhost', port: 0 }],
    ['[::1]:9640', { kind: 'tcp', host: '::1', port: 9640 }],
    ['192.0.2.7:9640,remote', { kind: 'tcp', host: '192.0.2.7', port: 9640 }],
    ['[::]:9640,remote', { kind: 'tcp', host: '::', port: 9640 }],
    ['unix:/run/m.sock', { kind: 'unix', path: '/run/m.sock', mode: 0o600 }],
    ['unix:/run/m.sock,mode=0660', { kind: 'unix', path: '/run/m.sock', mode: 0o660 }],
  ])('%s', (text, address) => {
    expect(parseMetricsAddress(text)).toEqual(address);
  });

  test.each([
    ['0.0.0.0:9640', 'can be reached from other machines'],
    ['[::]:9640', 'can be reached from other machines'],
    ['192.0.2.7:9640', 'can be reached from other machines'],
    ['9640', 'is not HOST:PORT'],
    ['127.0.0.1:70000', 'is not HOST:PORT'],
    ['metrics.example:9640,remote', 'names no IP address'],
    ['127.0.0.1:9640,public', 'has an unknown option'],
    ['unix:', 'has no path'],
    ['unix:/run/m.sock,mode=9', 'has an unknown option'],
  ])('%s is refused: argument-invalid', async (text, why) => {
    const failure = await failureOf(() => parseMetricsAddress(text));
    expect(failure.code).toBe('argument-invalid');
    expect(failure.message).toBe(`the address for metrics "${text}" ${why}`);
    expect(failure.hint).toContain('127.0.0.1:9640');
  });

  test('is printed as it is asked at', () => {
    expect(formatMetricsAddress(parseMetricsAddress('[::1]:0'), 4711)).toBe('http://[::1]:4711');
    expect(formatMetricsAddress(parseMetricsAddress('unix:/run/m.sock'))).toBe('unix:/run/m.sock');
  });
});
