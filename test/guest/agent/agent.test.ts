/** The agent with the real service and a host in memory, one wake-up after another, in the time of the test. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { AvmaError } from '../../../src/errors/avma-error.ts';
import { runAgent, runAgentOnce } from '../../../src/guest/agent/agent.ts';
import type { AgentEnvironment } from '../../../src/guest/agent/agent-environment.ts';
import { clockJump } from '../../../src/guest/agent/agent-memory.ts';
import { glanceAt } from '../../../src/guest/agent/glance.ts';
import { licenseMetrics } from '../../../src/guest/agent/textfile.ts';
import type { GuestEnvironment } from '../../../src/guest/environment.ts';
import type { AgentEvent } from '../../../src/guest/guest-events.ts';
import { decodeState, encodeState, type GuestState } from '../../../src/guest/guest-state.ts';
import { decodeLicenseFile } from '../../../src/guest/license-file.ts';
import { createVendorCatalog, VENDOR_KEYS } from '../../support/catalogs.ts';
import { DAY, HOUR, MINUTE, NOW, SECOND } from '../../support/clock.ts';
import { failureOf } from '../../support/failures.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { createTestGuest, OTHER_VM, STANDARD_2012R2, VM } from '../../support/test-guest.ts';
import { createTestHost, type TestHost } from '../../support/test-host.ts';

const { key } = STANDARD_2012R2;

/** What happens in the sleeps of an agent, one after another; after the last one it is stopped. */
type Sleeps = readonly ((slept: number) => void | Promise<void>)[];

/** An agent on a guest whose pipe leads to a host, or to none. */
function agentOn(host: TestHost | null, { withKey = true }: { withKey?: boolean } = {}) {
  const made = createTestHost();
  const clock = (host ?? made).clock;
  const guest = createTestGuest(host, { clock, vendors: [(host ?? made).vendor] });
  const change: {
    vmId: string;
    /** Its file is what a glance sees; what is opened is `openPipe`. */
    pipe: string;
    applySetup: () => Promise<readonly string[]>;
    openPipe?: GuestEnvironment['openPipe'];
    /** Before each glance. */
    sense: () => void;
    /** After each look. */
    looked: () => void;
  } = {
    vmId: VM,
    pipe: 'loopback:',
    applySetup: async () => [],
    sense: () => {},
    looked: () => {},
  };
  const log: string[] = [];
  const events: AgentEvent[] = [];
  const faults: unknown[] = [];
  const statuses: string[] = [];
  const metrics: string[] = [];
  const sleeps: number[] = [];
  const stopping = new AbortController();
  const environment = (during: Sleeps): AgentEnvironment => {
    const left = [...during];
    return {
      maxSleep: 10 * MINUTE,
      stopping: stopping.signal,
      openService: () => guest.open({ configuredVmId: change.vmId }),
      glance() {
        change.sense();
        return glanceAt({
          stateFile: guest.stateFile,
          folders: [guest.trustFolder],
          configuredVmId: change.vmId,
          configuredPipe: change.pipe,
          root: '/',
        });
      },
      readClock: clock.read,
      elapsed: () => clock.sinceBoot,
      random: () => 0.5,
      async sleep(milliseconds) {
        sleeps.push(milliseconds);
        clock.advance(Math.ceil(milliseconds));
        const next = left.shift();
        if (next === undefined) stopping.abort();
        else await next(milliseconds);
      },
      applySetup: () => change.applySetup(),
      report: {
        log: (sentence) => log.push(sentence),
        fault: (thrown) => faults.push(thrown),
        status: (line) => statuses.push(line),
        event: (event) => events.push(event),
        changed: () => {},
        looked(look) {
          metrics.push(licenseMetrics(look));
          change.looked();
        },
      },
    };
  };
  return {
    guest,
    clock,
    change,
    log,
    events,
    faults,
    statuses,
    metrics,
    sleeps,
    async start() {
      if (withKey) await guest.installKey(key);
    },
    run: (during: Sleeps) => runAgent(environment(during)),
    once: () => runAgentOnce(environment([])),
  };
}

