/** `--scrub`: the key goes, and every other byte stays. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { readAnswerFile } from '../../src/setup/answer-file.ts';
import { SCRUBBED, SCRUBBED_WHY } from '../../src/setup/key-text.ts';
import { scrubbed, scrubFile } from '../../src/setup/scrub.ts';
import { readSetupFile } from '../../src/setup/setup-file.ts';
import { failureOf } from '../support/failures.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { CORPUS } from './corpus.ts';

const FOLDER = path.join(import.meta.dirname, 'answer-files');
const KEYED = CORPUS.flatMap((entry) => ('key' in entry ? [entry] : []));
const KEY = 'DBGBW-NPF86-BJVTX-K3WKJ-MTB6V';

/** What both have in common at their beginning and their end, in bytes. */
function commonEnds(a: Buffer, b: Buffer): { start: number; end: number } {
  let start = 0;
  while (start < a.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  return { start, end };
}

describe.each(KEYED)('$file', ({ file, key }) => {
  const bytes = fs.readFileSync(path.join(FOLDER, file));
  const clean = scrubbed(file, bytes);

  test('is read as a file whose key was used', () => {
    const { outcome, why } = readAnswerFile(clean);
    // Where a placeholder stood beside the key, it is what is left to be seen first.
    expect(outcome).toBe('placeholder');
    if (file !== 'key-and-placeholder.xml') expect(why).toContain(SCRUBBED_WHY);
  });

  test('keeps encoding and all that is not in the place of a key', () => {
    const { start, end } = commonEnds(bytes, clean);
    expect(clean.length - start - end).toBeGreaterThan(0);
    for (const encoding of ['latin1', 'utf16le'] as const) {
      expect(clean.toString(encoding).toUpperCase()).not.toContain(key);
    }
    expect(scrubbed(file, clean)).toEqual(clean);
  });
});

test('in one place, everything before and behind it stays, in UTF-16 too', () => {
  for (const name of [
    'specialize.xml',
    'crlf.xml',
    'utf8-bom.xml',
    'windows-1252.xml',
    'utf16le-bom.xml',
    'utf16be-no-bom.xml',
  ]) {
    const bytes = fs.readFileSync(path.join(FOLDER, name));
    const wide = name.startsWith('utf16');
    const encode = (text: string) => {
      const encoded = Buffer.from(text, wide ? 'utf16le' : 'latin1');
      return name.startsWith('utf16be') ? encoded.swap16() : encoded;
    };
    const at = bytes.indexOf(encode(KEY));
    const expected = [bytes.subarray(0, at), encode(SCRUBBED), bytes.subarray(at + encode(KEY).length)];
    expect(scrubbed(name, bytes), name).toEqual(Buffer.concat(expected));
  }
});

test('both places, and the same key in a comment, but no other comment', () => {
  const xml = `<unattend><!-- ${KEY.toLowerCase()} or YQB4H-NKHHJ-Q6K4R-4VMY6-VCH67 -->
<settings pass="windowsPE"><component name="Microsoft-Windows-Setup"><UserData><ProductKey><Key>${KEY}</Key><WillShowUI>Never</WillShowUI></ProductKey></UserData></component></settings>
<settings pass="specialize"><component name="Microsoft-Windows-Shell-Setup"><ProductKey> ${KEY} </ProductKey></component></settings>
<settings pass="oobeSystem"><component name="Microsoft-Windows-Shell-Setup"><ProductKey>${KEY}</ProductKey></component></settings></unattend>`;
  expect(scrubbed('u.xml', Buffer.from(xml)).toString()).toBe(
    xml.replace(KEY.toLowerCase(), SCRUBBED).replace(` ${KEY} `, SCRUBBED).replaceAll(KEY, SCRUBBED),
  );
});

test('every place, also behind more that do not count than are listed', () => {
  const other = '<!-- YQB4H-NKHHJ-Q6K4R-4VMY6-VCH67 -->'.repeat(40);
  const component = `<component name="Microsoft-Windows-Shell-Setup"><ProductKey>${KEY}</ProductKey></component>`;
  const passes = ['specialize', 'oobeSystem'].map(
    (pass) => `<settings pass="${pass}">${component}</settings>`,
  );
  const xml = `<unattend>${other}${passes.join('')}</unattend>`;
  expect(scrubbed('u.xml', Buffer.from(xml)).toString()).toBe(xml.replaceAll(KEY, SCRUBBED));
});

test('files without a key stay as they are', () => {
  for (const { file } of CORPUS.filter(
    ({ outcome }) => outcome === 'placeholder' || outcome === 'malformed',
  )) {
    // Another place of these holds a key that does not count.
    if (/windows-pe|nested-key/.test(file)) continue;
    const bytes = fs.readFileSync(path.join(FOLDER, file));
    expect(scrubbed(file, bytes), file).toBe(bytes);
  }
});

describe('a setup file', () => {
  const source = { name: 's.yaml', readAnchor: null, mayRun: false };

  test.each([
    ['plain', `schema: avma.setup/1\nkey: ${KEY} # the key\npipe: unix:/a\n`],
    ['quoted', `schema: avma.setup/1\nkey: "${KEY}"\n`],
    ['in a block', `schema: avma.setup/1\nkey: >-\n  ${KEY}\npipe: unix:/a\n`],
    ['CRLF', `schema: avma.setup/1\r\nkey: '${KEY.toLowerCase()}'\r\npipe: unix:/a\r\n`],
    ['JSON', `{"schema": "avma.setup/1", "key": "${KEY}", "pipe": "unix:/a"}`],
    ['byte order mark', `\ufeff# ü\nschema: avma.setup/1\nkey: ${KEY}\n`],
  ])('%s', (_what, text) => {
    const before = readSetupFile(Buffer.from(text), source);
    const clean = scrubbed('s.yaml', Buffer.from(text));
    const after = readSetupFile(clean, source);
    expect(before.finding.key).toBe(KEY);
    expect(after.finding).toMatchObject({ outcome: 'placeholder', why: SCRUBBED_WHY });
    expect(after.values).toEqual(before.values);
    expect(clean.toString().toUpperCase()).not.toContain(KEY);
    expect(clean.toString().split(/\r\n/).length).toBe(text.split(/\r\n/).length);
  });
});

describe('on the disk', () => {
  test('the file is replaced with its mode, and a link to it stays', () => {
    const folder = tempFolder();
    const file = path.join(folder, 'u.xml');
    fs.copyFileSync(path.join(FOLDER, 'specialize.xml'), file);
    fs.chmodSync(file, 0o640);
    fs.symlinkSync(file, path.join(folder, 'link.xml'));
    expect(scrubFile(path.join(folder, 'link.xml'))).toBe(true);
    expect(fs.lstatSync(path.join(folder, 'link.xml')).isSymbolicLink()).toBe(true);
    expect(fs.readFileSync(file, 'utf8')).toContain(`<ProductKey>${SCRUBBED}</ProductKey>`);
    expect(fs.statSync(file).mode & 0o777).toBe(0o640);
    expect(scrubFile(file)).toBe(false);
    expect(fs.readdirSync(folder).sort()).toEqual(['link.xml', 'u.xml']);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "root gives somebody else's file back, and no file of root's that the owner puts in its place",
    () => {
      const [uid, gid] = [65534, 65533];
      const folder = tempFolder();
      const victim = path.join(tempFolder(), 'victim');
      fs.writeFileSync(victim, '');
      const file = path.join(folder, 'u.xml');
      fs.copyFileSync(path.join(FOLDER, 'specialize.xml'), file);
      fs.chownSync(file, uid, gid);
      fs.chmodSync(file, 0o640);
      const rename = fs.renameSync;
      const spy = vi.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
        rename(from, to);
        rename(to, path.join(folder, 'scrubbed.xml'));
        fs.symlinkSync(victim, to);
      });
      onTestFinished(() => spy.mockRestore());
      expect(scrubFile(file)).toBe(true);
      expect(fs.statSync(victim)).toMatchObject({ uid: 0, gid: 0 });
      const clean = fs.statSync(path.join(folder, 'scrubbed.xml'));
      expect(clean).toMatchObject({ uid, gid });
      expect(clean.mode & 0o777).toBe(0o640);
    },
  );

  test('a file with a second name is said, since the key would stay under that one', async () => {
    const folder = tempFolder();
    const file = path.join(folder, 'u.xml');
    fs.copyFileSync(path.join(FOLDER, 'specialize.xml'), file);
    fs.linkSync(file, path.join(folder, 'other.xml'));
    const before = fs.readFileSync(file);
    expect(await failureOf(() => scrubFile(file))).toMatchObject({
      code: 'file-invalid',
      message: `${file} has 2 names, and the key would stay under the others`,
    });
    expect(fs.readFileSync(file)).toEqual(before);
    fs.rmSync(path.join(folder, 'other.xml'));
    expect(scrubFile(file)).toBe(true);
  });

  test('an encoding that cannot be written is said, and the file stays', async () => {
    const file = path.join(tempFolder(), 'u.xml');
    const xml = fs.readFileSync(path.join(FOLDER, 'specialize.xml'), 'latin1').replace('utf-8', 'gbk');
    fs.writeFileSync(file, xml);
    const failure = await failureOf(() => scrubFile(file));
    expect(failure.code).toBe('file-invalid');
    expect(failure.hint).toContain('UTF-8');
    expect(fs.readFileSync(file, 'latin1')).toBe(xml);
  });
});
