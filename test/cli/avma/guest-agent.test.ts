/** The agent and its host as real processes. */
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { cannotReceive, notifySocket } from '../../support/notify-socket.ts';
import { mountSmallDisk } from '../../support/restrictions.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';
import { STANDARD_2012_R2, TestMachine } from '../test-machine.ts';
import { nudge, startAgent } from './running-agent.ts';

let machine: TestMachine;
beforeEach(async () => {
  machine = new TestMachine();
  await machine.certifyHost();
});
afterEach(() => machine.close());

const env = { AVMA_PIPE: 'unix:h.sock' };

/** How often the host has approved. */
const approvals = () => machine.events('host').filter(({ decision }) => decision === 'approved').length;

/** Installs the key while no host is there, so that it is the agent who activates. */
async function installKeyInVain(): Promise<void> {
  await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: { AVMA_PIPE: 'unix:nowhere.sock' } });
}

/** Tests that wait for the agent's own pauses, in real time: run where all tests run. */
const testInRealTime = test.skipIf(process.env.AVMA_TEST_VM !== 'required');

describe('an agent', () => {
  test('sees a key that /ipk installs, and leaves the activation to it', async () => {
    await machine.serve();
    const agent = await startAgent(machine, env);
    await agent.saying('No product key is installed yet');
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env });
    await agent.saying(/is licensed by host hv01 until/);
    // Both have seen the product without a lease; one of them has asked.
    expect(approvals()).toBe(1);
    expect(await agent.stop()).toBe(0);
    expect(agent.log()).toMatch(/\nStopped by SIGTERM\.\n$/);
    expect(machine.events('guest').map(({ kind }) => kind)).toEqual([
      'agent-started',
      'activation',
      'agent-stopped',
    ]);
  });

  testInRealTime('activates a key that was installed in vain, once a host is there', async () => {
    await installKeyInVain();
    const agent = await startAgent(machine, env);
    await agent.saying(/could not be activated: .* \[host-absent\]\. Next try in \d+ seconds\./);
    await machine.serve();
    await agent.saying(/is licensed by host hv01 until/);
    expect(machine.events('host').at(-1)).toMatchObject({ guest: { trigger: 'boot' } });
    expect(await agent.stop()).toBe(0);
  });

  testInRealTime('leaves it at that for a while when /ipk has just tried in vain', async () => {
    const agent = await startAgent(machine, { AVMA_PIPE: 'unix:nowhere.sock' });
    await agent.saying('No product key is installed yet');
    await installKeyInVain();
    await agent.saying(/is not activated yet/);
    // An agent that did not count that attempt would wait for ten seconds after its own, the second one.
    await agent.saying(/could not be activated: .* \[host-absent\]\. Next try in \d+ seconds\./);
    const [second = 0] = [...agent.log().matchAll(/Next try in (\d+) seconds/g)].map(([, text]) =>
      Number(text),
    );
    expect(second).toBeGreaterThanOrEqual(16);
    expect(await agent.stop()).toBe(0);
  });

  test('that is started again in the same boot asks nobody while the lease is fresh', async () => {
    await machine.serve();
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env });
    for (const _start of ['first', 'second']) {
      const agent = await startAgent(machine, env);
      await agent.saying(/is licensed by host hv01 until/);
      expect(await agent.stop()).toBe(0);
    }
    expect(approvals()).toBe(1);
  });

  test('with --once does not promise another try', async () => {
    await installKeyInVain();
    const once = await machine.run('avma', ['guest', 'agent', '--once'], { env });
    expect(once.status).toBe(1);
    expect(once.stderr).toMatch(/could not be activated: .* \[host-absent\]\.\n$/);
  });

  test('says once, and in an event, that a setup has a placeholder in place of the key', async () => {
    await machine.serve();
    fs.mkdirSync(machine.at('credentials'));
    fs.writeFileSync(machine.at('credentials/avma.key'), 'YOUR_KEY\n');
    const agent = await startAgent(machine, { ...env, CREDENTIALS_DIRECTORY: machine.at('credentials') });
    await agent.saying(/No key was taken from .*avma\.key/);
    // The agent looks again, and finds the same.
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env });
    await agent.saying(/is licensed by host hv01 until/);
    expect(await agent.stop()).toBe(0);
    expect(agent.log().match(/No key was taken/g)).toHaveLength(1);
    expect(machine.events('guest').filter(({ kind }) => kind === 'setup-failed')).toMatchObject([
      { code: 'file-invalid', message: expect.stringMatching(/^no key was taken from/), trigger: 'setup' },
    ]);
  });

  test('is the only one of its state folder, until it is gone, also by kill -9', async () => {
    const first = await startAgent(machine, env);
    for (const args of [[], ['--once']]) {
      const second = await machine.run('avma', ['guest', 'agent', ...args], { env });
      expect(second.status).toBe(75);
      expect(second.stderr).toContain(
        `an agent is running already for ${machine.at('guest')}: process ${first.child.pid}. [agent-running,`,
      );
    }
    expect(await first.stop('SIGKILL')).toBe('SIGKILL');
    const next = await startAgent(machine, env);
    expect(await next.stop()).toBe(0);
  });

  test('does not start with a wrong configuration, but survives one that becomes wrong', async () => {
    fs.writeFileSync(machine.at('config.json'), '{"agent": {"maxSleepMinutes": "long"}}');
    const refused = await machine.run('avma', ['guest', 'agent'], { env });
    expect(refused).toMatchObject({ status: 64, stderr: expect.stringContaining('maxSleepMinutes') });
    fs.writeFileSync(machine.at('config.json'), '{}');
    await machine.serve();
    const agent = await startAgent(machine, env);
    await agent.saying('No product key is installed yet');
    fs.writeFileSync(machine.at('config.json'), '{"agent": ');
    await agent.saying(
      /The configuration is not used, and what it said before still holds: .*\[config-invalid\]/,
    );
    fs.writeFileSync(machine.at('other.json'), '{}');
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], {
      env: { ...env, AVMA_CONFIG: machine.at('other.json') },
    });
    await agent.saying(/is licensed by host hv01 until/);
    expect(await agent.stop()).toBe(0);
  });
});

