import { PAYLOAD_TYPES } from '../../src/protocol/envelope.ts';
import { edit, relabel, retirement } from './evidence-edits.ts';
import {
  type EvidenceDifference,
  entryOf,
  LICENSE_ID,
  publicKeyOf,
  revocations,
  SERIAL,
  sign,
  trustUpdate,
} from './evidence-scene.ts';

/** Documents that count for nothing, whatever they say. */
export const DOCUMENTS_ASIDE: readonly EvidenceDifference[] = [
  {
    name: "another vendor's revocation list",
    options: (keys) => ({
      revocations: [revocations(keys, { hosts: [entryOf('host serial', SERIAL)] }, 'stranger')],
    }),
  },
  {
    name: 'a revocation list in whose name another vendor signed',
    options: (keys) => {
      const list = { hosts: [entryOf('host serial', SERIAL)], sequence: 7 };
      const { payload } = revocations(keys, list);
      return {
        revocations: [sign(keys, PAYLOAD_TYPES.revocations, Buffer.from(payload, 'base64url'), 'stranger')],
      };
    },
  },
  {
    name: 'a revocation list with one byte changed',
    options: (keys) => ({
      revocations: [edit('stolen', 'unpaid')(revocations(keys, { hosts: [entryOf('host serial', SERIAL)] }))],
    }),
  },
  {
    name: 'a revocation list that was relabeled',
    options: (keys) => ({
      revocations: [relabel(revocations(keys, { hosts: [entryOf('host serial', SERIAL)] }))],
    }),
  },
  {
    name: 'a revocation list older than another one',
    options: (keys) => ({
      revocations: [
        revocations(keys, { hosts: [entryOf('host serial', SERIAL)] }),
        revocations(keys, { sequence: 2 }),
      ],
    }),
  },
  {
    name: 'a revocation list with other serials and licenses',
    options: (keys) => ({
      revocations: [
        revocations(keys, {
          hosts: [entryOf('host serial', LICENSE_ID)],
          licenses: [entryOf('license', SERIAL)],
        }),
      ],
    }),
  },
  {
    name: 'what is no document at all',
    options: () => ({
      revocations: [null, 1, '', 'x', '{}', [], {}],
      trustUpdates: [null, 1, '', 'x', '{}', {}],
    }),
  },
];

export const UPDATES_ASIDE: readonly EvidenceDifference[] = [
  {
    name: 'a trust update that skips a version',
    options: (keys) => ({ trustUpdates: [retirement(keys)] }),
  },
  {
    name: 'a trust update that only the former root signed',
    options: (keys) => ({ trustUpdates: [trustUpdate(keys, {}, ['root'])] }),
  },
  {
    name: 'a trust update that only the new root signed',
    options: (keys) => ({ trustUpdates: [trustUpdate(keys, {}, ['next'])] }),
  },
  {
    name: 'a trust update that drops every root',
    options: (keys) => ({ trustUpdates: [trustUpdate(keys, { roots: [publicKeyOf(keys, 'next')] })] }),
  },
  {
    name: 'a trust update that a stranger signed besides',
    options: (keys) => ({ trustUpdates: [trustUpdate(keys, {}, ['root', 'next', 'stranger'])] }),
  },
  {
    name: 'a trust update with one byte changed',
    options: (keys) => ({ trustUpdates: [edit('Acme', 'Acne')(trustUpdate(keys))] }),
  },
  {
    name: 'a trust update that names a former root twice',
    options: (keys) => ({
      trustUpdates: [trustUpdate(keys, { formerRoots: Array(2).fill(publicKeyOf(keys, 'root')) })],
    }),
  },
  {
    name: 'a trust update of another vendor, who claims the root as his',
    options: (keys) => ({
      trustUpdates: [
        trustUpdate(
          keys,
          {
            formerRoots: [publicKeyOf(keys, 'root'), publicKeyOf(keys, 'stranger')],
            roots: [publicKeyOf(keys, 'stranger'), publicKeyOf(keys, 'next')],
          },
          ['stranger', 'next'],
        ),
      ],
    }),
  },
  {
    name: 'a second version 3, which follows another version 2',
    options: (keys) => ({
      trustUpdates: [trustUpdate(keys), retirement(keys, { previous: '0'.repeat(64) })],
    }),
  },
];