describe('what the agent notices', () => {
  test('a new VM ID: the clone gets a license of its own', async () => {
    const host = createTestHost();
    const agent = agentOn(host);
    await agent.start();
    await agent.run([
      () => {
        agent.change.vmId = OTHER_VM;
      },
      () => {},
    ]);
    expect(agent.events).toContainEqual(expect.objectContaining({ kind: 'vm-id-changed' }));
    expect(agent.log.join('\n')).toContain(`The VM ID was ${VM} and is ${OTHER_VM}`);
    expect(agent.log.at(-1)).toMatch(/is licensed by host hv01 until/);
    expect(host.events.last).toMatchObject({ decision: 'approved', vmId: OTHER_VM });
  });

  test('nothing, while its own senses fail: it says so and goes on', async () => {
    const agent = agentOn(createTestHost());
    await agent.start();
    const broken = new Error('blind');
    agent.change.sense = () => {
      throw broken;
    };
    await agent.run([
      () => {
        agent.change.sense = () => {};
      },
      () => {},
    ]);
    expect(agent.faults).toEqual([broken]);
    expect(agent.statuses.at(-1)).toMatch(/licensed/i);
  });

  test('another host', async () => {
    const first = createTestHost();
    const second = createTestHost({
      vendor: first.vendor,
      name: 'hv02',
      clock: first.clock,
      certificate: { hardwareId: 'FFFF-4567-89AB-CDEF' },
    });
    const agent = agentOn(first);
    await agent.start();
    agent.guest.connect(() => second.pipe());
    await agent.run([() => first.clock.advance(4 * DAY), () => {}]);
    expect(agent.events).toContainEqual(expect.objectContaining({ kind: 'host-changed', hostName: 'hv02' }));
    expect(agent.log.join('\n')).toMatch(/Host hv02 activates ".*" in place of host hv01/);
  });

  test('a clock that was set: it renews at once', async () => {
    const host = createTestHost();
    const agent = agentOn(host);
    await agent.start();
    await agent.run([() => agent.clock.set(agent.clock.wall + DAY), () => {}]);
    expect(agent.events).toContainEqual(expect.objectContaining({ kind: 'clock-jumped' }));
    expect(agent.log.join('\n')).toContain('The clock was moved by 24 hours forward');
    expect(host.asked.filter((type) => type === 'request')).toHaveLength(2);
  });

  test.each<[string, number, number, number]>([
    ['went on as time did', HOUR, HOUR, 0],
    ['was put right by four minutes', HOUR + 4 * MINUTE, HOUR, 0],
    ['was set forward', HOUR + 5 * MINUTE, HOUR, 5 * MINUTE],
    ['was set back', -DAY, HOUR, -DAY - HOUR],
    ['went on while the machine stood still', DAY, SECOND, DAY - SECOND],
  ])('a clock that %s', (_what, wall, elapsed, jump) => {
    expect(clockJump({ wall: 0, elapsed: 0 }, { wall, elapsed })).toBe(jump);
  });

  test('a key that comes later, and a trust anchor that was missing', async () => {
    const host = createTestHost();
    const agent = agentOn(host, { withKey: false });
    fs.rmSync(agent.guest.trustFolder, { recursive: true });
    await agent.run([
      async () => void (await agent.guest.installKey(key)),
      () => {},
      () => void host.vendor.installAnchor(agent.guest.trustFolder),
      () => {},
    ]);
    expect(agent.log[0]).toMatch(/^No product key is installed yet/);
    expect(agent.log.join('\n')).toMatch(/\[certificate-untrusted\]/);
    expect(agent.log.at(-1)).toMatch(/is licensed by host hv01/);
  });
});

describe('while no host answers', () => {
  const absent = () => Promise.reject(new AvmaError('host-absent', 'the host is away'));

  test('a product without a license is tried every ten minutes or so, however long it takes', async () => {
    const host = createTestHost();
    const agent = agentOn(host);
    agent.guest.connect(absent);
    await agent.start();
    const end = agent.clock.sinceBoot + 3 * DAY;
    await agent.run([
      ...Array.from({ length: 500 }, () => () => {
        if (agent.clock.sinceBoot > end) agent.guest.connect(() => host.pipe());
      }),
    ]);
    const back = agent.log.findIndex((sentence) => /is licensed by host/.test(sentence));
    expect(agent.log[back - 1]).toMatch(/\[host-absent\]\. Next try in 10 minutes\.$/);
    expect(agent.log[back]).toMatch(/is licensed by host hv01/);
  });

  test('a pipe whose file appears is used at the next glance', async () => {
    const host = createTestHost();
    const agent = agentOn(host);
    agent.guest.connect(absent);
    const socket = path.join(tempFolder(), 'host.sock');
    agent.change.pipe = `unix:${socket}`;
    await agent.start();
    const appear = () => {
      // In the middle of a back-off.
      agent.clock.advance(-5 * MINUTE);
      fs.writeFileSync(socket, '');
      agent.guest.connect(() => host.pipe());
    };
    await agent.run([...Array.from({ length: 20 }, () => () => {}), appear]);
    expect(agent.log.at(-1)).toMatch(/is licensed by host hv01/);
  });
});

