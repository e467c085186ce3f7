/** A host that reads everything anew while guests ask it. */
import fs from 'node:fs';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { encodeFrame } from '../../../src/protocol/frame.ts';
import { QemuSocket } from '../../support/qemu-socket.ts';
import { connectClient } from '../../support/socket-client.ts';
import { until } from '../../support/until.ts';
import { type ServedHost, STANDARD_2012_R2, TestMachine } from '../test-machine.ts';

let machine: TestMachine;
beforeEach(async () => {
  machine = new TestMachine();
  await machine.certifyHost('10.0.26100');
  fs.mkdirSync(machine.at('host.d'));
});
afterEach(() => machine.close());

const configure = (content: object | string) =>
  fs.writeFileSync(
    machine.at('host.d/sockets.json'),
    typeof content === 'string' ? content : JSON.stringify({ schema: 'avma.host-config/1', ...content }),
  );

const reloads = (host: ServedHost) => host.output().match(/^(Reloaded|The reload failed)/gm)?.length ?? 0;

async function reload(host: ServedHost): Promise<void> {
  const before = reloads(host);
  host.child.kill('SIGHUP');
  await until('it is reloaded', () => reloads(host) > before);
}

/** Asks without end on one connection. @returns A function that stops, with the number of answers. */
async function keepAsking(socket: string): Promise<() => Promise<number>> {
  const client = await connectClient(socket);
  let answers = 0;
  let asking = true;
  onTestFinished(() => {
    asking = false;
  });
  const done = (async () => {
    while (asking) {
      const exchangeId = answers.toString(16).padStart(32, '0');
      await client.send(encodeFrame({ type: 'hello', exchangeId, body: new Uint8Array() }));
      const answer = await client.next();
      expect(answer).toMatchObject({ type: 'offer', exchangeId });
      answers++;
    }
  })();
  // A failure is thrown where it is waited for.
  done.catch(() => {});
  return async () => {
    asking = false;
    await done;
    return answers;
  };
}

/** Puts the next certificate beside the present one, as a reload is to find it. */
async function renewCertificate(): Promise<void> {
  const terms = ['--edition', 'ServerDatacenter', '--os-version', '10.0.26100', '--days', '500'];
  const certify = ['vendor', 'certify', 'req.json', '--key', 'v/root.key', ...terms];
  fs.writeFileSync(machine.at('next.json'), (await machine.mustRun('avma', certify)).stdout);
  const { stderr } = await machine.mustRun('avma', ['host', 'activate', 'next.json']);
  expect(stderr).toMatch(/\nThe running host takes it within seconds\.\n$/);
}

/** How many while guests ask; the certificate is renewed in the midst of them. */
const ALL_RUN = process.env.AVMA_TEST_VM === 'required';
const RELOADS = ALL_RUN ? 20 : 4;

test(`${RELOADS} reloads, each with other endpoints: no guest on those that stay loses an exchange`, async () => {
  const qemu = new QemuSocket(machine.at('q'));
  await qemu.start();
  configure({ listen: [`unix:${machine.at('kept.sock')}`], connect: [`unix:${qemu.path}`] });
  const host = await machine.serve(['--throttle', '9999999/1']);
  await until('the other socket is there', () => fs.existsSync(machine.at('kept.sock')));
  await until('it is connected', () => qemu.clients === 1);
  const asking = await Promise.all(
    ['h.sock', 'kept.sock', 'h.sock', 'kept.sock'].map((name) => keepAsking(machine.at(name))),
  );
  const load = machine.run('avma', [
    ...['host', 'load', '--pipe', `unix:${machine.at('kept.sock')}`, '--json'],
    ...['--requests', `${20 * RELOADS}`, '--connections', '4'],
  ]);
  for (let turn = 1; turn <= RELOADS; turn++) {
    if (turn === RELOADS / 2) await renewCertificate();
    const listen = [`unix:${machine.at('kept.sock')}`, `unix:${machine.at(`${turn}.sock`)}`];
    configure({ listen, connect: [`unix:${qemu.path}`] });
    await reload(host);
    expect(fs.existsSync(machine.at(`${turn}.sock`))).toBe(true);
    expect(fs.existsSync(machine.at(`${turn - 1}.sock`))).toBe(false);
  }
  expect(JSON.parse((await load).stdout)).toMatchObject({ requests: 20 * RELOADS, failures: 0 });
  for (const stop of asking) expect(await stop()).toBeGreaterThan(RELOADS);
  expect(qemu.clients).toBe(1);
  const uri = `unix:${machine.at(`${RELOADS}.sock`)}`;
  await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: { AVMA_PIPE: uri } });
  expect(await host.stop()).toBe(0);
});

