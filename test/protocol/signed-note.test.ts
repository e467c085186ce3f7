/** Signed notes: what is taken, what is not, and a note that another implementation can be held to. */
import { expect, test } from 'vitest';
import { generateKeyPair, importPrivateKey } from '../../src/protocol/curve-keys.ts';
import { noteKeyId, openNote, signNote } from '../../src/protocol/signed-note.ts';

const NAME = 'avma-host/0011-2233-4455-6677';
const TEXT = 'one line\nand another\n';
const pair = generateKeyPair('ed25519');
const key = { name: NAME, publicKey: pair.publicKey };

/** The private key of 32 bytes of 0x01, in DER: Ed25519 signatures are the same each time. */
const FIXED = importPrivateKey(
  'ed25519',
  `-----BEGIN PRIVATE KEY-----\n${Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 1)]).toString('base64')}\n-----END PRIVATE KEY-----\n`,
  { from: 'the test' },
);

test('a note that was signed opens with the key, and says its text', () => {
  const note = signNote(TEXT, NAME, pair);
  expect(note.startsWith(`${TEXT}\n— ${NAME} `)).toBe(true);
  expect(openNote(note, [key])).toEqual({ kind: 'signed', text: TEXT, signer: key });
});

test('the bytes of a note are fixed', () => {
  expect(noteKeyId({ name: 'example.com/a', publicKey: FIXED.publicKey }).toString('hex')).toBe('45429e05');
  expect(signNote('hello\n', 'example.com/a', FIXED)).toBe(
    'hello\n\n— example.com/a RUKeBYL3LVihtloTBAguJo0tpwXhAo86oYa3y7p3R3XkNSmhJp+qi4I0m7IhemUcGBO++44k34xTV96B8tOLt8JcvQ0=\n',
  );
});

test('a text that was changed, in one letter or at its end, does not open', () => {
  const note = signNote(TEXT, NAME, pair);
  expect(openNote(note.replace('another', 'anothes'), [key]).kind).toBe('changed');
  expect(openNote(note.replace('another\n', 'another\n\n'), [key]).kind).toBe('changed');
});

test('signatures of others are passed over, and one alone is of nobody', () => {
  const other = generateKeyPair('ed25519');
  const note = signNote(TEXT, NAME, pair);
  const second = signNote(TEXT, 'example.com/witness', other).split('\n').at(-2);
  expect(openNote(`${note}${second}\n`, [key]).kind).toBe('signed');
  expect(openNote(signNote(TEXT, 'example.com/witness', other), [key]).kind).toBe('unknown-key');
  // The same name with another key is another signer: its key ID differs.
  expect(openNote(signNote(TEXT, NAME, other), [key]).kind).toBe('unknown-key');
});

test('a wrong signature of a known key spoils a note, whatever else it has', () => {
  const note = signNote(TEXT, NAME, pair);
  const wrong = signNote('another text\n', NAME, pair).split('\n').at(-2);
  expect(openNote(`${note}${wrong}\n`, [key]).kind).toBe('changed');
});

test.each([
  ['nothing', ''],
  ['no signature', TEXT],
  ['no empty line', `${TEXT}— ${NAME} AAAAAAAA\n`],
  ['no last newline', signNote(TEXT, NAME, pair).trimEnd()],
  ['a name with a space', `${TEXT}\n— two words AAAAAAAA\n`],
  ['base64 that is none', `${TEXT}\n— ${NAME} AAAA!AAA\n`],
  ['a signature of no length', `${TEXT}\n— ${NAME} AAAA\n`],
  ['a control character', signNote('one\tline\n', NAME, pair)],
  ['seventeen signatures', `${TEXT}\n${`— ${NAME} AAAAAAAA\n`.repeat(17)}`],
])('%s is no note', (_what, note) => {
  expect(openNote(note, [key])).toEqual({ kind: 'malformed' });
});
