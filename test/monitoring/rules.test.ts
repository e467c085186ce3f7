/** The alerts of deploy/monitoring, by promtool, and what people find when one wakes them. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createHostMetrics } from '../../src/host/metrics/host-metrics.ts';
import { PACKAGE_ROOT } from '../e2e/requirements.ts';
import { missingForPrometheus, promtool } from './requirements.ts';

const FOLDER = path.join(PACKAGE_ROOT, 'deploy/monitoring');
const read = (name: string) => fs.readFileSync(path.join(FOLDER, name), 'utf8');

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}
const alerts: readonly Alert[] = parse(read('avma-host.rules.yml')).groups[0].rules;
const guide = fs.readFileSync(path.join(PACKAGE_ROOT, 'docs/host.md'), 'utf8');

describe.each(alerts)('$alert', ({ alert, labels, annotations }) => {
  test('says what is wrong, and where the guide says what to do', () => {
    expect(['warning', 'critical']).toContain(labels.severity);
    expect(annotations).toMatchObject({
      summary: expect.stringMatching(/./),
      description: expect.stringMatching(/\.$/),
      runbook: `docs/host.md#${alert.toLowerCase()}`,
    });
    expect(guide.split('\n')).toContain(`### ${alert}`);
  });

  test('has a unit test in which it fires', () => {
    const { tests } = parse(read('avma-host.rules.test.yml'));
    const fired = tests.flatMap((one: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }) =>
      one.alert_rule_test.filter(({ exp_alerts }) => exp_alerts.length > 0).map(({ alertname }) => alertname),
    );
    expect(fired).toContain(alert);
  });
});

test('the guide has no section of an alert that there is not', () => {
  const sections = [...guide.matchAll(/^### (AvmaHost\w+)$/gm)].map(([, name]) => name);
  expect(sections).toEqual(alerts.map(({ alert }) => alert));
});

test('alerts, dashboard and guide name only metrics that a host has', async () => {
  const metrics = await createHostMetrics({ name: 'hv01', version: '1', startedAt: 0 });
  const facts = {
    ...{ activated: false, left: [], certificates: [], licenses: [], seats: [], guests: null },
    ...{ ledger: { records: 0, ok: true, waiting: 0 }, channels: 0, now: 0 },
  };
  const { text } = await metrics.scrape(facts);
  const there = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
  const named = [read('avma-host.rules.yml'), read('avma-host.dashboard.json'), guide]
    .flatMap((file) => file.match(/\bavma_host_[a-z_]+\b/g) ?? [])
    .map((name) => name.replace(/_bucket$/, ''));
  expect(named.length).toBeGreaterThan(50);
  expect([...new Set(named)].filter((name) => !there.has(name))).toEqual([]);
});

const missing = missingForPrometheus();

describe.skipIf(missing !== undefined)(
  `promtool${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    test('finds nothing wrong with the rules and the configuration', () => {
      promtool(['check', 'rules', path.join(FOLDER, 'avma-host.rules.yml')]);
      promtool(['check', 'config', path.join(FOLDER, 'prometheus.yml')]);
    });

    test('runs the unit tests of the rules', () => {
      expect(promtool(['test', 'rules', path.join(FOLDER, 'avma-host.rules.test.yml')])).toContain('SUCCESS');
    });

    test('finds nothing wrong with the metrics', async () => {
      const metrics = await createHostMetrics({ name: 'hv01', version: '1', startedAt: 0 });
      const { text } = await metrics.scrape({
        ...{ activated: true, guests: { present: 1 }, channels: 1, now: 0 },
        ledger: { records: 0, ok: true, waiting: 0 },
        left: [
          { vendor: 'a', product: null, left: 1, graceLeft: 2 },
          { vendor: 'a', product: 'b', left: 1, graceLeft: 2 },
        ],
        certificates: [{ id: 'aa', product: null, endsAt: 1 }],
        licenses: [{ id: 'aa', product: 'b', endsAt: 1 }],
        seats: [{ license: 'aa', product: 'b', taken: 1, limit: 2 }],
      });
      expect(promtool(['check', 'metrics'], text)).toBe('');
    });
  },
);