/** The state after an attempt that no host answered. */
function withFailedAttempt(state: GuestState): GuestState {
  const installed = state.products[STANDARD_2012R2.activationId];
  if (installed === undefined) throw new TypeError('the key is not installed');
  const lastAttempt = {
    at: NOW,
    trigger: 'key installed',
    pipe: null,
    code: 'host-absent',
    hresult: 0xc0000001,
    message: 'the host is away',
    hostName: null,
  };
  return { ...state, products: { [STANDARD_2012R2.activationId]: { ...installed, lastAttempt } } };
}

describe('an attempt of another process', () => {
  const absent = () => Promise.reject(new AvmaError('host-absent', 'the host is away'));
  const tries = (log: readonly string[]) =>
    log.filter((sentence) => sentence.includes('could not be activated'));

  test('that failed with the key that it installed is not repeated at once', async () => {
    const agent = agentOn(createTestHost(), { withKey: false });
    agent.guest.connect(absent);
    await agent.run([async () => void (await agent.guest.installKey(key)), () => {}]);
    // The sleep after the key was seen, and the attempt after that.
    expect(agent.sleeps.slice(1)).toEqual([10 * SECOND, 20 * SECOND]);
    expect(tries(agent.log)).toHaveLength(1);
    expect(agent.log.at(-1)).toMatch(/\[host-absent\]\. Next try in 20 seconds\.$/);
  });

  test('that failed while the agent waited for its turn is not repeated at once', async () => {
    const agent = agentOn(createTestHost(), { withKey: false });
    agent.guest.connect(absent);
    await (await agent.guest.open()).installGivenKey(key);
    agent.change.looked = () => {
      agent.change.looked = () => {};
      // What a command leaves that had the turn: the agent's look has seen no attempt.
      const state = decodeState(fs.readFileSync(agent.guest.stateFile), agent.guest.stateFile);
      fs.writeFileSync(agent.guest.stateFile, encodeState(withFailedAttempt(state)));
    };
    await agent.run([]);
    expect(tries(agent.log)).toHaveLength(0);
    expect(agent.sleeps[0]).toBe(10 * SECOND);
  });

  test('that failed while the agent waits for its own next one changes nothing', async () => {
    const agent = agentOn(createTestHost());
    agent.guest.connect(absent);
    await agent.start();
    const byHand = async () => {
      agent.clock.advance(-5 * SECOND);
      await failureOf((await agent.guest.open()).activate(STANDARD_2012R2.activationId));
    };
    await agent.run([() => {}, byHand]);
    expect(agent.sleeps.map((slept) => Math.round(slept / SECOND))).toEqual([10, 20, 5]);
  });
});

describe('what fails, and does not end it', () => {
  test('a setup: it is said once, and tried again at each look', async () => {
    const agent = agentOn(createTestHost());
    await agent.start();
    let tries = 0;
    agent.change.applySetup = async () => {
      tries++;
      if (tries < 3) throw new AvmaError('file-invalid', 'the setup is wrong');
      return ['The key from there was applied.'];
    };
    await agent.run(Array.from({ length: 40 }, () => () => {}));
    expect(tries).toBeGreaterThanOrEqual(3);
    expect(agent.log.filter((sentence) => sentence.includes('the setup is wrong'))).toHaveLength(1);
    expect(agent.events.filter(({ kind }) => kind === 'setup-failed')).toHaveLength(1);
    expect(agent.log).toContain('The key from there was applied.');
  });

  test('a state that is damaged: said once, looked at ever less often, and seen when it is whole again', async () => {
    const agent = agentOn(createTestHost());
    await agent.start();
    const whole = fs.readFileSync(agent.guest.stateFile);
    fs.writeFileSync(agent.guest.stateFile, 'x');
    await agent.run([
      ...Array.from({ length: 6 }, () => () => {}),
      () => fs.writeFileSync(agent.guest.stateFile, whole),
      () => {},
    ]);
    expect(agent.log.filter((sentence) => sentence.includes('[state-damaged]'))).toHaveLength(1);
    expect(agent.sleeps.slice(0, 6)).toEqual([10, 20, 40, 80, 160, 320].map((seconds) => seconds * SECOND));
    expect(agent.log.at(-1)).toMatch(/is licensed by host hv01/);
    expect(agent.faults).toEqual([]);
  });

  test("a mistake of avma's own: its stack is logged, and the agent goes on", async () => {
    const agent = agentOn(createTestHost());
    await agent.start();
    let broken = true;
    agent.change.applySetup = async () => {
      if (broken) throw new TypeError('x is undefined');
      return [];
    };
    const mend = () => {
      broken = false;
    };
    await agent.run([mend, () => {}]);
    expect(agent.faults).toEqual([expect.objectContaining({ code: 'internal' })]);
    expect(agent.log.at(-1)).toMatch(/is licensed by host hv01/);
  });

  test('with --once, a state that cannot be read is an error', async () => {
    const agent = agentOn(createTestHost());
    await agent.start();
    fs.writeFileSync(agent.guest.stateFile, 'x');
    expect((await failureOf(agent.once())).code).toBe('state-damaged');
  });
});

