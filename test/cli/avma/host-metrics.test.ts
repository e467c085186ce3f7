/** The metrics of a host that serves: what a monitoring system gets of it. */
import fs from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../support/until.ts';
import { type ServedHost, STANDARD_2012_R2, STANDARD_2025, TestMachine } from '../test-machine.ts';

let machine: TestMachine;
beforeEach(() => {
  machine = new TestMachine();
});
afterEach(() => machine.close());

const urlOf = (host: ServedHost) =>
  until('metrics are served', () => /^Metrics are served at (http:\S+),/m.exec(host.output())?.[1]);

test('a host that is activated counts what it decides, and says that it is ready', async () => {
  await machine.certifyHost();
  const host = await machine.serve(['--metrics', '127.0.0.1:0']);
  const url = await urlOf(host);
  await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: { AVMA_PIPE: host.uri } });
  await machine.run('slmgr', ['/ipk', STANDARD_2025], { env: { AVMA_PIPE: host.uri } });
  const answer = await fetch(`${url}/metrics`);
  expect(answer.headers.get('content-type')).toContain('text/plain');
  const text = await answer.text();
  expect(text).toContain('avma_host_decisions_total{decision="approved",code="success"} 1\n');
  expect(text).toContain('avma_host_decisions_total{decision="refused",code="version-too-new"} 1\n');
  expect(text).toMatch(/^avma_host_info\{name="hv01",version="\d+\.\d+\.\d+"\} 1$/m);
  expect(text).toMatch(/^avma_host_certificate_seconds_left\{vendor="[0-9a-f]{16}"\} 3\d{7}(\.\d+)?$/m);
  expect(text).toContain('avma_host_channels 1\n');
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  expect(await host.stop()).toBe(0);
});

test('a host without a certificate has no end of one, and is not ready', async () => {
  await machine.mustRun('avma', ['host', 'init', '--name', 'hv01']);
  fs.mkdirSync(machine.at('host.d'));
  const file = { schema: 'avma.host-config/1', metrics: '127.0.0.1:0' };
  fs.writeFileSync(machine.at('host.d/metrics.json'), JSON.stringify(file));
  const host = await machine.serve();
  const url = await urlOf(host);
  const text = await (await fetch(`${url}/metrics`)).text();
  expect(text).toContain('avma_host_activated 0\n');
  expect(text).not.toMatch(/^avma_host_certificate_.*\{/m);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const ready = await fetch(`${url}/readyz`);
  expect([ready.status, await ready.text()]).toEqual([
    503,
    'The host is not activated: no certificate counts.\n',
  ]);
});
