import { PAYLOAD_TYPES, type PayloadType } from '../../src/protocol/envelope.ts';
import {
  type EvidenceDifference,
  entryOf,
  type Keys,
  LICENSE_ID,
  type LooseEnvelope,
  makeEvidence,
  makeOptions,
  NONCE,
  publicKeyOf,
  revocations,
  SERIAL,
  type Signer,
  type Statement,
  sign,
  THEN,
  trustUpdate,
} from '../vectors/evidence-scene.ts';
import type { AskedEvidence } from './ports.ts';

/** Random numbers from a seed, so that a failure can be repeated. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  /** A whole number from 0 to `below`, which is not included. */
  roll(below: number): number {
    // xorshift32
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % below;
  }

  pick<T>(things: readonly T[]): T {
    return things[this.roll(things.length)] as T;
  }
}

/** JSON that one reader may take and another not. */
const VALUES: readonly string[] = [
  ...[
    'null',
    'true',
    'false',
    '{}',
    '[]',
    '[null]',
    '""',
    '"x"',
    '"\\u0000"',
    '"\\ud800"',
    '"\\ud83d\\ude00"',
  ],
  ...[
    '0',
    '-0',
    '-1',
    '1',
    '1.0',
    '1e0',
    '10E-1',
    '1e999',
    '-1e999',
    '1e-999',
    '0.1',
    '00',
    '01',
    '.5',
    '1.',
  ],
  ...['9007199254740991', '9007199254740992', '9007199254740993', '1e15', '9999999999999', '10000000000000'],
  ...[
    'NaN',
    'Infinity',
    '+1',
    '0x1',
    '1_0',
    '\u0661',
    'nul',
    'True',
    '"\t"',
    '"\\x41"',
    '"\\u00e"',
    '"\\u+0e1"',
  ],
  ...[
    '"\u00a0"',
    '"\u200b"',
    '"\ufeff"',
    '"\u2028"',
    '"\u202e"',
    '"\u00ad"',
    '"\ufffd"',
    '"\ufdd0"',
    '"\u{10ffff}"',
  ],
  ...['"license status:"', '"LICEN\u017fE status :"', '"license\u3000status\u2003:"', '"License Status"'],
  ...[
    '"report"',
    '"refuse-new"',
    '"approved"',
    '"refused"',
    `"${'a'.repeat(63)}"`,
    `"${'\u4e3b'.repeat(32)}"`,
  ],
  ...['"00112233445566ff"', '"00112233445566FF"', `"${'0'.repeat(64)}"`, `"${NONCE}"`, `"${NONCE}0"`],
  ...[
    '["certificate-in-grace"]',
    '["over-limit"]',
    '["license-in-grace","over-limit"]',
    '["over-limit","over-limit"]',
  ],
  ...[
    '[{"name":"vpn","value":null}]',
    '[{"name":"vpn","value":1e3}]',
    '[{"name":"vpn"}]',
    '["vienna"]',
    '["graz"]',
  ],
  ...['"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"', '"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"'],
  ...[String(THEN), String(THEN - 1), String(THEN + 1), `${THEN}.0`, `${THEN / 1000}e3`, `"${THEN}"`],
  ...[
    '{"code":"refused","message":"why","retryAfter":null}',
    '{"code":"throttled","message":"why","retryAfter":1}',
  ],
  ...['3221552388', '3221552384', '4294967295', '4294967296', '[[[[[[[[]]]]]]]]'],
];

const SCRAPS = [
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\\',
  ' ',
  '\n',
  '\t',
  '0',
  '-',
  'e',
  'A',
  '_',
  '=',
  '\u00e9',
  '\ufeff',
];

/** Statements of which one part has been changed at random. */
function respell(dice: Dice): (json: string) => string | Uint8Array {
  return (json) => {
    const kind = dice.roll(10);
    if (kind < 6) return editMember(dice, json);
    if (kind < 9) return editText(dice, json);
    const bytes = Buffer.from(json);
    bytes[dice.roll(bytes.length)] = dice.roll(256);
    return bytes;
  };
}

