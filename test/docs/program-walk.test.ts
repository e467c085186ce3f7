/** A vendor's programs on a guest with a real host: licensed, on an administrator's own host, rotated, revoked. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keyId } from '../../src/protocol/envelope.ts';
import { type ExampleProgram, examplePrograms } from './example-programs.ts';

const BIN = path.resolve(import.meta.dirname, '../../bin');
const exec = promisify(execFile);

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-walk-'));
const env = {
  PATH: `${BIN}:${process.env.PATH}`,
  HOME: folder,
  AVMA_STATE_DIR: path.join(folder, 'state'),
  AVMA_RUN_DIR: path.join(folder, 'state/run'),
  AVMA_PIPE: `unix:${folder}/host.sock`,
  AVMA_CONFIG: path.join(folder, 'config.json'),
  AVMA_TRUST_DIR: path.join(folder, 'none'),
  AVMA_VM_ID: '7d1f2c3e-5b6a-4f80-9c12-0a1b2c3d4e5f',
};

async function sh(script: string, more: NodeJS.ProcessEnv = {}): Promise<string> {
  const { stdout } = await exec('bash', ['-e', '-c', script], { cwd: folder, env: { ...env, ...more } });
  return stdout;
}

/** Starts a host that ends with the test. */
const serve = (socket: string) => `avma host serve --listen unix:$PWD/${socket} > ${socket}.log 2>&1 &
  echo $! >> hosts
  until [ -S ${socket} ]; do sleep 0.1; done`;

const PREPARE = `echo '{}' > config.json
  avma vendor init --out v --name Acme
  avma vendor product add --catalog acme.json --name "Acme Gateway" --product-version 3.2 \\
    --edition acme-gateway --requires-license
  avma vendor catalog sign acme.json --key v/root.key > acme.catalog.json
  avma vendor license new --key v/root.key --customer "Bank Ltd" --product acme-gateway \\
    --feature vpn --feature throughput=10 --guests 2 --until 2099-12-31 > bank.license.json
  avma host init
  avma host request > request.json
  avma vendor certify request.json --key v/root.key --days 90 > certificate.json
  avma host activate certificate.json
  avma host license add bank.license.json
  mkdir -p state/host/catalog.d
  cp acme.catalog.json state/host/catalog.d
  ${serve('host.sock')}
  avma guest trust add v/root.pub.json
  avma guest catalog add acme.catalog.json
  slmgr /ipk "$(sed -n 's/.*"productKey": "\\(.*\\)".*/\\1/p' acme.json)"`;

let programs: Record<string, ExampleProgram | null> = {};
beforeAll(async () => {
  await sh(PREPARE);
  const { publicKey } = JSON.parse(fs.readFileSync(path.join(folder, 'v/root.pub.json'), 'utf8'));
  const { products } = JSON.parse(fs.readFileSync(path.join(folder, 'acme.json'), 'utf8'));
  programs = await examplePrograms(path.join(folder, 'programs'), {
    root: publicKey,
    product: products[0].activationId,
    vmIdFile: path.join(folder, 'none'),
  });
});
afterAll(async () => {
  // A host writes its ledger until it has ended.
  await sh(`[ -f hosts ] || exit 0
    kill $(cat hosts) 2> /dev/null
    for host in $(cat hosts); do while kill -0 "$host" 2> /dev/null; do sleep 0.1; done; done`);
  fs.rmSync(folder, { recursive: true, force: true });
});

/** What the programs say, which is the same in each language. */
function allSay(args: readonly string[], more: NodeJS.ProcessEnv = {}): string {
  const said = Object.values(programs).flatMap((program) => program?.run(args, { ...env, ...more }) ?? []);
  expect(new Set(said).size, said.join('')).toBe(1);
  return said[0] ?? '';
}

const YES = 'yes: licensed to Bank Ltd until 2099-12-31, with throughput=10, vpn\n';

test('a licensed machine: yes with the features, by the evidence that it keeps and by fresh evidence', () => {
  expect(allSay(['vpn', 'throughput>=10'])).toBe(YES);
  expect(allSay(['--fresh', 'vpn'])).toBe(YES);
  expect(allSay(['cluster'])).toBe('no: feature-missing\n');
});

test("an administrator's own anchor, catalog and host: slmgr says licensed, and the programs no", async () => {
  const own = { AVMA_STATE_DIR: path.join(folder, 'own'), AVMA_RUN_DIR: path.join(folder, 'own/run') };
  const pipe = { AVMA_PIPE: `unix:${folder}/own.sock` };
  const dlv = await sh(
    `avma vendor init --out mine --name Acme
    avma vendor catalog sign acme.json --key mine/root.key > mine.catalog.json
    avma vendor license new --key mine/root.key --customer "Bank Ltd" --product acme-gateway \\
      --feature vpn --until 2099-12-31 > mine.license.json
    avma host init
    avma host request > mine.request.json
    avma vendor certify mine.request.json --key mine/root.key > mine.certificate.json
    avma host activate mine.certificate.json
    avma host license add mine.license.json
    mkdir -p own/host/catalog.d
    cp mine.catalog.json own/host/catalog.d
    ${serve('own.sock')}
    avma guest trust add mine/root.pub.json
    avma guest trust add v/root.pub.json
    avma guest catalog add mine.catalog.json > out
    slmgr /ipk "$(sed -n 's/.*"productKey": "\\(.*\\)".*/\\1/p' acme.json)" > out
    slmgr /dlv`,
    { ...own, ...pipe },
  );
  expect(dlv).toContain('License Status: Licensed');
  expect(allSay(['vpn'], { ...own, ...pipe })).toBe('no: certificate-untrusted\n');
  expect(allSay(['--fresh', 'vpn'], { ...own, ...pipe })).toBe('no: certificate-untrusted\n');
});

test('the root is replaced, the guest follows, and the programs with the old root in them still say yes', async () => {
  await sh(`avma vendor rotate --key v/root.key --out v2
    avma host trust add v2/trust-update.json
    avma host request > request-2.json
    avma vendor certify request-2.json --key v2/root.key > certificate-2.json
    avma host activate certificate-2.json`);
  const newRoot = JSON.parse(fs.readFileSync(path.join(folder, 'v2/root.pub.json'), 'utf8')).publicKey;
  // A running host takes up its new files within a second.
  await expect.poll(activatedBy).toBe(keyId(Buffer.from(newRoot, 'base64url')));
  expect(allSay(['vpn'])).toBe(YES);
  expect(allSay(['--fresh', 'vpn'])).toBe(YES);
});

/** Activates, and gives the key ID of the root that signed the certificate of the host that answered. */
async function activatedBy(): Promise<string> {
  await sh('slmgr /ato');
  const license = JSON.parse(fs.readFileSync(path.join(env.AVMA_RUN_DIR, 'license.json'), 'utf8'));
  return license.products[0].evidence.certificate.signatures[0].keyid;
}

function serialOf(file: string): string {
  const { payload } = JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8'));
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')).serial;
}

test('the host is revoked, the guest hears of it, and the programs say no', async () => {
  const [first, second] = [serialOf('certificate.json'), serialOf('certificate-2.json')];
  const hosts = `--host ${first} --host ${second}`;
  await sh(`avma vendor revoke --key v2/root.key ${hosts} > revocations.json
    avma host revocations add revocations.json`);
  await expect.poll(() => sh('slmgr /ato || true')).toContain('0xC004FD02');
  expect(allSay(['vpn'])).toBe('no: host-revoked\n');
});