describe('whatever the host does, the agent goes on', () => {
  testInRealTime('it is silent, sends garbage, hangs up, and is killed', async () => {
    await installKeyInVain();
    const behaviors: ((socket: net.Socket) => void)[] = [
      () => {},
      (socket) => socket.end(Buffer.alloc(200_000, 'avma/1 offer x\n')),
      (socket) => socket.destroy(),
    ];
    let connections = 0;
    const held = new Set<net.Socket>();
    const server = net.createServer((socket) => {
      held.add(socket);
      socket.on('error', () => {});
      socket.once('data', () => behaviors[Math.min(connections++, behaviors.length - 1)]?.(socket));
    });
    await new Promise<void>((resolve) => server.listen(machine.at('h.sock'), resolve));
    const close = () => {
      for (const socket of held) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    };
    onTestFinished(async () => void (server.listening && (await close())));
    const agent = await startAgent(machine, { ...env, AVMA_DEADLINE: '0.3' });
    await agent.saying('[host-silent]');
    nudge(machine);
    await agent.saying('[response-malformed]');
    nudge(machine);
    await agent.saying('[host-gone]');
    await close();
    fs.rmSync(machine.at('h.sock'), { force: true });
    const host = await machine.serve();
    nudge(machine);
    await agent.saying(/is licensed by host hv01 until/);
    expect(await host.stop('SIGKILL')).toBeNull();
    expect(agent.child.exitCode).toBeNull();
    expect(await agent.stop()).toBe(0);
  });

  test('SIGTERM ends it in the middle of an exchange', async () => {
    await installKeyInVain();
    const asked: net.Socket[] = [];
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => asked.push(socket));
    });
    await new Promise<void>((resolve) => server.listen(machine.at('h.sock'), resolve));
    onTestFinished(
      () =>
        new Promise<void>((resolve) => {
          for (const socket of asked) socket.destroy();
          server.close(() => resolve());
        }),
    );
    // The host has two minutes to answer: the agent ends long before.
    const agent = await startAgent(machine, { ...env, AVMA_DEADLINE: '600' });
    await until('the host was asked', () => asked.length > 0);
    expect(await agent.stop()).toBe(0);
    expect(agent.log()).toMatch(/\nStopped by SIGTERM\.\n$/);
    // An exchange that was broken off is no failed activation.
    expect(machine.events('guest').at(-1)).toMatchObject({ kind: 'agent-stopped' });
  });
});

