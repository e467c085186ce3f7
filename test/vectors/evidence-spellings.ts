import { nested, spell, withBom, withLatin1, withRawSurrogate } from './evidence-edits.ts';
import { type EvidenceDifference, PRODUCT, THEN, VM } from './evidence-scene.ts';

/** What a reader of another mind could take for the same JSON. Each is in the answer, which the host signed. */
export const SPELLINGS_OF_NO_ANSWER: readonly EvidenceDifference[] = [
  { name: 'a member twice', spellAnswer: spell('{', '{"vmId":"x",') },
  { name: 'a member twice, once with an escape', spellAnswer: spell('{', `{"\\u0076mId":"${VM}",`) },
  {
    name: 'a member twice in an object within',
    spellAnswer: spell('"refusal":null', '"refusal":{"a":1,"a":1}'),
  },
  { name: 'members in other letters', spellAnswer: spell('"vmId"', '"vmid"') },
  { name: 'a member called __proto__', spellAnswer: spell('{', '{"__proto__":null,') },
  { name: 'a member called constructor', spellAnswer: spell('{', '{"constructor":1,') },
  { name: 'a byte order mark', spellAnswer: withBom },
  { name: 'a byte that is no UTF-8', spellAnswer: withLatin1 },
  { name: 'a surrogate in UTF-8', spellAnswer: withRawSurrogate },
  { name: 'half of a pair as an escape', spellAnswer: spell('"hv01"', '"hv\\ud800"') },
  { name: 'the other half of a pair', spellAnswer: spell('"hv01"', '"hv\\udc00x"') },
  { name: 'a pair the wrong way round', spellAnswer: spell('"hv01"', '"\\udc00\\ud800"') },
  { name: 'an escape that JSON does not have', spellAnswer: spell('"hv01"', '"hv\\x301"') },
  { name: 'an escape of three digits', spellAnswer: spell('"hv01"', '"hv\\u031"') },
  { name: 'a sign in an escape', spellAnswer: spell('"hv01"', '"hv\\u+031"') },
  { name: 'a control character as it is', spellAnswer: spell('"hv01"', '"hv\t01"') },
  { name: 'a control character as an escape', spellAnswer: spell('"hv01"', '"hv\\t01"') },
  { name: 'text from right to left', spellAnswer: spell('"hv01"', '"hv\\u202e01"') },
  { name: 'an invisible tag outside the basic plane', spellAnswer: spell('"hv01"', '"hv\\udb40\\udc41"') },
  { name: "slmgr's status line in a name", spellAnswer: spell('"hv01"', '"License\\u00a0 STATUS:"') },
  { name: 'data behind the object', spellAnswer: (json) => `${json} 1` },
  { name: 'a comma behind the last member', spellAnswer: spell(/}$/, ',}') },
  { name: 'a comment', spellAnswer: (json) => `/* */${json}` },
  { name: 'single quotation marks', spellAnswer: (json) => json.replaceAll('"', "'") },
  { name: 'another kind of space', spellAnswer: (json) => `\u00a0${json}` },
  { name: 'a NUL behind it', spellAnswer: (json) => `${json}\0` },
  { name: 'NaN', spellAnswer: spell(`"issuedAt":${THEN}`, '"issuedAt":NaN') },
  { name: 'Infinity', spellAnswer: spell(`"issuedAt":${THEN}`, '"issuedAt":Infinity') },
  { name: 'a number too large for a double', spellAnswer: spell(`"issuedAt":${THEN}`, '"issuedAt":1e999') },
  { name: 'a number with a leading zero', spellAnswer: spell(`"issuedAt":${THEN}`, `"issuedAt":0${THEN}`) },
  { name: 'a number with a plus', spellAnswer: spell(`"issuedAt":${THEN}`, `"issuedAt":+${THEN}`) },
  { name: 'a hexadecimal number', spellAnswer: spell('"hresult":0', '"hresult":0x0') },
  { name: 'a number with underscores', spellAnswer: spell(`"issuedAt":${THEN}`, '"issuedAt":1_000') },
  { name: 'a number that ends in a point', spellAnswer: spell(`"issuedAt":${THEN}`, `"issuedAt":${THEN}.`) },
  { name: 'a number with a fraction', spellAnswer: spell(`"issuedAt":${THEN}`, `"issuedAt":${THEN}.5`) },
  { name: 'a negative number', spellAnswer: spell(`"issuedAt":${THEN}`, '"issuedAt":-1') },
  { name: 'a number as text', spellAnswer: spell(`"issuedAt":${THEN}`, `"issuedAt":"${THEN}"`) },
  { name: 'true where a number is', spellAnswer: spell('"hresult":0', '"hresult":true') },
  { name: 'false where a number is', spellAnswer: spell('"hresult":0', '"hresult":false') },
  { name: 'a number of 500 digits', spellAnswer: spell('"hresult":0', `"hresult":${'9'.repeat(500)}`) },
  { name: 'Arabic digits', spellAnswer: spell('"hresult":0', '"hresult":\u0661') },
  { name: 'nested 90 deep', spellAnswer: spell('"refusal":null', `"refusal":${nested(90)}`) },
  { name: 'UTF-16', spellAnswer: (json) => Buffer.from(json, 'utf16le') },
  { name: 'nothing', spellAnswer: () => '' },
  { name: 'a list', spellAnswer: (json) => `[${json}]` },
  { name: 'text', spellAnswer: (json) => JSON.stringify(json) },
];

/** What every reader has to take for the same JSON. */
export const SPELLINGS_OF_AN_ANSWER: readonly EvidenceDifference[] = [
  {
    name: 'spaces wherever JSON allows them',
    spellAnswer: (json) => ` \t\r\n${json.replace(/,/g, ' ,\n')}\n`,
  },
  {
    name: 'a time as a power of ten',
    spellAnswer: spell(`"issuedAt":${THEN}`, `"issuedAt":${THEN / 1000}e3`),
  },
  {
    name: 'a time with a fraction of zero',
    spellAnswer: spell(`"issuedAt":${THEN}`, `"issuedAt":${THEN}.000`),
  },
  { name: 'minus zero', spellAnswer: spell('"hresult":0', '"hresult":-0') },
  {
    name: 'a fraction that no double holds',
    spellAnswer: spell(`"issuedAt":${THEN}`, `"issuedAt":${THEN}.00000000000000000001`),
  },
  { name: 'letters as escapes', spellAnswer: spell('"hv01"', '"\\u0068v\\u00301"') },
  {
    name: 'a name in many bytes, as escapes',
    certificate: { hostName: '主機😀' },
    answer: { hostName: 'HERE' },
    spellAnswer: spell('HERE', '\\u4e3b\\u6a5f\\ud83d\\ude00'),
  },
  {
    name: 'the replacement character',
    certificate: { hostName: 'hv\ufffd' },
    answer: { hostName: 'hv\ufffd' },
  },
  {
    name: 'a host name of 96 bytes, two of them for a quotation mark',
    certificate: { hostName: `${'主'.repeat(31)}x"` },
    answer: { hostName: `${'主'.repeat(31)}x"` },
  },
  {
    name: 'a product name of 200 characters, of two units each',
    license: { product: { activationId: PRODUCT, name: '😀'.repeat(100) } },
  },
  {
    name: 'a letter that only looks like that of the status line',
    certificate: { hostName: 'licen\u017fe status:' },
    answer: { hostName: 'licen\u017fe status:' },
  },
];