test.runIf(ALL_RUN)(
  'with AVMA_TEST_VM=required, a file that is wrong keeps what is served, and is named; the right one is taken then',
  async () => {
    configure({ listen: [`unix:${machine.at('a.sock')}`] });
    const host = await machine.serve();
    await until('the other socket is there', () => fs.existsSync(machine.at('a.sock')));
    configure('{ "schema": "avma.host-config/1", "listen": ["tcp:1688"] }');
    await reload(host);
    expect(host.output()).toMatch(
      /^The reload failed, .*"listen\.0" in the configuration .*sockets\.json cannot be used: .* \[config-invalid\]\./m,
    );
    configure({ listen: [`unix:${machine.at('no/folder/b.sock')}`] });
    await reload(host);
    expect(host.output()).toMatch(/^The reload failed, .*there is no folder .* \[file-not-found\]\./m);
    expect(fs.existsSync(machine.at('a.sock'))).toBe(true);
    configure({ listen: [`unix:${machine.at('b.sock')},mode=0660`], throttle: '5/60' });
    await reload(host);
    const changes = `${machine.at('b.sock')} is served, endpoint unix:${machine.at('a.sock')} is no longer served`;
    expect(host.output()).toContain(`Reloaded: endpoint unix:${changes}.\n`);
    await until('it is said', () =>
      host.output().includes('A change of throttle counts when the host is started again.\n'),
    );
    expect(fs.existsSync(machine.at('a.sock'))).toBe(false);
  },
);

test('by the command: what has changed, or the exit status of what is wrong', async () => {
  const host = await machine.serve();
  configure({ listen: [`unix:${machine.at('a.sock')}`], throttle: '5/60' });
  const { stdout } = await machine.mustRun('avma', ['host', 'reload']);
  expect(stdout).toBe(
    `Endpoint unix:${machine.at('a.sock')} is served.\nA change of throttle counts when the host is started again.\n`,
  );
  expect(host.output()).toContain(`Reloaded: endpoint unix:${machine.at('a.sock')} is served.\n`);
  configure({ listen: ['tcp:1688'] });
  const wrong = await machine.run('avma', ['host', 'reload']);
  expect(wrong.status).toBe(64);
  expect(wrong.stderr).toContain('"listen.0" in the configuration');
  expect(wrong.stderr).toContain('config-invalid');
  await host.stop();
  const without = await machine.run('avma', ['host', 'reload']);
  expect(without.status).toBe(69);
  expect(without.stderr).toContain('host-not-running');
});

test.runIf(ALL_RUN)(
  'with AVMA_TEST_VM=required, a catalog that is broken, and a certificate that is none, are said and change nothing',
  async () => {
    const host = await machine.serve();
    await reload(host);
    expect(host.output()).toContain('Reloaded: nothing has changed.\n');
    fs.mkdirSync(machine.at('host/catalog.d'), { recursive: true });
    fs.writeFileSync(machine.at('host/catalog.d/broken.json'), '{');
    await reload(host);
    expect(host.output()).toMatch(/^The reload failed, .*broken\.json.*/m);
    fs.rmSync(machine.at('host/catalog.d/broken.json'));
    fs.writeFileSync(machine.at('host/certificates/none.json'), '{}');
    await reload(host);
    expect(host.output()).toMatch(
      /^The reload failed, .*none\.json.* \[file-invalid\]\. Everything else was taken/m,
    );
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: { AVMA_PIPE: host.uri } });
  },
);
