import fs from 'node:fs';
import path from 'node:path';

/**
 * Tests that start processes, open sockets, mount disks or wait for real clocks; those that replace modules, which
 * takes a process of their own; and a simulation of half a minute. Every other file is a unit test and runs behind
 * unit-guard.ts, where all of the former but the simulation fails: a new file in the wrong tier says so.
 */
export const SYSTEM_TESTS = [
  'test/cli/*.test.ts',
  'test/cli/avma/*.test.ts',
  'test/cli/slmgr/remote.test.ts',
  'test/cli/slmgr/remote-sshd.test.ts',
  'test/daemon/*.test.ts',
  'test/deploy/*.test.ts',
  'test/docs/example-programs.test.ts',
  'test/docs/host-guide.test.ts',
  'test/docs/program-walk.test.ts',
  'test/docs/walks.test.ts',
  'test/events/json-lines.test.ts',
  'test/events/rotation.test.ts',
  'test/events/sinks.test.ts',
  'test/guest/agent/agent-socket.test.ts',
  'test/guest/agent/hooks.test.ts',
  'test/guest/agent/hundred-days.test.ts',
  'test/guest/failed-activation.test.ts',
  'test/guest/state-store.test.ts',
  'test/guest/two-vendors.test.ts',
  'test/host/control/*.test.ts',
  'test/host/answering/disk-bound.test.ts',
  'test/host/answering/crypto-thread.test.ts',
  'test/host/endpoints/connections.test.ts',
  'test/host/endpoints/endpoint-set.test.ts',
  'test/host/endpoints/fairness.test.ts',
  'test/host/endpoints/kvp-endpoint.test.ts',
  'test/host/endpoints/unix-connector.test.ts',
  'test/host/host-lock.test.ts',
  'test/host/key-rotation.test.ts',
  'test/host/ledger/postgres/postgres-bad-days.test.ts',
  'test/host/ledger/postgres/postgres-ledger.test.ts',
  'test/host/ledger/sqlite/*.test.ts',
  'test/host/libvirt/watch.test.ts',
  'test/host/metrics/metrics-server.test.ts',
  'test/host/report/long-ledger.test.ts',
  'test/host/serve.test.ts',
  'test/kvp/pool-file.test.ts',
  'test/monitoring/*.test.ts',
  'test/pipe/contract.test.ts',
  'test/pipe/discovery.test.ts',
  'test/pipe/kvp.test.ts',
  'test/pipe/pipe-uri.test.ts',
  'test/pipe/virtio.test.ts',
  'test/scripts/*.test.ts',
  'test/setup/media.test.ts',
  'test/storage/*.test.ts',
  'test/support/*.test.ts',
  'test/system/worker-calls.test.ts',
  'test/verify/verifiers.test.ts',
];

/**
 * System tests that boot machines, build packages or run for minutes: one file at a time, after all others, so that
 * two cores suffice for each.
 */
export const HEAVY_TESTS = [
  'test/e2e/*.test.ts',
  'test/libvirt/*.test.ts',
  'test/nspawn/*.test.ts',
  'test/package/*.test.ts',
];

/**
 * Tests that replace whole modules, which works only in a process where nobody has loaded them before. Found by what
 * they call.
 */
export function mockingTests(): string[] {
  return fs
    .readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .filter((file) => /^vi\.mock\(/m.test(fs.readFileSync(path.join(import.meta.dirname, file), 'utf8')))
    .map((file) => path.join('test', file));
}