describe('license.json', () => {
  const published = (agent: ReturnType<typeof agentOn>) => {
    const file = path.join(agent.guest.folder, 'run/license.json');
    return decodeLicenseFile(fs.readFileSync(file), file).products.map(({ state }) => state);
  };

  test('is there without any key too, and where it was removed', async () => {
    const agent = agentOn(createTestHost(), { withKey: false });
    // A command that only looks makes no file.
    await (await agent.guest.open()).look();
    expect(fs.existsSync(path.join(agent.guest.folder, 'run'))).toBe(false);
    await agent.run([
      () => {
        expect(published(agent)).toEqual([]);
        fs.rmSync(path.join(agent.guest.folder, 'run'), { recursive: true });
      },
      ...Array.from({ length: 13 }, () => () => {}),
    ]);
    expect(published(agent)).toEqual([]);
  });

  test('follows the last key that is uninstalled, and is made again after a boot', async () => {
    const agent = agentOn(createTestHost());
    await agent.start();
    expect(published(agent)).toEqual(['licensed']);
    await (await agent.guest.open()).uninstallProductKey(STANDARD_2012R2.activationId);
    expect(published(agent)).toEqual([]);
    fs.rmSync(path.join(agent.guest.folder, 'run'), { recursive: true });
    await agent.run([]);
    expect(published(agent)).toEqual([]);
  });
});

describe('what it says', () => {
  test('its status line names the state and the next activation', async () => {
    const agent = agentOn(createTestHost());
    await agent.start();
    await agent.run([]);
    expect(agent.statuses.at(-1)).toMatch(
      /^"Windows\(R\), ServerStandard edition" is licensed by host hv01 until 2026-06-08 12:00 UTC\. Next activation: 2026-06-05 0\d:\d\d UTC\.$/,
    );
  });

  test('metrics: when a license has ended by time alone, they say so', async () => {
    const agent = agentOn(createTestHost());
    await agent.start();
    agent.guest.connect(() => Promise.reject(new AvmaError('host-absent', 'the host is away')));
    agent.clock.advance(7 * DAY - MINUTE);
    await agent.run(Array.from({ length: 30 }, () => () => {}));
    const labels = `{product="Windows(R), ServerStandard edition",activation_id="${STANDARD_2012R2.activationId}"}`;
    expect(agent.metrics[0]).toContain(`avma_licensed${labels} 1\n`);
    const last = agent.metrics.at(-1) ?? '';
    expect(last.split('# HELP avma_last_attempt')[0]).toMatch(
      new RegExp(`^# HELP avma_licensed Whether the product is licensed now.
# TYPE avma_licensed gauge
avma_licensed(.*) 0
# HELP avma_lease_expiry_timestamp_seconds When the lease of the product ends.
# TYPE avma_lease_expiry_timestamp_seconds gauge
avma_lease_expiry_timestamp_seconds(.*) ${Date.UTC(2026, 5, 8, 12) / 1000}
# HELP avma_lease_expiry_remaining_seconds Seconds until .*
# TYPE avma_lease_expiry_remaining_seconds gauge
avma_lease_expiry_remaining_seconds(.*) -?\\d+
# HELP avma_last_renewal_timestamp_seconds When the host issued the lease of the product.
# TYPE avma_last_renewal_timestamp_seconds gauge
avma_last_renewal_timestamp_seconds(.*) ${Date.UTC(2026, 5, 1, 12) / 1000}
$`),
    );
    expect(last).toContain(`avma_licensed${labels} 0\n`);
    expect(last).toContain(`avma_last_attempt_success${labels} 0\n`);
    // The host has no customer license: nothing is said of one.
    expect(last).not.toMatch(/^avma_license_(expiry|grace_end)/m);
  });

  test('metrics: quotes, backslashes and line ends of a name cannot leave their label', async () => {
    const { folder } = createVendorCatalog([{ name: 'A "quoted" \\ name' }]);
    const guest = createTestGuest(null, { catalogFolders: [folder] });
    await guest.installKey(VENDOR_KEYS[0] as string);
    expect(licenseMetrics(await (await guest.open()).look())).toContain('product="A \\"quoted\\" \\\\ name"');
  });
});
