/** `avma guest trust`: anchors, trust updates and revocation lists that somebody brings. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CosignedEnvelope } from '../../../src/protocol/envelope.ts';
import { hostEntryDigest } from '../../../src/protocol/revocations.ts';
import { parseBySchema } from '../../support/json-schemas.ts';
import { installRoot, rotation, writeDocument } from '../../support/trust-documents.ts';
import { signedRevocations, testRoot } from '../../support/vendor-documents.ts';
import { TestMachine } from '../test-machine.ts';

const machine = new TestMachine();
const first = testRoot();
const second = testRoot();
const stranger = testRoot('Stranger');
const [introduced, retired] = rotation(first, second);
const list = signedRevocations(first, {
  sequence: 4,
  hosts: [{ digest: hostEntryDigest('00112233445566ff'), reason: 'stolen' }],
});

let anchor: string;
beforeAll(() => {
  anchor = installRoot(machine.at('given'), first);
  write('introduced.json', introduced);
  write('retired.json', retired);
  write('list.json', list);
  write('foreign.json', signedRevocations(stranger));
});
afterAll(() => machine.close());

const write = (name: string, envelope: CosignedEnvelope) =>
  writeDocument(machine.at('given'), name, envelope);
const trust = (...words: string[]) => machine.run('avma', ['guest', 'trust', ...words]);
const given = (name: string) => path.join(machine.at('given'), name);

async function json(schema: string, ...words: string[]) {
  const ran = await trust(...words, '--json');
  expect({ stderr: ran.stderr, status: ran.status }).toEqual({ stderr: '', status: 0 });
  // biome-ignore lint/suspicious/noExplicitAny: what a test looks at in JSON of several shapes.
  return parseBySchema(ran.stdout, schema) as any;
}

test('a vendor is trusted, followed, told of a stolen host, and trusted no more', async () => {
  expect(await json('guest-trust-add', 'add', anchor)).toMatchObject({ added: 'anchor', changed: true });

  const gap = await trust('add', given('retired.json'));
  expect(gap.status).toBe(65);
  expect(gap.stderr).toContain('version 2 has to come first');

  expect(await json('guest-trust-add', 'add', given('introduced.json'))).toMatchObject({
    added: 'trust-update',
    changed: true,
    vendor: { trustVersion: 2, roots: [{ keyId: first.keyId }, { keyId: second.keyId, file: null }] },
  });
  expect(await json('guest-trust-add', 'add', given('introduced.json'))).toMatchObject({ changed: false });
  expect((await trust('add', given('list.json'))).stderr).toContain('with 1 host and 0 licenses');
  const followed = await trust('add', given('retired.json'));
  expect(followed.stderr).toContain(`The root ${first.keyId} counts no more: its vendor has retired it.`);
  expect((await trust('add', given('retired.json'))).stderr).toContain('Nothing was changed');

  const { stdout } = await trust('list');
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(3);
  expect(lines[1]).toMatch(new RegExp(`^${second.keyId} +Acme +yes +trust update 2 +list 4$`));
  expect(lines[2]).toMatch(new RegExp(`^${first.keyId} +Acme +\\S* ?retired +/`));
  expect(await json('guest-trust-list', 'list')).toMatchObject({
    follow: true,
    vendors: [{ trustVersion: 3, retiredRoots: [{ keyId: first.keyId }], revocations: { sequence: 4 } }],
  });

  const events = await machine.run('avma', ['guest', 'events', '--json']);
  expect(JSON.parse(events.stdout).events.map(({ kind }: { kind: string }) => kind)).toEqual([
    'trust-followed',
    'revocations-taken',
    'trust-followed',
    'root-retired',
  ]);

  const refused = await trust('remove', second.keyId);
  expect(refused.status).toBe(66);
  expect(refused.stderr).toContain(`avma guest trust remove ${first.keyId}`);
  const removed = await json('guest-trust-remove', 'remove', first.keyId);
  expect(removed.files).toHaveLength(4);
  for (const file of removed.files) expect(fs.existsSync(file)).toBe(false);
  expect((await json('guest-trust-list', 'list')).vendors).toEqual([]);
});

test('a list of a vendor whom nobody trusts is refused, and says so', async () => {
  const ran = await trust('add', given('foreign.json'));
  expect(ran.status).toBe(65);
  expect(ran.stderr).toContain('[revocations-foreign, 0x8007000D]');
});