describe('whatever becomes of the state, the agent goes on', () => {
  test('its disk is full, and has room again', async ({ skip }) => {
    const disk = tempFolder();
    if (!mountSmallDisk(disk)) skip('only root can mount a small disk to fill');
    fs.cpSync(machine.at('guest/trust.d'), machine.at('trust'), { recursive: true });
    const onDisk = { ...env, AVMA_STATE_DIR: disk, AVMA_TRUST_DIR: machine.at('trust') };
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: onDisk });
    const filler = path.join(disk, 'filler');
    const fill = () => {
      try {
        for (;;) fs.appendFileSync(filler, Buffer.alloc(4096));
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'ENOSPC' });
      }
    };
    fill();
    await machine.serve();
    const agent = await startAgent(machine, onDisk);
    await agent.saying('[disk-full]');
    fs.rmSync(filler);
    fs.writeFileSync(machine.at('trust/news.txt'), '');
    await agent.saying(/is licensed by host hv01 until/);
    expect(await agent.stop()).toBe(0);
  });

  test('it is damaged, replaced, and removed', async () => {
    await machine.serve();
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env });
    const anchors = { ...env, AVMA_TRUST_DIR: machine.at('trust') };
    fs.cpSync(machine.at('guest/trust.d'), machine.at('trust'), { recursive: true });
    const agent = await startAgent(machine, anchors);
    await agent.saying(/is licensed by host hv01 until/);
    fs.writeFileSync(machine.at('guest/guest.state'), 'what is this');
    await agent.saying(/The license cannot be looked at: .*\[state-damaged\]/);
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: anchors });
    await until('the agent sees the lease', () => agent.log().match(/is licensed by host/g)?.length === 2);
    // Not file by file: the agent would write into the folder meanwhile.
    fs.renameSync(machine.at('guest'), machine.at('gone'));
    fs.rmSync(machine.at('gone'), { recursive: true });
    await agent.saying(/The key of ".*" was removed\./);
    // The folder is another one, and there is still one agent for it.
    const second = await machine.run('avma', ['guest', 'agent', '--once'], { env: anchors });
    expect(second.status).toBe(75);
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: anchors });
    nudgeFolder(machine.at('trust'));
    await until('the agent sees the lease', () => agent.log().match(/is licensed by host/g)?.length === 3);
    expect(await agent.stop()).toBe(0);
  });
});

/** As {@link nudge}, for anchors in another folder. */
function nudgeFolder(folder: string): void {
  fs.writeFileSync(`${folder}/not-an-anchor.txt`, '');
}

describe('what the agent tells others', () => {
  test('programs of on-change.d, and node_exporter', async () => {
    const hooks = machine.at('on-change.d');
    fs.mkdirSync(hooks);
    fs.writeFileSync(`${hooks}/10-keep`, `#!/bin/sh\ncat >> ${machine.at('changes')}\n`, { mode: 0o755 });
    const textfile = machine.at('metrics/avma.prom');
    fs.writeFileSync(machine.at('config.json'), JSON.stringify({ agent: { hooksFolder: hooks, textfile } }));
    await machine.serve();
    const agent = await startAgent(machine, env);
    await agent.saying('No product key is installed yet');
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env });
    const changes = () =>
      fs.existsSync(machine.at('changes'))
        ? fs
            .readFileSync(machine.at('changes'), 'utf8')
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line))
        : [];
    await until('the hook was told', () => changes().some((change) => change.new.licensed === true));
    expect(changes()[0].old).toMatchObject({ licensed: false, products: [] });
    const metrics = () => fs.readFileSync(textfile, 'utf8');
    await until('the metrics say so', () => /^avma_licensed\{.*\} 1$/m.test(metrics()));
    expect(fs.statSync(textfile).mode & 0o777).toBe(0o644);
    await machine.mustRun('slmgr', ['/upk'], { env });
    await until('the metrics have no product', () => !/^avma_licensed\{/m.test(metrics()));
    await until('the hook was told', () => changes().at(-1).new.products.length === 0);
    expect(await agent.stop()).toBe(0);
  });

  test.skipIf(cannotReceive !== undefined)('systemd, what it does; and the host does so too', async () => {
    const socket = await notifySocket(machine.at('n'));
    const host = await machine.serve([], 'h.sock', { env: socket.env });
    await until('the host is ready', () => socket.messages().includes('READY=1'));
    expect(socket.messages().slice(0, 2)).toEqual([
      'READY=1',
      'STATUS=Host hv01 serves 1 endpoint: 0 guests present, 0 requests in the last minute.',
    ]);
    await host.stop();
    await until('the host is stopping', () => socket.messages().includes('STOPPING=1'));
    await machine.serve();
    const agent = await startAgent(machine, { ...env, ...socket.env });
    await until('the agent waits', () =>
      socket.messages().includes('STATUS=No product key is installed; waiting for one.'),
    );
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env });
    await until('the agent is licensed', () =>
      socket
        .messages()
        .some((line) => /^STATUS=".*" is licensed by host hv01 until .* Next activation: /.test(line)),
    );
    await agent.stop();
    await until(
      'the agent is stopping',
      () => socket.messages().filter((line) => line === 'STOPPING=1').length === 2,
    );
    expect(socket.messages().filter((line) => line === 'READY=1')).toHaveLength(2);
  });
});
