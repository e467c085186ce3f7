/** `avma host status`: whether a host runs, since when and where, and what its certificate is worth. */
import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseBySchema } from '../../support/json-schemas.ts';
import { until } from '../../support/until.ts';
import { type ServedHost, TestMachine } from '../test-machine.ts';

const machine = new TestMachine();
beforeAll(() => machine.certifyHost());
afterAll(() => machine.close());

const status = async (...args: string[]) => machine.run('avma', ['host', 'status', ...args]);
const serving = async () =>
  parseBySchema((await status('--json')).stdout, 'host-status')['serving'] as Record<string, unknown>;

/** A host that runs and has said so in its folder, which it does after its sockets are there. */
async function serve(): Promise<ServedHost> {
  const host = await machine.serve();
  await until('the host has said that it runs', () => fs.existsSync(machine.at('host/serving.json')));
  return host;
}

test('a host that does not run is said not to run, with the command that starts it', async () => {
  const { stdout } = await status();
  expect(stdout).toMatch(/^Running +no\nNext +Start it: avma host serve --listen /m);
  const { nextSteps } = parseBySchema((await status('--json')).stdout, 'host-status');
  expect(nextSteps).toEqual(['Start it: avma host serve --listen unix:/run/avma/host.sock']);
  expect(await serving()).toEqual({ state: 'not running', since: null, pid: null, endpoints: [] });
});

test('a host that runs is shown with its start, its process and its endpoints, until it stops', async () => {
  const before = Date.now();
  const host = await serve();
  const { stdout } = await status();
  expect(stdout).toMatch(/^Running +yes, since \S+ \S+ UTC \(.*\), process \d+\nEndpoints +unix:h\.sock$/m);
  expect(stdout).not.toContain('Next');
  const shown = await serving();
  expect(shown).toMatchObject({ state: 'running', pid: host.child.pid, endpoints: ['unix:h.sock'] });
  expect(Date.parse(shown['since'] as string)).toBeGreaterThanOrEqual(before);
  expect(Date.parse(shown['since'] as string)).toBeLessThanOrEqual(Date.now());
  await host.stop();
  expect((await serving())['state']).toBe('not running');
  expect(fs.existsSync(machine.at('host/serving.json'))).toBe(false);
});

test('the record of a host that was killed counts for nothing', async () => {
  const host = await serve();
  await host.stop('SIGKILL');
  expect(fs.existsSync(machine.at('host/serving.json'))).toBe(true);
  expect((await serving())['state']).toBe('not running');
});

test('looking does not keep a host from starting', async () => {
  const looks = Array.from({ length: 4 }, () => status());
  const host = await machine.serve();
  for (const { status } of await Promise.all(looks)) expect(status).toBe(0);
  expect(await host.stop()).toBe(0);
});

test('--check passes for a valid certificate, and not for one that is missing', async () => {
  expect((await status('--check')).status).toBe(0);
  fs.renameSync(machine.at('host/certificates'), machine.at('kept'));
  const missing = await status('--check');
  expect(missing.status).toBe(1);
  expect(missing.stdout).toMatch(/^State +not activated$/m);
  fs.renameSync(machine.at('kept'), machine.at('host/certificates'));
});
