/** What AVMA_DEBUG and --debug show of the real commands, and what they never show. */
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServedHost, STANDARD_2012_R2, TestMachine } from './test-machine.ts';

const machine = new TestMachine();
let host: ServedHost;

beforeAll(async () => {
  await machine.certifyHost();
  host = await machine.serve([], 'h.sock', { env: { AVMA_DEBUG: 'all' } });
});
afterAll(async () => {
  await host.stop();
  await machine.close();
});

/** Every private key of the vendor and of the host, as its file has it. */
function privateKeys(): string[] {
  const files = ['v/root.key', ...fs.readdirSync(machine.at('host')).map((name) => `host/${name}`)];
  const texts = files
    .map((name) => machine.at(name))
    .filter((file) => fs.statSync(file).isFile() && /key|identity/.test(file))
    .map((file) => fs.readFileSync(file, 'utf8'));
  return texts.flatMap((text) => text.match(/[A-Za-z0-9+/=_-]{40,}/g) ?? []);
}

describe('a whole activation with AVMA_DEBUG=all', () => {
  const env = { AVMA_PIPE: 'unix:h.sock' };

  test('prints on stdout what it prints without, and shows no secret on stderr', async () => {
    const plain = await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env });
    const traced = { env: { ...env, AVMA_DEBUG: 'all' } };
    const again = await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], traced);
    expect(again.stdout).toBe(plain.stdout);
    const activated = await machine.mustRun('slmgr', ['/ato'], traced);
    expect(activated.stdout).toBe((await machine.mustRun('slmgr', ['/ato'], { env })).stdout);

    const shown = again.stderr + activated.stderr + host.output();
    expect(shown).not.toContain(STANDARD_2012_R2);
    expect(privateKeys().length).toBeGreaterThanOrEqual(2);
    for (const key of privateKeys()) expect(shown).not.toContain(key);
  });
});

describe('slmgr on another machine', () => {
  test('shows the ssh command with all but the last five characters of the key hidden', async () => {
    const { stderr } = await machine.run('slmgr', ['vm1', '/ipk', STANDARD_2012_R2], {
      env: { AVMA_SSH: 'true', AVMA_DEBUG: 'ssh' },
    });
    expect(stderr).toMatch(/^avma debug ssh \+\d+ms: runs true .* slmgr \/ipk \*.*-MTB6V$/m);
    expect(stderr).not.toContain(STANDARD_2012_R2);
  });
});

describe('avma --debug', () => {
  test.each([
    [['--debug', 'guest', 'trust', 'list']],
    [['guest', 'trust', 'list', '--debug=wire,trust']],
    [['guest', '--debug=all', 'trust', 'list']],
  ])('%j runs the command', async (args) => {
    const plain = await machine.mustRun('avma', ['guest', 'trust', 'list']);
    expect((await machine.mustRun('avma', args)).stdout).toBe(plain.stdout);
  });

  test('names the topics when it is given another word', async () => {
    const { stderr, status } = await machine.run('avma', ['--debug=wires', 'guest', 'status']);
    expect(status).toBe(64);
    expect(stderr).toContain('--debug: no topic is called wires');
    expect(stderr).toContain('Topics: wire, pipe, ');
  });

  test('is a word like any other after --', async () => {
    const { stderr } = await machine.run('avma', ['guest', 'install-key', '--', '--debug']);
    expect(stderr).toContain('[key-invalid');
  });
});
