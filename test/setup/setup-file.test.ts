/** Setup files: what they give, what is wrong with them, and that no file of any kind makes the reader fail. */
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_SETUP_FILE_BYTES, readSetupFile } from '../../src/setup/setup-file.ts';
import { schemaErrors } from '../support/json-schemas.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { createTestVendor } from '../support/test-vendor.ts';

const KEY = 'DBGBW-NPF86-BJVTX-K3WKJ-MTB6V';
const VM = '11111111-2222-4333-8444-555555555555';
const SOURCE = { name: '/etc/avma/setup.yaml', readAnchor: null, mayRun: true };

function read(text: string | Uint8Array) {
  return readSetupFile(typeof text === 'string' ? Buffer.from(text) : text, SOURCE);
}

function anchor(): object {
  return JSON.parse(fs.readFileSync(createTestVendor().installAnchor(tempFolder()), 'utf8'));
}

describe('what is given', () => {
  test.each([
    ['nothing but the schema', 'schema: avma.setup/1\n', 'none'],
    ['a key', `schema: avma.setup/1\nkey: ${KEY}\n`, 'key'],
    ['JSON', `{"schema": "avma.setup/1", "key": "${KEY}"}`, 'key'],
    ['a byte order mark', `\ufeffschema: avma.setup/1\nkey: ${KEY}\n`, 'key'],
    ['Windows line ends', `schema: avma.setup/1\r\nkey: ${KEY}\r\n`, 'key'],
    [
      'a document marker and comments',
      `# ours\n---\nschema: avma.setup/1\nkey: ${KEY} # Standard\n...\n`,
      'key',
    ],
    ['an empty key', 'schema: avma.setup/1\nkey:\n', 'none'],
    ['a placeholder', 'schema: avma.setup/1\nkey: "{{ avma_key }}"\n', 'placeholder'],
    ['half a key', `schema: avma.setup/1\nkey: ${KEY.slice(0, 17)}\n`, 'malformed'],
  ])('%s', (_what, text, outcome) => {
    const { finding } = read(text);
    expect(finding.outcome, finding.why).toBe(outcome);
    expect(finding.key).toBe(outcome === 'key' ? KEY : undefined);
  });

  test('the line of the key', () => {
    expect(read(`schema: avma.setup/1\n\nkey: ${KEY}\n`).finding.where).toBe('line 3, key');
  });
});

describe('what is wrong', () => {
  test.each([
    ['no YAML', 'a: [', /neither YAML nor JSON: .*, in line \d/],
    ['a member twice', 'schema: avma.setup/1\nkey: a\nkey: b\n', /neither YAML nor JSON: .*, in line 3/],
    ['XML', '<?xml version="1.0"?>\n<unattend/>', /looks like XML, .* needs a name that ends in \.xml$/],
    ['XML without a declaration', '\n  <unattend>\n', /looks like XML/],
    ['a text that begins as XML does', '<<: 1\n', /schema: avma\.setup\/1/],
    ['no UTF-8', Buffer.from([0xff, 0xfe, 0x61, 0]), /not UTF-8/],
    ['no members', 'just text\n', /no setup/],
    ['an empty file', '', /no setup/],
    ['a list', '- 1\n', /no setup/],
    ['no schema', `key: ${KEY}\n`, /schema: avma\.setup\/1/],
    ['another schema', 'schema: avma.setup/2\n', /member schema is wrong/],
    [
      'an unknown member',
      'schema: avma.setup/1\nkeys: a\n',
      /a setup has no member keys: its members are schema, key/,
    ],
    ['a number for the key', 'schema: avma.setup/1\nkey: 5\n', /member key is wrong/],
    ['a pipe of no type', 'schema: avma.setup/1\npipe: host.sock\n', /member pipe is wrong/],
    ['a VM ID that is none', 'schema: avma.setup/1\nvmId: web01\n', /member vmId is wrong/],
    ['another source', 'schema: avma.setup/1\nvmIdSource: dmi\n', /vmIdSource is wrong: .*hyper-v, smbios/],
    ['a trust anchor that is none', 'schema: avma.setup/1\ntrust: [{a: 1}]\n', /member trust/],
    [
      'an agent setting that is none',
      'schema: avma.setup/1\nagent: {sleep: 1}\n',
      /member agent\.sleep is wrong/,
    ],
    ['an alias', 'schema: &a avma.setup/1\nkey: *a\n', /aliases/],
    ['two documents', 'schema: avma.setup/1\n---\nkey: a\n', /neither YAML nor JSON/],
    ['brackets without end', '['.repeat(MAX_SETUP_FILE_BYTES), /nested deeper/],
    ['braces without end', '{a: '.repeat(MAX_SETUP_FILE_BYTES / 4), /nested deeper/],
    ['brackets on lines of their own', '[\n'.repeat(MAX_SETUP_FILE_BYTES / 2), /nested deeper/],
    [
      'brackets that only quotes close',
      `schema: avma.setup/1\ntrust: ${'["]",'.repeat(1000)}`,
      /nested deeper than a setup, in line 2/,
    ],
    [
      'braces that only comments close',
      `schema: avma.setup/1\nagent:\n${'  {a: # }\n'.repeat(1000)}`,
      /nested deeper/,
    ],
    ['dashes without end', '- '.repeat(MAX_SETUP_FILE_BYTES / 2), /nested deeper/],
    ['question marks without end', '? '.repeat(MAX_SETUP_FILE_BYTES / 2), /nested deeper/],
    ['stairs', Array.from({ length: 300 }, (_, nth) => `${' '.repeat(nth)}a:`).join('\n'), /nested deeper/],
    [
      'stairs of dashes',
      Array.from({ length: 41 }, (_, nth) => ' '.repeat(nth) + '- '.repeat(12)).join('\n'),
      /./,
    ],
    ['many members', Array.from({ length: 5000 }, (_, nth) => `k${nth}: 1`).join('\n'), /schema/],
    ['quotes', '"'.repeat(MAX_SETUP_FILE_BYTES), /neither/],
  ])('%s: nothing is taken of the file', (_what, text, why) => {
    const { finding, values } = read(text);
    expect(finding).toMatchObject({ outcome: 'invalid', where: null });
    expect(finding.why).toMatch(why);
    expect(values).toEqual({});
  });

  test.each([
    ['pipe: exec:/media/cdrom/run', /pipe exec:.* would run a program/],
    ['agent: {hooksFolder: /media/cdrom/hooks}', /agent\.hooksFolder would have root run the programs/],
    ['agent: {textfile: /etc/shadow}', /agent\.textfile would have root write a file/],
  ])('%s from a place that is not root’s', (line, why) => {
    const setup = Buffer.from(`schema: avma.setup/1\nkey: ${KEY}\n${line}\n`);
    const { finding, values } = readSetupFile(setup, { ...SOURCE, mayRun: false });
    expect(finding).toMatchObject({ outcome: 'invalid', why: expect.stringMatching(why) });
    expect(finding.key).toBeUndefined();
    expect(values).toEqual({});
    expect(read(setup).finding.key).toBe(KEY);
  });

  test('as many trust anchors as a setup may have are not too deep', () => {
    const trust = Array.from({ length: 32 }, anchor);
    const { finding, values } = read(JSON.stringify({ schema: 'avma.setup/1', key: KEY, trust, agent: {} }));
    expect(finding.outcome, finding.why).toBe('key');
    expect(values.trust).toHaveLength(32);
  });

  test('a trust anchor whose file cannot be read is said with its name', () => {
    const readAnchor = (file: string) => fs.readFileSync(file, 'utf8');
    const file = path.join(tempFolder(), 'setup.yaml');
    fs.writeFileSync(path.join(path.dirname(file), 'a.json'), '{}');
    const { finding } = readSetupFile(Buffer.from('schema: avma.setup/1\ntrust: [a.json]\n'), {
      name: file,
      readAnchor,
      mayRun: true,
    });
    expect(finding).toMatchObject({
      outcome: 'invalid',
      why: expect.stringContaining('a.json is not a trust anchor'),
    });
  });
});

