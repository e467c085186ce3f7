/** What a text is that stands where a product key should stand. */
import { describe, expect, test } from 'vitest';
import { readKeyText } from '../../src/setup/key-text.ts';

const KEY = 'W3GNR-8DDXR-2TFRP-H8P33-DV9BG';

describe('a key', () => {
  test.each([
    KEY,
    KEY.toLowerCase(),
    ` ${KEY}\r\n`,
    '\u00a0W3gnr-8ddxr-2TFRP-h8p33-dv9bg\t',
    'BBBBB-CCCCC-DDDDD-FFFFF-22222',
  ])('%j', (text) => {
    expect(readKeyText(text)).toMatchObject({ kind: 'key', key: text.trim().toUpperCase() });
  });
});

describe('nothing', () => {
  test.each(['', ' ', '\r\n\t', '\u00a0'])('%j', (text) => {
    expect(readKeyText(text).kind).toBe('nothing');
  });
});

describe('a placeholder', () => {
  test.each([
    ...[
      'YOUR_PRODUCT_KEY',
      'your-windows-license',
      'INSERT KEY HERE',
      'Enter Product Key',
      'ProductKey',
      'MAK_KEY',
      'put it here',
    ],
    ...[
      'REPLACE_ME',
      'changeme',
      'TODO',
      'TBD',
      'N/A',
      'none',
      'null',
      '<key>',
      '[KEY]',
      '(key)',
      '{key}',
      '"KEY"',
    ],
    ...[
      '{{ key }}',
      `{{ key | default("${KEY}") }}`,
      '{% if key %}x{% endif %}',
      `\${KEY}`,
      `\${KEY:-${KEY}}`,
      '$(Key)',
      '$KEY',
      '$env:PID',
    ],
    ...['%PID%', '%%PID%%', '%(pid)s', '%s', '%{pid}', '#{pid}', '<%= pid %>', '<<PID>>', '{0}', ':pid'],
    ...['@PID@', '@@PID@@', '#PID#', '##PID##', '!PID!', '~PID~', '|PID|', '__PID__', '[[PID]]', '«PID»'],
    ...[
      'XXXXX-XXXXX-XXXXX-XXXXX-XXXXX',
      'xxxxx-xxxxx-xxxxx-xxxxx-xxxxx',
      'XXXXX-XXXXX-XXXXX-XXXXX',
      'XXXXX',
      'xxx',
      'XXXXX XXXXX',
    ],
    ...[
      '00000-00000-00000-00000-00000',
      '11111-22222-33333-44444-55555',
      'AAAAA-BBBBB-CCCCC-DDDDD-EEEEE',
      'NNNNN-NNNNN-NNNNN-NNNNN-NNNNN',
    ],
    ...['12345-67890-ABCDE-FGHIJ-KLMNO', '12345-12345-12345-12345-12345', 'BCDFG-BCDFG-BCDFG-BCDFG-BCDFG'],
    ...[
      '?????-?????-?????-?????-?????',
      '#####-#####',
      '*****-*****-*****-*****-DV9BG',
      'XXXXX-XXXXX-XXXXX-XXXXX-DV9BG',
      'W3GNR-XXXXX-XXXXX-XXXXX-XXXXX',
    ],
    ...['...', '…', '-', '?', '*SENSITIVE*DATA*DELETED*'],
  ])('%j', (text) => {
    const read = readKeyText(text);
    expect(read.kind, read.why).toBe('placeholder');
    expect(read.why).not.toContain(KEY);
  });
});

describe('malformed', () => {
  test.each([
    [KEY.slice(1), /28 characters/],
    [KEY.slice(6), /23 characters/],
    [`${KEY}X`, /30 characters/],
    [KEY.replace('-', ' -'), /blanks inside/],
    [KEY.replaceAll('-', ''), /not separated by one hyphen each/],
    [KEY.replaceAll('-', '_'), /not separated by one hyphen each/],
    [KEY.replaceAll('-', '\u2013'), /not separated by one hyphen each/],
    [KEY.replace('W', 'O'), /the text has the character "O", which no product key has$/],
    [KEY.replace('W3', 'AI'), /the text has the characters "A", "I", which no product key has$/],
    [`{${KEY}}`, /and something else/],
    [`[${KEY}]`, /and something else/],
    [`<${KEY}>`, /and something else/],
    [`"${KEY}"`, /and something else/],
    [`ProductKey=${KEY}`, /and something else/],
    [`${KEY} ${KEY}`, /and something else/],
    ['hello', /5 characters/],
    ['12345', /5 characters/],
    ['Windows Server 2022 Datacenter', /30 characters/],
    ['not a key', /9 characters/],
    ['x'.repeat(401), /401 characters/],
    ['{{'.repeat(300), /600 characters/],
  ])('%j', (text, why) => {
    const read = readKeyText(text);
    expect(read).toMatchObject({ kind: 'malformed', why: expect.stringMatching(why) });
    // It may be a key that somebody paid for.
    expect(read.why).not.toContain(text.slice(0, 17));
  });
});
