/** Whose license a user sees. */
import { expect, test } from 'vitest';
import { type WhoseLicense, whoseLicense } from '../../src/cli/whose-license.ts';

const own = {
  stateFolder: '/home/me/.local/state/avma',
  stateFolderIsDefault: true,
  machineRunFolder: '/run/avma',
};
const only =
  (...files: string[]) =>
  (file: string) =>
    files.includes(file);
const OWN_STATE = '/home/me/.local/state/avma/guest.state';
const LICENSE = '/run/avma/license.json';

test.each<[string, typeof own, number | undefined, (file: string) => boolean, WhoseLicense]>([
  ["a user without a state sees the machine's", own, 1000, only('/var/lib/avma', LICENSE), 'machine'],
  ['also where root keeps the state elsewhere', own, 1000, only(LICENSE), 'machine'],
  ['and nothing, where there is no license.json', own, 1000, only('/var/lib/avma'), 'hidden'],
  ['a user with a state sees that', own, 1000, only('/var/lib/avma', LICENSE, OWN_STATE), 'own'],
  ['on a machine that has none, a user begins one', own, 1000, only(), 'own'],
  ['root sees the state', own, 0, only('/var/lib/avma', LICENSE), 'own'],
  ['a folder that was named is seen', { ...own, stateFolderIsDefault: false }, 1000, only(LICENSE), 'own'],
  ['on Windows, the state is seen', own, undefined, only(LICENSE), 'own'],
])('%s', (_what, settings, uid, exists, whose) => {
  expect(whoseLicense(settings, { uid, exists })).toBe(whose);
});
