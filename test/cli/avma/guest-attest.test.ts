/** `avma guest attest`: agent, host and programs are real processes; as root, the programs are another user's. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkNonce } from '../../../src/cli/avma/guest/attest.ts';
import { verifyLicense } from '../../../src/verify/verify-license.ts';
import { outcomeOf } from '../../support/failures.ts';
import { parseBySchema, schemaErrors } from '../../support/json-schemas.ts';
import { type RunOptions, STANDARD_2012_R2, TestMachine } from '../test-machine.ts';
import { startAgent } from './running-agent.ts';

const ACTIVATION_ID = '0eeb0b7a-43be-5bd7-92c9-4372d99ad9bf';
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const newNonce = () => randomBytes(16).toString('hex');

/** A machine whose folders other users may enter, with a host that serves and a key that is activated. */
async function activatedMachine(): Promise<TestMachine> {
  const machine = new TestMachine();
  fs.chmodSync(machine.folder, 0o755);
  await machine.certifyHost();
  await machine.serve();
  await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: asRoot(machine) });
  return machine;
}

const asRoot = (machine: TestMachine) => ({ AVMA_RUN_DIR: machine.at('run'), AVMA_PIPE: 'unix:h.sock' });

/** Runs the command as an ordinary user, who sees the state of nobody. */
function asProgram(machine: TestMachine, args: readonly string[], options: RunOptions = {}) {
  const env = {
    AVMA_STATE_DIR: undefined,
    AVMA_VM_ID: undefined,
    AVMA_RUN_DIR: machine.at('run'),
    AVMA_PIPE: `exec:touch ${machine.at('opened')}`,
    XDG_STATE_HOME: machine.at('home'),
  };
  return machine.run('avma', ['guest', 'attest', ...args], { uid: NOBODY, ...options, env });
}

