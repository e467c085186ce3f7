/** A file that is right for another command: each says what the file is, and which command takes it. */
import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestMachine } from '../test-machine.ts';

const machine = new TestMachine();

beforeAll(async () => {
  const made = async (words: string, file: string) => {
    const { stdout } = await machine.mustRun('avma', words.split(' '));
    fs.writeFileSync(machine.at(file), stdout);
  };
  await machine.mustRun('avma', ['vendor', 'init', '--out', 'v', '--name', 'Acme']);
  await machine.mustRun('avma', ['host', 'init']);
  await machine.mustRun(
    'avma',
    'vendor product add --catalog acme.json --name Gate --product-version 3.2'.split(' '),
  );
  await made('vendor catalog sign acme.json --key v/root.key', 'acme.catalog.json');
  await made('host request', 'request.json');
  await made('vendor certify request.json --key v/root.key', 'certificate.json');
  await made(
    'vendor license new --key v/root.key --customer Bank --product gate --until 2099-12-31',
    'bank.license.json',
  );
  await made('vendor revoke --key v/root.key --license 0000000000000000', 'revocations.json');
  fs.writeFileSync(machine.at('empty.json'), '');
});
afterAll(() => machine.close());

const LICENSE = 'avma host license add bank.license.json';
const CERTIFICATE = 'avma host activate certificate.json';
const ANCHOR = 'avma guest trust add v/root.pub.json';

test.each([
  ['host activate bank.license.json', 'a customer license, not a host certificate', LICENSE],
  [
    'host activate request.json',
    'a host request, not a host certificate',
    'avma vendor certify request.json',
  ],
  ['host license add certificate.json', 'a host certificate, not a customer license', CERTIFICATE],
  ['host license add v/root.pub.json', 'a trust anchor, not a customer license', ANCHOR],
  ['host revocations add bank.license.json', 'a customer license, not a revocation list', LICENSE],
  ['host trust add v/root.pub.json', 'a trust anchor, not a trust update', ANCHOR],
  [
    'guest trust add acme.catalog.json',
    'a catalog, not a trust anchor',
    'avma guest catalog add acme.catalog.json',
  ],
  ['guest catalog add bank.license.json', 'a customer license, not a catalog', LICENSE],
  ['guest catalog check v/root.pub.json', 'a trust anchor, not a catalog', ANCHOR],
  ['vendor certify bank.license.json --key v/root.key', 'a customer license, not a host request', LICENSE],
  ['vendor license show certificate.json', 'a host certificate, not a customer license', CERTIFICATE],
  ['vendor certify request.json --key v/root.pub.json', "a trust anchor, not a vendor's private key", ANCHOR],
  [
    'host activate revocations.json',
    'a revocation list, not a host certificate',
    'avma host revocations add revocations.json',
  ],
])('%s: it is %s', async (words, what, command) => {
  const { stdout, stderr, status } = await machine.run('avma', words.split(' '));
  expect(stderr).toContain(` is ${what}. [`);
  expect(stderr).toContain(command);
  expect({ stdout, status }).toEqual({ stdout: '', status: 65 });
});

test('an empty file is said to be empty', async () => {
  const { stderr } = await machine.run('avma', ['host', 'activate', 'empty.json']);
  expect(stderr).toContain('empty.json is empty, and not a host certificate. [file-invalid');
  expect(stderr).toContain('avma vendor certify');
});

test('a file that is of the right kind, and damaged, is said to be damaged', async () => {
  const text = fs.readFileSync(machine.at('certificate.json'), 'utf8');
  fs.writeFileSync(machine.at('changed.json'), text.replace('"sig": "', '"sig": "AAAA'));
  const { stderr } = await machine.run('avma', ['host', 'activate', 'changed.json']);
  expect(stderr).toContain('changed.json is not a host certificate, or it was changed after');
});
