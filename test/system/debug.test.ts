import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { debug, traceTopics } from '../../src/system/debug.ts';

let written: string[] = [];

beforeEach(() => {
  written = [];
  vi.spyOn(fs, 'writeSync').mockImplementation(((fd: number, text: string) => {
    if (fd === 2) written.push(text);
    return text.length;
  }) as typeof fs.writeSync);
});
afterEach(() => {
  traceTopics('');
  vi.restoreAllMocks();
});

test('a topic that nobody asked for writes nothing, and its text is not made', () => {
  traceTopics('state');
  const text = vi.fn(() => 'sent 120 bytes');
  debug('wire', text);
  expect(written).toEqual([]);
  expect(text).not.toHaveBeenCalled();
});

test('a traced step is one line with its topic and its time', () => {
  traceTopics('wire');
  debug('wire', () => 'sent 120 bytes');
  expect(written.join('')).toMatch(/^avma debug wire \+\d+ms: sent 120 bytes\n$/);
});

describe('the list of topics', () => {
  test.each([
    ['wire,lock', ['wire', 'lock']],
    [' WIRE , Lock,', ['wire', 'lock']],
    ['all', ['wire', 'lock', 'exec']],
    ['*', ['wire', 'lock', 'exec']],
    ['nothing', []],
    ['', []],
  ])('"%s"', (list, topics) => {
    traceTopics(list);
    for (const topic of ['wire', 'lock', 'exec'] as const) debug(topic, () => topic);
    expect(written.map((line) => line.trim().split(': ')[1])).toEqual(topics);
  });

  test('says which words are no topic', () => {
    expect(traceTopics('wire,fire,all')).toEqual(['fire']);
    expect(traceTopics('all,*')).toEqual([]);
  });
});

test('text from outside stays on its line', () => {
  traceTopics('libvirt');
  debug('libvirt', () => 'domain "a\nb\u001b[2J\u202ec"');
  expect(written.join('')).toMatch(/: domain "a\\u\{a\}b\\u\{1b\}\[2J\\u\{202e\}c"\n$/);
});

test.each(['DBGBW-NPF86-BJVTX-K3WKJ-MTB6V', 'dbgbw-npf86-bjvtx-k3wkj-mtb6v'])(
  'of the product key %s only the last five characters show',
  (key) => {
    traceTopics('ssh');
    debug('ssh', () => `runs ssh vm1 slmgr /ipk '${key}'`);
    expect(written.join('')).toContain(`/ipk '*****-*****-*****-*****-${key.slice(-5)}'`);
  },
);

test('a step goes on when its text cannot be made, and the mistake is shown', () => {
  traceTopics('state');
  debug('state', () => {
    throw new TypeError('no such member');
  });
  expect(written.join('')).toContain('this debug text failed: TypeError: no such member');
});

test('a step goes on when stderr cannot be written', () => {
  traceTopics('state');
  vi.mocked(fs.writeSync).mockImplementation(() => {
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  });
  expect(() => debug('state', () => 'read')).not.toThrow();
});