describe.skipIf(!isRoot)('a program of an ordinary user', () => {
  let machine: TestMachine;
  beforeAll(async () => {
    machine = await activatedMachine();
  });
  afterAll(() => machine.close());

  test('is told that no agent runs, and opens no pipe', async () => {
    const ran = await asProgram(machine, ['--nonce', newNonce()]);
    expect(ran).toMatchObject({ status: 69, stdout: '' });
    expect(ran.stderr).toMatch(
      /no agent runs on this machine: there is no .*agent\.sock\. \[agent-unavailable/,
    );
    expect(ran.stderr).toMatch(/systemctl start avma-agent/);
    expect(fs.existsSync(machine.at('opened'))).toBe(false);
  });

  test('gets evidence that a program with the root in it believes, and nothing is stored', async () => {
    const agent = await startAgent(machine, asRoot(machine));
    await agent.saying(/is licensed by host hv01/);
    const files = ['guest/guest.state', 'run/license.json', 'guest/events.jsonl'].map(
      machine.at.bind(machine),
    );
    const before = files.map((file) => fs.readFileSync(file, 'utf8'));
    const nonce = newNonce();
    const ran = await asProgram(machine, ['mtb6v', '--nonce', nonce]);
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    const evidence = JSON.parse(ran.stdout);
    const question = {
      roots: [fs.readFileSync(machine.at('v/root.pub.json'), 'utf8')],
      ...{ vmId: machine.vmId, product: ACTIVATION_ID, now: new Date(), requireLicense: false },
    };
    expect(verifyLicense(evidence, { ...question, nonce })).toMatchObject({ valid: true, reason: null });
    expect(verifyLicense(evidence, { ...question, nonce: newNonce() })).toMatchObject({
      ...{ valid: false, reason: 'nonce-mismatch' },
    });
    expect(files.map((file) => fs.readFileSync(file, 'utf8'))).toEqual(before);
    expect(machine.events('host').at(-1)).toMatchObject({
      decision: 'approved',
      guest: { trigger: 'attestation' },
    });
    expect(await agent.stop()).toBe(0);
    expect(fs.existsSync(machine.at('run/agent.sock'))).toBe(false);
  });

  test('gets six at once and is then told when to come again, with many others', async () => {
    const agent = await startAgent(machine, asRoot(machine));
    const ran = await Promise.all(
      Array.from({ length: 9 }, () => asProgram(machine, ['--nonce', newNonce(), '--json'])),
    );
    const given = ran.filter(({ status }) => status === 0);
    // Starting nine programs may take the ten seconds after which there is one more.
    expect(given.length).toBeGreaterThanOrEqual(6);
    expect(given.length).toBeLessThan(9);
    for (const { stdout } of given) {
      const { evidence, from, nonce } = parseBySchema(stdout, 'guest-attest');
      expect(from).toBe('agent');
      expect(schemaErrors({ evidence }, 'agent-socket')).toBeNull();
      const { payload } = (evidence as { answer: { payload: string } }).answer;
      expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({ nonce });
    }
    for (const { stdout, status } of ran.filter((one) => one.status !== 0)) {
      expect(status).toBe(75);
      expect(parseBySchema(stdout, 'error')).toMatchObject({
        code: 'throttled',
        message: expect.stringMatching(/^this machine may ask for its next attestation in \d+ seconds?$/),
      });
    }
    expect(await agent.stop()).toBe(0);
  });

  test('is told what the agent is told, without the command of the pipe', async () => {
    const agent = await startAgent(machine, {
      ...asRoot(machine),
      AVMA_PIPE: 'exec:false --password hunter2',
    });
    const ran = await asProgram(machine, ['--nonce', newNonce()]);
    expect(ran.stdout).toBe('');
    expect(ran.stderr).toMatch(/exec:\.\.\..* \[host-gone,/);
    expect(ran.stderr).not.toMatch(/hunter2/);
    for (const [product, code] of [
      ['ServerDatacenter', 'key-not-installed'],
      ['x'.repeat(64), 'argument-invalid'],
    ] as const) {
      expect((await asProgram(machine, [product, '--nonce', newNonce()])).stderr).toContain(`[${code},`);
    }
    await agent.stop();
  });

  test('is told so when the agent was killed', async () => {
    const agent = await startAgent(machine, asRoot(machine));
    await agent.stop('SIGKILL');
    expect((await asProgram(machine, ['--nonce', newNonce()])).stderr).toMatch(
      /no agent listens on .*agent\.sock: the one that did is gone/,
    );
    const next = await startAgent(machine, asRoot(machine));
    expect((await asProgram(machine, ['--nonce', newNonce()])).status).toBe(0);
    await next.stop();
  });
});

describe('who has the state', () => {
  let machine: TestMachine;
  beforeAll(async () => {
    machine = await activatedMachine();
  });
  afterAll(() => machine.close());

  test('asks the host directly where no agent runs', async () => {
    const ran = await machine.run('avma', ['guest', 'attest', '--nonce', newNonce(), '--json'], {
      env: asRoot(machine),
    });
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(parseBySchema(ran.stdout, 'guest-attest')).toMatchObject({ from: 'host' });
  });

  test.each([
    ['without a nonce', ['guest', 'attest'], /missing: --nonce <hex>/],
    ['with a nonce that is no number', ['guest', 'attest', '--nonce', 'hello'], /is not hexadecimal/],
    ['with a product without a name', ['guest', 'attest', '', '--nonce', 'a'.repeat(32)], /has no name/],
  ])('is told %s how it is asked', async (_how, args, says) => {
    const ran = await machine.run('avma', args, { env: asRoot(machine) });
    expect(ran).toMatchObject({ status: 64, stdout: '' });
    expect(ran.stderr).toMatch(says);
  });
});

test.each([
  ['', /too short: it has 0 hex digits/],
  ['ab'.repeat(15), /too short: it has 30/],
  ['ab'.repeat(33), /too long: it has 66/],
  ['a'.repeat(33), /33 hex digits, and an even number/],
  ['AB'.repeat(16), /upper-case/],
  [`${'ab'.repeat(16)}\n`, /not hexadecimal/],
  [`0x${'ab'.repeat(16)}`, /not hexadecimal/],
])('the nonce %j is refused with the reason', (nonce, reason) => {
  expect(() => checkNonce(nonce)).toThrow(reason);
  expect(outcomeOf(() => checkNonce(nonce))).toBe('argument-invalid');
});

test.each([32, 34, 64])('a nonce of %d hex digits is taken', (length) => {
  expect(checkNonce('0f'.repeat(length / 2))).toHaveLength(length);
});
