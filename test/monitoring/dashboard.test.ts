/**
 * The dashboard on real data: Debian's Prometheus asks a host that guests ask, and each query of each panel has to give
 * something.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServedHost, STANDARD_2012_R2, STANDARD_2025, TestMachine } from '../cli/test-machine.ts';
import { PACKAGE_ROOT } from '../e2e/requirements.ts';
import { until } from '../support/until.ts';
import { missingForPrometheus, prometheusProgram } from './requirements.ts';

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const dashboard = JSON.parse(
  fs.readFileSync(path.join(PACKAGE_ROOT, 'deploy/monitoring/avma-host.dashboard.json'), 'utf8'),
) as { readonly panels: readonly Panel[] };

const queries = dashboard.panels.flatMap(({ title, targets }) =>
  targets.map(({ expr, legendFormat }) => ({ title, expr, legendFormat })),
);

test('the panels have places of their own, in 24 columns', () => {
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) => {
    expect(x + w).toBeLessThanOrEqual(24);
    return Array.from({ length: w * h }, (_, index) => `${x + (index % w)} ${y + Math.floor(index / w)}`);
  });
  expect(new Set(cells).size).toBe(cells.length);
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
});

const missing =
  missingForPrometheus() ??
  (process.env.AVMA_TEST_VM === 'required' ? undefined : 'it takes half a minute: AVMA_TEST_VM=required');
const title = missing === undefined ? '' : ` (skipped: ${missing})`;

describe.skipIf(missing !== undefined)(`on data of a real run${title}`, () => {
  const machine = new TestMachine();
  let prometheus: ChildProcess;
  let api: string;

  const avma = (...args: readonly string[]) => machine.mustRun('avma', args);
  const write = async (name: string, ...args: readonly string[]) =>
    fs.writeFileSync(machine.at(name), (await avma(...args)).stdout);
  const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

  /** A host with a license for ten guests, one of which has a seat. */
  async function startHost(): Promise<ServedHost> {
    await machine.certifyHost();
    const key = ['--key', 'v/root.key'];
    const product = ['--name', 'Acme Gateway', '--product-version', '3.2', '--requires-license'];
    const added = await avma('vendor', 'product', 'add', '--catalog', 'acme.json', ...product);
    await write('acme.catalog.json', 'vendor', 'catalog', 'sign', 'acme.json', ...key);
    const terms = ['--customer', 'Bank Ltd', '--product', 'acme-gateway', '--guests', '10'];
    await write('cert2.json', 'vendor', 'certify', 'req.json', ...key, '--customer', 'Bank Ltd');
    await write(
      'license.json',
      'vendor',
      'license',
      'new',
      ...key,
      ...terms,
      '--from',
      day(-1),
      '--until',
      day(30),
    );
    await avma('host', 'receive', 'cert2.json', 'license.json', 'acme.catalog.json');
    await avma('guest', 'catalog', 'add', 'acme.catalog.json');
    const host = await machine.serve(['--metrics', '127.0.0.1:0']);
    const env = { AVMA_PIPE: host.uri };
    const gateway = ['guest', 'install-key', added.stdout.trim()];
    await machine.mustRun('avma', gateway, { env });
    return host;
  }

  async function startPrometheus(target: string): Promise<void> {
    const rules = path.join(PACKAGE_ROOT, 'deploy/monitoring/avma-host.rules.yml');
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [rules],
      scrape_configs: [{ job_name: 'avma-host', static_configs: [{ targets: [target] }] }],
    };
    fs.writeFileSync(machine.at('prometheus.yml'), JSON.stringify(config));
    const listen = '--web.listen-address=127.0.0.1:0';
    prometheus = spawn(
      prometheusProgram('prometheus'),
      ['--config.file=prometheus.yml', '--storage.tsdb.path=tsdb', listen],
      { cwd: machine.folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    machine.adopt(prometheus);
    let log = '';
    prometheus.stderr?.setEncoding('utf8').on('data', (text) => {
      log += text;
    });
    const port = await until(
      'Prometheus listens',
      () => /Listening on" address=127\.0\.0\.1:(\d+)/.exec(log)?.[1],
    );
    api = `http://127.0.0.1:${port}/api/v1`;
    await until('it is ready', async () => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok);
  }

  async function query(expr: string): Promise<readonly { readonly value: [number, string] }[]> {
    const answer = await fetch(`${api}/query?query=${encodeURIComponent(expr)}`);
    const body = (await answer.json()) as { status: string; error?: string; data?: { result: [] } };
    if (body.status !== 'success') throw new Error(`${expr}: ${body.error}`);
    return body.data?.result ?? [];
  }

  beforeAll(async () => {
    const host = await startHost();
    const url = await until('metrics are served', () => /served at http:\/\/(\S+),/.exec(host.output())?.[1]);
    await startPrometheus(url);
    await until('a sample came', async () => (await query('avma_host_activated')).length > 0);
    // What happens between two samples is a rate.
    const env = { AVMA_PIPE: host.uri };
    await machine.run('slmgr', ['/ipk', STANDARD_2012_R2], { env });
    await machine.run('slmgr', ['/ipk', STANDARD_2025], { env });
    const counted = 'rate(avma_host_decisions_total{decision="refused"}[1m]) > 0';
    await until('Prometheus has seen it twice', async () => (await query(counted)).length > 0);
  });
  afterAll(() => machine.close());

  test.each(queries)('$title: $expr', async ({ expr, legendFormat }) => {
    const asked = expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m');
    expect(asked).not.toContain('$');
    const result = await query(asked);
    expect(result.length).toBeGreaterThan(0);
    for (const { value } of result) expect(Number(value[1])).not.toBeNaN();
    const labels = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name as string);
    for (const one of result)
      expect(Object.keys((one as unknown as { metric: object }).metric)).toEqual(
        expect.arrayContaining(labels),
      );
  });

  test('of the alerts, none fires for a host with which all is well', async () => {
    const answer = await fetch(`${api}/alerts`);
    const { data } = (await answer.json()) as { data: { alerts: { state: string; labels: object }[] } };
    expect(data.alerts.filter(({ state }) => state === 'firing')).toEqual([]);
    const rules = (await (await fetch(`${api}/rules`)).json()) as {
      data: { groups: { rules: { name: string; health: string }[] }[] };
    };
    const all = rules.data.groups.flatMap((group) => group.rules);
    expect(all.length).toBeGreaterThan(15);
    expect(all.filter(({ health }) => health !== 'ok')).toEqual([]);
  });
});