test('the JSON Schema and the reader agree', () => {
  const good = [
    { schema: 'avma.setup/1' },
    {
      schema: 'avma.setup/1',
      key: KEY,
      pipe: 'unix:/a',
      trust: [anchor()],
      vmId: VM,
      vmIdSource: 'xen',
      agent: {},
    },
    { schema: 'avma.setup/1', key: null, agent: { hooksFolder: '/h', textfile: '/t', maxSleepMinutes: 1 } },
  ];
  const bad = [
    {},
    { schema: 'avma.setup/2' },
    { schema: 'avma.setup/1', key: 5 },
    { schema: 'avma.setup/1', pipe: 'x' },
    { schema: 'avma.setup/1', vmIdSource: 'x' },
    { schema: 'avma.setup/1', trust: [5] },
    { schema: 'avma.setup/1', agent: { x: 1 } },
    { schema: 'avma.setup/1', more: 1 },
  ];
  for (const setup of good) {
    expect(schemaErrors(setup, 'setup')).toBeNull();
    expect(read(JSON.stringify(setup)).finding.why).not.toMatch(/wrong|no setup/);
  }
  for (const setup of bad) {
    expect(schemaErrors(setup, 'setup'), JSON.stringify(setup)).not.toBeNull();
    expect(read(JSON.stringify(setup)).finding.outcome, JSON.stringify(setup)).toBe('invalid');
  }
});

test('bytes and texts of any kind never throw, and give no key that does not stand in them', () => {
  const piece = fc.constantFrom(
    'schema: avma.setup/1\n',
    'key: ',
    KEY,
    '\n',
    '  ',
    '- ',
    '"',
    "'",
    '{',
    '}',
    '[',
    ']',
    '&a ',
    '*a',
    '!!js ',
    '|',
    '>',
    '#',
    ': ',
    '---\n',
    '%YAML 1.1\n',
    '\t',
    'é',
  );
  const text = fc.array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 12 });
  fc.assert(
    fc.property(
      fc.oneof(
        text.map((pieces) => Buffer.from(pieces.join(''))),
        fc.uint8Array({ maxLength: 200 }),
      ),
      (bytes) => {
        const { finding } = read(bytes);
        if (finding.key !== undefined)
          expect(Buffer.from(bytes).toString().toUpperCase()).toContain(finding.key);
      },
    ),
    { numRuns: Number(process.env.AVMA_TEST_RUNS ?? 1000) },
  );
});
