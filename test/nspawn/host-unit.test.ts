/** avma-host.service under a real systemd: started, watched, reloaded, killed, upgraded, and as a user of its own. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSite, type Site } from '../e2e/host.ts';
import { PACKAGE_ROOT } from '../e2e/requirements.ts';
import { KEY } from '../e2e/transcripts.ts';
import { type BuiltPackage, builtPackage } from '../support/built-package.ts';
import { withVersion } from './deb.ts';
import { createMachine, type Machine } from './machine.ts';
import { missingForNspawn } from './requirements.ts';
import { giveHost, lookUntil, serviceProperty } from './steps.ts';

const missing = missingForNspawn();
const built = missing === undefined ? await builtPackage() : { missing };
const title = 'missing' in built ? `the host's unit (skipped: ${built.missing})` : "the host's unit";

const EXAMPLES = 'usr/share/doc/avma/examples/systemd';

describe.skipIf('missing' in built)(`${title} in Debian 12`, () => {
  const { deb } = built as BuiltPackage;
  let folder: string;
  let site: Site;
  let machine: Machine;

  const property = (name: string) => serviceProperty(machine, 'avma-host', name);
  const journal = (...conditions: readonly string[]) =>
    machine.output('journalctl', '--unit=avma-host', '--output=cat', '--no-pager', ...conditions);
  const configure = (name: string, content: object) =>
    machine.write(
      `etc/avma/host.d/${name}.json`,
      JSON.stringify({ schema: 'avma.host-config/1', ...content }),
    );
  const dropIn = async (name: string, text: string) => {
    machine.write(`etc/systemd/system/avma-host.service.d/${name}.conf`, text);
    await machine.output('systemctl', 'daemon-reload');
  };
  const example = (name: string) => fs.readFileSync(path.join(machine.root, EXAMPLES, name), 'utf8');
  /** /run is a disk of the machine's own, which is not seen from outside. */
  const isServed = async (socket: string) => (await machine.run('test', '-S', socket)).status === 0;
  const signal = async (name: string) => {
    const before = Number(await property('NRestarts'));
    await machine.output('kill', `-${name}`, await property('MainPID'));
    return before;
  };
  const restartedSince = (before: number) =>
    lookUntil('systemd has started it again', async () => {
      return Number(await property('NRestarts')) > before && (await property('ActiveState')) === 'active';
    });
  /** Activates the machine itself at its own host, as a guest. */
  const activate = (pipe: string) =>
    machine.output('env', `AVMA_PIPE=unix:${pipe}`, 'avma', 'guest', 'activate');

  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-host-unit-'));
    site = makeSite(folder, PACKAGE_ROOT);
    machine = createMachine('bookworm');
    await machine.boot();
    fs.copyFileSync(deb, path.join(machine.root, 'root/avma.deb'));
    await machine.output('dpkg', '--install', '/root/avma.deb');
    await machine.output('systemctl', 'stop', 'avma-agent');
    machine.write('etc/avma/trust.d/vendor.json', fs.readFileSync(site.anchor));
    await machine.run('avma', 'guest', 'install-key', '--no-activate', KEY);
    giveHost(machine, site);
    await machine.output('systemctl', 'daemon-reload');
  });
  afterAll(async () => {
    await machine?.dispose();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  test('is started when its sockets are open, and says what it does', async () => {
    await machine.output('systemctl', 'start', 'avma-host');
    expect(await isServed('/run/avma/host.sock')).toBe(true);
    expect(await property('ActiveState')).toBe('active');
    expect(await property('StatusText')).toMatch(
      /^Host hv01 serves 1 endpoint: 0 guests present, 0 requests in the last minute\. The host certificate .* ends in 29 days /,
    );
    expect(await machine.output('systemctl', 'status', '--no-pager', 'avma-host')).toMatch(
      /Active: active \(running\)[\s\S]*Status: "Host hv01 serves 1 endpoint/,
    );
    await activate('/run/avma/host.sock');
    expect(await journal()).toMatch(/^Approved: .* on unix:\/run\/avma\/host\.sock until /m);
  });

  test('has its decisions in the journal, with priority and fields, as entries of its unit', async () => {
    const entries = async (...conditions: readonly string[]) => {
      await machine.output('journalctl', '--sync');
      const json = await machine.output(
        ...['journalctl', '--unit=avma-host', '--output=json', '--no-pager', ...conditions],
      );
      const lines = json.split('\n').filter((line) => line.startsWith('{'));
      return lines.map((line) => JSON.parse(line) as Record<string, string>);
    };
    expect((await entries('AVMA_CODE=success')).at(-1)).toMatchObject({
      ...{ PRIORITY: '6', SYSLOG_IDENTIFIER: 'avma-host', _SYSTEMD_UNIT: 'avma-host.service' },
      ...{ AVMA_KIND: 'approved', AVMA_CHANNEL: 'unix:/run/avma/host.sock', _TRANSPORT: 'journal' },
      MESSAGE: expect.stringMatching(/^Approved: /),
    });
    // A request that no host can open: the frame is whole, and its body is none.
    const frame = `avma/1 request ${'ab'.repeat(16)} ${Buffer.alloc(200).toString('base64url')}\\n`;
    const send = `socket(S, 1, 1, 0); connect(S, pack("Sa108", 1, "/run/avma/host.sock")) or die; syswrite(S, "${frame}"); sysread(S, $_, 9)`;
    await machine.output('perl', '-e', send);
    const [fault] = await entries('AVMA_CODE=request-unopened');
    expect(fault).toMatchObject({ PRIORITY: '4', AVMA_KIND: 'fault', AVMA_EXCHANGE: 'ab'.repeat(16) });
    expect(await machine.output('journalctl', '--unit=avma-host', '-p', 'warning', '--output=cat')).toMatch(
      /^Failed: a request on /m,
    );
  });

  test('is reloaded with an endpoint of a file; a wrong file fails the reload and nothing else', async () => {
    const pid = await property('MainPID');
    configure('sockets', { listen: ['unix:/run/avma/more.sock'] });
    await machine.output('systemctl', 'reload', 'avma-host');
    expect(await isServed('/run/avma/more.sock')).toBe(true);
    await lookUntil('the status says so', async () => /2 endpoints/.test(await property('StatusText')));
    configure('wrong', { listen: ['tcp:1688'] });
    expect((await machine.run('systemctl', 'reload', 'avma-host')).status).not.toBe(0);
    expect(await journal()).toMatch(/"listen\.0" in the configuration \/etc\/avma\/host\.d\/wrong\.json/);
    fs.rmSync(path.join(machine.root, 'etc/avma/host.d/wrong.json'));
    await machine.output('systemctl', 'reload', 'avma-host');
    expect([await property('ActiveState'), await property('MainPID')]).toEqual(['active', pid]);
    await activate('/run/avma/more.sock');
  });

  test('is started again after kill -9, and guests go on', async () => {
    await restartedSince(await signal('KILL'));
    await activate('/run/avma/more.sock');
  });

  test('beats for the watchdog, and is ended and started again when it hangs', async () => {
    await dropIn('watchdog', '[Service]\nWatchdogSec=3\nRestartSec=1\n');
    await machine.output('systemctl', 'restart', 'avma-host');
    // Three times as long as the watchdog waits: without its beats it would have been ended.
    const startedAt = performance.now();
    await lookUntil('some time has passed', () => performance.now() - startedAt > 9000);
    expect(await property('NRestarts')).toBe('0');
    await restartedSince(await signal('STOP'));
    expect(await journal()).toContain('Watchdog timeout');
    await activate('/run/avma/more.sock');
    fs.rmSync(path.join(machine.root, 'etc/systemd/system/avma-host.service.d/watchdog.conf'));
  });

  test('serves metrics, with the drop-in of the examples', async () => {
    await dropIn('metrics', example('avma-host-metrics.conf'));
    configure('metrics', { metrics: '127.0.0.1:9640' });
    await machine.output('systemctl', 'restart', 'avma-host');
    const script = 'exec 3<>/dev/tcp/127.0.0.1/9640; printf "GET /metrics HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3';
    const answer = await machine.output('bash', '-c', script);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toContain('avma_host_activated 1\n');
    fs.rmSync(path.join(machine.root, 'etc/avma/host.d/metrics.json'));
    fs.rmSync(path.join(machine.root, 'etc/systemd/system/avma-host.service.d/metrics.conf'));
    await machine.output('systemctl', 'daemon-reload');
    await machine.output('systemctl', 'restart', 'avma-host');
  });

  test('is restarted by an upgrade while guests ask: those that come afterwards are answered', async () => {
    const pid = await property('MainPID');
    const newer = withVersion(deb, '99.0.0', folder);
    fs.copyFileSync(newer, path.join(machine.root, 'root/newer.deb'));
    const load = () => {
      const guests = ['--requests', '20', '--connections', '4', '--json'];
      return machine.run('avma', 'host', 'load', '--pipe', 'unix:/run/avma/more.sock', ...guests);
    };
    const ended: number[] = [];
    let upgrading = true;
    const loads = (async () => {
      while (upgrading) ended.push((await load()).status);
    })();
    await lookUntil('guests were answered', () => ended.includes(0));
    await machine.output('dpkg', '--install', '/root/newer.deb');
    upgrading = false;
    await loads;
    expect(JSON.parse((await load()).stdout)).toMatchObject({ requests: 20, failures: 0 });
    expect(await property('ActiveState')).toBe('active');
    expect(await property('MainPID')).not.toBe(pid);
    await activate('/run/avma/more.sock');
  });

  test('runs as a user of its own, without any capability, and exposes as little as the guide says', async () => {
    await machine.output('systemctl', 'stop', 'avma-host');
    fs.rmSync(path.join(machine.root, 'etc/systemd/system/avma-host.service.d'), { recursive: true });
    machine.write('usr/lib/sysusers.d/avma-host.conf', example('avma-host.sysusers.conf'));
    await machine.output('systemd-sysusers');
    await dropIn('own-user', example('avma-host-own-user.conf'));
    configure('sockets', { listen: ['unix:/run/avma-host/host.sock,mode=0666'] });
    await machine.output('mkdir', '--parents', '/var/lib/avma-host');
    await machine.output('cp', '-a', '/var/lib/avma/host', '/var/lib/avma-host/');
    await machine.output('chown', '-R', 'avma-host:avma-host', '/var/lib/avma-host');
    await machine.output('systemctl', 'start', 'avma-host');
    const pid = await property('MainPID');
    const status = fs.readFileSync(path.join(machine.root, 'etc/passwd'), 'utf8');
    const uid = /^avma-host:[^:]*:(\d+):/m.exec(status)?.[1];
    expect((await machine.output('stat', '--format=%u', `/proc/${pid}`)).trim()).toBe(uid);
    expect(await machine.output('cat', `/proc/${pid}/status`)).toMatch(/^CapBnd:\s0000000000000000$/m);
    await activate('/run/avma-host/host.sock');
    const asUser = ['runuser', '-u', 'avma-host', '--', 'env', 'AVMA_STATE_DIR=/var/lib/avma-host'] as const;
    const [program, ...args] = asUser;
    expect(await machine.output(program, ...args, 'avma', 'host', 'status')).toMatch(/^State +activated, /m);
    await machine.output('systemctl', 'reload', 'avma-host');
    const analysis = await machine.run('systemd-analyze', 'security', '--no-pager', 'avma-host.service');
    const exposure = /Overall exposure level for avma-host.service: (\d\.\d)/.exec(analysis.stdout)?.[1];
    const guide = fs.readFileSync(path.join(PACKAGE_ROOT, 'docs/host.md'), 'utf8').replaceAll(/\s+/g, ' ');
    expect(/With a user of its own `systemd-analyze security` says (\d\.\d)/.exec(guide)?.[1]).toBe(exposure);
  });
});