/** Some object in the JSON with a member replaced, left out, given twice, or one more. */
function editMember(dice: Dice, json: string): string {
  const top = JSON.parse(json) as Statement;
  const objects = [top];
  for (const one of objects) {
    const inner = Object.values(one).flatMap((value) => (Array.isArray(value) ? value : [value]));
    objects.push(...inner.filter((value): value is Statement => typeof value === 'object' && value !== null));
  }
  const object = dice.pick(objects);
  const name = dice.pick([...Object.keys(object), 'more']);
  const value = dice.pick(VALUES);
  switch (dice.roll(8)) {
    case 0:
      delete object[name];
      return JSON.stringify(top);
    case 1: {
      const marked = JSON.stringify(top, (_key, one) => (one === object ? { '@@': 0, ...object } : one));
      return marked.replace('"@@":0', `${JSON.stringify(name)}:${value}`);
    }
    default:
      object[name] = '@@';
      return JSON.stringify(top).replace('"@@"', value);
  }
}

function editText(dice: Dice, text: string): string {
  const at = dice.roll(text.length + 1);
  const length = dice.pick([0, 1, 1, 2, 10]);
  const scrap = dice.pick([dice.pick(SCRAPS), dice.pick(VALUES), text.slice(at, at + 20), '']);
  return text.slice(0, at) + scrap + text.slice(at + length);
}

/** One part of the evidence, or of what is asked, at random. Most mutations are signed: others end at the signature. */
function difference(dice: Dice): EvidenceDifference {
  const spell = respell(dice);
  const part = dice.roll(10);
  if (part < 2) return { name: 'certificate', spellCertificate: spell };
  if (part < 4) return { name: 'answer', spellAnswer: spell };
  if (part < 6) return { name: 'license', spellLicense: spell };
  if (part < 7) {
    return {
      name: 'evidence',
      evidence: (evidence) => {
        const text = spell(JSON.stringify(evidence));
        return typeof text === 'string' ? text : Buffer.from(text).toString('latin1');
      },
    };
  }
  return { name: 'options', options: (keys) => askedAtRandom(dice, keys) };
}

function askedAtRandom(dice: Dice, keys: Keys): Partial<Record<string, unknown>> {
  const root = publicKeyOf(keys, 'root');
  const spell = (thing: unknown) => {
    const spelled = respell(dice)(JSON.stringify(thing));
    return typeof spelled === 'string' ? spelled : Buffer.from(spelled).toString('latin1');
  };
  const anchor = {
    schema: 'avma.trust-anchor/1',
    name: 'Acme',
    publicKey: root,
    createdAt: 0,
    trustVersion: 1,
  };
  switch (dice.roll(6)) {
    case 0:
      return { now: THEN + dice.pick([-300_001, -300_000, 0, 604_799_999, 604_800_000]) };
    case 1:
      return { features: [editText(dice, dice.pick(['vpn', 'throughput>=10', 'throughput:9', '']))] };
    case 2:
      return { roots: [dice.pick([editText(dice, root), spell(anchor), root])] };
    case 3:
      return { vmId: editText(dice, '11111111-2222-4333-8444-555555555555') };
    case 4:
      return {
        trustUpdates: [resigned(dice, keys, trustUpdate(keys), PAYLOAD_TYPES.trustUpdate, ['root', 'next'])],
      };
    default: {
      const list = revocations(keys, {
        hosts: dice.pick([[], [entryOf('host serial', SERIAL)]]),
        licenses: dice.pick([[], [entryOf('license', LICENSE_ID)]]),
      });
      return { revocations: [resigned(dice, keys, list, PAYLOAD_TYPES.revocations, ['root'])] };
    }
  }
}

/** A document with a change in what was signed, and signed anew; now and then with a change in its envelope. */
function resigned(
  dice: Dice,
  keys: Keys,
  document: LooseEnvelope,
  type: PayloadType,
  signers: readonly Signer[],
): unknown {
  const spell = respell(dice);
  if (dice.roll(4) === 0) {
    const spelled = spell(JSON.stringify(document));
    return typeof spelled === 'string' ? spelled : Buffer.from(spelled).toString('latin1');
  }
  const payload = Buffer.from(document.payload, 'base64url').toString('utf8');
  return sign(keys, type, spell(payload), ...signers);
}

/** Questions of which each differs in one place from one that is answered with yes. */
export function mutatedQuestions(keys: Keys, seed: number, count: number): AskedEvidence[] {
  const dice = new Dice(seed);
  return Array.from({ length: count }, () => {
    const different = difference(dice);
    return { evidence: makeEvidence(keys, different), options: makeOptions(keys, different) };
  });
}
