/** The whole activation with the built commands, each a process of its own, as a person would type them. */
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { minutesLeft } from '../support/minutes-left.ts';
import { type ServedHost, STANDARD_2012_R2, TestMachine } from './test-machine.ts';

const NAME = 'Windows(R), ServerStandard edition';
const ACTIVATION_ID = '0eeb0b7a-43be-5bd7-92c9-4372d99ad9bf';

describe('from nothing to a license of seven days', () => {
  const machine = new TestMachine();
  let host: ServedHost;
  let env: NodeJS.ProcessEnv;
  const startedAt = performance.now();

  beforeAll(async () => {
    await machine.certifyHost();
    host = await machine.serve();
    env = { AVMA_PIPE: 'unix:h.sock' };
  });
  afterAll(async () => {
    await host.stop();
    await machine.close();
  });

  test('/ipk installs the key and activates at once', async () => {
    const ran = await machine.run('slmgr', ['/ipk', STANDARD_2012_R2], { env });
    expect(ran).toEqual({
      stdout: `Installed product key ${STANDARD_2012_R2} successfully.\n\n`,
      stderr: '',
      status: 0,
    });
    expect(machine.events('guest').at(-1)).toMatchObject({
      eventId: 12309,
      outcome: 'AVMA Success',
      level: 'information',
      hostName: 'hv01',
    });
  });

  test('/ato activates again', async () => {
    const ran = await machine.run('slmgr', ['/ato'], { env });
    expect(ran).toEqual({
      stdout: `Activating ${NAME} (${ACTIVATION_ID}) ...\nProduct activated successfully.\n\n`,
      stderr: '',
      status: 0,
    });
    expect(machine.events('host').at(-1)).toMatchObject({
      eventId: 12310,
      decision: 'approved',
      vmId: machine.vmId,
      vmIdFrom: 'label',
      edition: 'ServerStandard',
      guest: { trigger: 'command', license: { status: 1 } },
    });
  });

  test('/dlv shows all of it, line for line', async () => {
    const { stdout, status } = await machine.run('slmgr', ['/dlv']);
    expect(status).toBe(0);
    const left = minutesLeft(startedAt, 10_080);
    const date = String.raw`\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d:\d\d [AP]M`;
    const expected = [
      String.raw`Software licensing service version: \d+\.\d+\.\d+\.\d+`,
      '',
      String.raw`Name: Windows\(R\), ServerStandard edition`,
      String.raw`Description: Windows\(R\) Operating System, VIRTUAL_MACHINE_ACTIVATION channel`,
      `Activation ID: ${ACTIVATION_ID}`,
      'Application ID: 55c92734-d682-4d71-983e-d6ec3f16059f',
      String.raw`Extended PID: 03612-\d{5}-\d{3}-\d{6}-03-1033-9600\.0000-\d{7}`,
      'Product Key Channel: VT:IA',
      String.raw`Installation ID: \d{63}`,
      'Partial Product Key: MTB6V',
      'License Status: Licensed',
      String.raw`Automatic VM activation expiration: (${left.join('|')}) minute\(s\) \(7 day\(s\)\)`,
      'Remaining Windows rearm count: 1001',
      'Remaining SKU rearm count: 1001',
      `Trusted time: ${date}`,
      'Guest IAID: [0-9a-f-]{36}',
      '',
      'Most recent activation information:',
      'Automatic VM Activation client information',
      '    Host machine name: hv01',
      `    Activation time: ${date}`,
      String.raw`    Host Digital PID2: \d{5}-\d{5}-\d{5}-AA\d{3}`,
      '',
      '',
      '',
    ];
    expect(stdout).toMatch(new RegExp(`^${expected.join('\n')}$`));
  });

  test('/dli and /xpr', async () => {
    const dli = await machine.run('slmgr', ['/dli']);
    expect(dli.stdout).toMatch(
      /^\nName: .*\nDescription: .*\nPartial Product Key: MTB6V\nLicense Status: Licensed\n/,
    );
    const xpr = await machine.run('slmgr', ['/xpr']);
    expect(xpr.stdout).toMatch(
      /^Windows\(R\), ServerStandard edition:\n {4}Automatic VM activation will expire \d+\/\d+\/\d{4} .*\n\n$/,
    );
  });

  test('identity stays the same from command to command', async () => {
    const pick = (text: string) =>
      text.match(/^(Extended PID|Installation ID|Guest IAID|Activation ID).*$/gm);
    const [one, two] = await Promise.all([machine.run('slmgr', ['/dlv']), machine.run('slmgr', ['-DLV'])]);
    expect(pick(one.stdout)).toEqual(pick(two.stdout));
    expect(pick(one.stdout)).toHaveLength(4);
  });

  test('avma guest status tells the same, and where it knows it from', async () => {
    const { stdout } = await machine.mustRun('avma', ['guest', 'status', '--json'], { env });
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'avma.guest-status/1',
      vmId: { value: machine.vmId, source: 'configuration' },
      products: [
        {
          edition: 'ServerStandard',
          license: { status: 1, statusText: 'licensed' },
          lease: { hostName: 'hv01' },
        },
      ],
      pipe: { uri: 'unix:h.sock', from: 'configured' },
    });
  });

  test('avma lease inspect says that the lease holds here, and on another VM that it does not', async () => {
    const here = await machine.mustRun('avma', ['lease', 'inspect', 'guest/guest.state', '--json']);
    expect(JSON.parse(here.stdout).leases).toMatchObject([
      { verdict: { holds: true }, answer: { decision: 'approved', hostName: 'hv01' } },
    ]);
    const elsewhere = await machine.run('avma', ['lease', 'inspect', 'guest/guest.state', '--json'], {
      env: { AVMA_VM_ID: '11111111-2222-4333-8444-555555555555' },
    });
    expect(elsewhere.status).toBe(1);
    expect(JSON.parse(elsewhere.stdout).leases[0].verdict).toMatchObject({
      holds: false,
      code: 'vm-mismatch',
      hresult: '0xC004FD04',
    });
  });

  test('keys are private: files 0600, folders 0700, and nothing of them in an event', () => {
    for (const file of [
      'v/root.key',
      'host/signing.key',
      'host/box.key',
      'guest/guest.state',
      'guest/events.jsonl',
    ]) {
      expect(fs.statSync(machine.at(file)).mode & 0o777, file).toBe(0o600);
    }
    for (const folder of ['guest', 'host', 'v'])
      expect(fs.statSync(machine.at(folder)).mode & 0o777).toBe(0o700);
    expect(fs.statSync(machine.at('h.sock')).mode & 0o777).toBe(0o600);
    const events = fs.readFileSync(machine.at('guest/events.jsonl'), 'utf8');
    expect(events).not.toContain(STANDARD_2012_R2);
  });

  test('/upk removes the key and with it the license', async () => {
    expect(await machine.run('slmgr', ['/upk'])).toEqual({
      stdout: 'Uninstalled product key successfully.\n\n',
      stderr: '',
      status: 0,
    });
    const { stdout } = await machine.run('slmgr', ['/dli']);
    expect(stdout).toBe('Error: product key not found.\n\n');
  });
});
