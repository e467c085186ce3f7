import fs from 'node:fs';
import type { LoadedProduct } from '../../../src/catalog/product.ts';
import { AvmaError } from '../../../src/errors/avma-error.ts';
import { runAgent } from '../../../src/guest/agent/agent.ts';
import type { AgentEnvironment } from '../../../src/guest/agent/agent-environment.ts';
import { glanceAt } from '../../../src/guest/agent/glance.ts';
import type { LicenseSummary } from '../../../src/guest/agent/license-summary.ts';
import { decodeState } from '../../../src/guest/guest-state.ts';
import { LicenseStatus } from '../../../src/guest/license-report.ts';
import { deriveReport } from '../../../src/guest/product-report.ts';
import type { Pipe } from '../../../src/pipe/pipe.ts';
import { createVendorCatalog, VENDOR_KEYS } from '../../support/catalogs.ts';
import { HOUR, MINUTE, NOW, SECOND, TestClock } from '../../support/clock.ts';
import { createTestGuest, VM } from '../../support/test-guest.ts';
import { createTestHost, type TestHost } from '../../support/test-host.ts';
import { createTestVendor } from '../../support/test-vendor.ts';

/** Something that happens to the machine, at a time of the simulation in milliseconds. */
export type Happening = { readonly at: number } & (
  | { readonly kind: 'outage'; readonly length: number; readonly silent: boolean }
  | { readonly kind: 'reboot'; readonly off: number }
  /** Somebody sets the wall clock. */
  | { readonly kind: 'step'; readonly by: number }
  /** A live migration to the other host. */
  | { readonly kind: 'migration' }
);

/** A time during which something held, in milliseconds of the simulation. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** What a simulation has come to. */
export interface Simulated {
  /** How often a host was asked, in vain or not. */
  readonly attempts: number;
  readonly wakeUps: number;
  readonly looks: number;
  /** When the product was not licensed, from its first activation on. */
  readonly unlicensed: readonly Interval[];
  /** When no host could be reached, or the machine was off. */
  readonly excused: readonly Interval[];
  readonly log: readonly string[];
  readonly changes: readonly { readonly before: LicenseSummary; readonly after: LicenseSummary }[];
}

const DEADLINE = 10 * SECOND;
const MAX_SLEEP = 10 * MINUTE;

/**
 * A guest with the real service and the real agent, and two real hosts of one vendor, all in simulated time. It stops
 * when the time is over.
 */
export class SimulatedMachine {
  readonly #happenings: Happening[];
  readonly #end: number;
  readonly #random: () => number;
  readonly #guestClock = new TestClock(NOW);
  readonly #hostClock = new TestClock(NOW);
  readonly #hosts: readonly TestHost[];
  readonly #guest;
  readonly #product: LoadedProduct;
  #host = 0;
  /** The simulation's own time. */
  #now = 0;
  #outageEnds = 0;
  #silent = false;
  #stopping = new AbortController();
  /** How long the machine is to be off, in the reboot that has just begun; null while it runs, and while it is off. */
  #rebooting: number | null = null;
  #isOff = false;
  #wasLicensed = true;
  #nextSample = Number.POSITIVE_INFINITY;
  #unlicensedSince = 0;
  readonly #counts = { attempts: 0, wakeUps: 0, looks: 0 };
  readonly #unlicensed: Interval[] = [];
  readonly #excused: Interval[] = [];
  readonly #log: string[] = [];
  readonly #changes: { before: LicenseSummary; after: LicenseSummary }[] = [];

  constructor(happenings: readonly Happening[], end: number, seed: number) {
    this.#happenings = [...happenings].sort((a, b) => a.at - b.at);
    this.#end = end;
    this.#random = seededRandom(seed);
    const vendor = createTestVendor();
    const { catalog, folder } = createVendorCatalog();
    this.#product = catalog.products[0] as LoadedProduct;
    this.#hosts = ['hv01', 'hv02'].map((name, index) =>
      createTestHost({
        vendor,
        name,
        clock: this.#hostClock,
        catalog,
        certificate: { windows: null, hardwareId: `0123-4567-89AB-CDE${index}` },
      }),
    );
    this.#guest = createTestGuest(this.#hosts[0] as TestHost, {
      clock: this.#guestClock,
      catalogFolders: [folder],
    });
    this.#guest.connect(() => this.#pipe());
  }

  /** Installs the key, which activates, and then has the agent run until the time is over. */
  async run(): Promise<Simulated> {
    await this.#guest.installKey(VENDOR_KEYS[0] as string);
    this.#nextSample = 0;
    for (;;) {
      await runAgent(this.#environment());
      if (this.#now >= this.#end) break;
      this.#boot();
    }
    if (!this.#wasLicensed) this.#unlicensed.push({ from: this.#unlicensedSince, to: this.#now });
    return {
      ...this.#counts,
      unlicensed: this.#unlicensed,
      excused: this.#excused,
      log: this.#log,
      changes: this.#changes,
    };
  }

  #boot(): void {
    const off = this.#rebooting ?? 0;
    this.#rebooting = null;
    this.#isOff = true;
    this.#excused.push({ from: this.#now, to: this.#now + off });
    this.#advance(off);
    this.#isOff = false;
    this.#guestClock.reboot();
    this.#stopping = new AbortController();
    if (this.#now >= this.#end) this.#stopping.abort();
  }

  #environment(): AgentEnvironment {
    const places = {
      stateFile: this.#guest.stateFile,
      folders: [this.#guest.trustFolder],
      configuredVmId: VM,
      configuredPipe: 'loopback:',
      root: '/',
    };
    return {
      maxSleep: MAX_SLEEP,
      stopping: this.#stopping.signal,
      openService: () => this.#guest.open(),
      glance: () => glanceAt(places),
      readClock: this.#guestClock.read,
      elapsed: () => this.#now,
      random: this.#random,
      sleep: async (milliseconds) => {
        this.#counts.wakeUps++;
        this.#advance(milliseconds);
      },
      applySetup: async () => [],
      report: {
        log: (sentence) => this.#log.push(`${(this.#now / HOUR).toFixed(2)} h: ${sentence}`),
        fault: (thrown) => {
          throw thrown;
        },
        status: () => {},
        event: () => {},
        changed: (before, after) => this.#changes.push({ before, after }),
        looked: () => {
          this.#counts.looks++;
        },
      },
    };
  }

  #pipe(): Pipe {
    const host = this.#hosts[this.#host] as TestHost;
    const pipe = host.pipe();
    return {
      uri: pipe.uri,
      close: () => pipe.close(),
      exchange: async (frame, options) => {
        this.#counts.attempts++;
        if (this.#now < this.#outageEnds) {
          if (this.#silent) this.#advance(DEADLINE);
          throw new AvmaError(this.#silent ? 'host-silent' : 'host-absent', 'the host is away');
        }
        const answer = await pipe.exchange(frame, options);
        this.#advance(50);
        return answer;
      },
    };
  }

  /** Time goes by, and what happens meanwhile happens. A reboot ends the time that was to go by. */
  #advance(milliseconds: number): void {
    // Clocks show whole milliseconds.
    const until = Math.min(this.#end, this.#now + Math.ceil(milliseconds));
    while (this.#now < until) {
      const next = Math.max(this.#now, this.#happenings[0]?.at ?? this.#end);
      this.#goOn(
        Math.min(until, next, this.#isOff ? until : Math.max(this.#now, this.#nextSample)) - this.#now,
      );
      for (
        let [first] = this.#happenings;
        first !== undefined && first.at <= this.#now;
        [first] = this.#happenings
      ) {
        this.#happenings.shift();
        this.#happen(first);
      }
      if (this.#now >= this.#nextSample && !this.#isOff) this.#sample();
      if (this.#rebooting !== null) return;
    }
    if (this.#now >= this.#end) this.#stopping.abort();
  }

  #goOn(milliseconds: number): void {
    this.#now += milliseconds;
    this.#guestClock.advance(milliseconds);
    this.#hostClock.advance(milliseconds);
  }

  #happen(happening: Happening): void {
    this.#log.push(`${(this.#now / HOUR).toFixed(2)} h: ## ${JSON.stringify(happening)}`);
    this.#nextSample = this.#now;
    switch (happening.kind) {
      case 'outage':
        this.#outageEnds = Math.max(this.#outageEnds, this.#now + happening.length);
        this.#silent = happening.silent;
        this.#excused.push({ from: this.#now, to: this.#outageEnds });
        return;
      case 'step':
        this.#guestClock.set(this.#guestClock.wall + happening.by);
        return;
      case 'migration':
        this.#host = 1 - this.#host;
        return;
      case 'reboot':
        if (this.#isOff) return;
        this.#rebooting = happening.off;
        this.#stopping.abort();
    }
  }

  /** Derives the license from what is on the disk, as any command would, and changes nothing. */
  #sample(): void {
    const state = decodeState(fs.readFileSync(this.#guest.stateFile), this.#guest.stateFile);
    const { trust } = (this.#hosts[0] as TestHost).vendor;
    const derived = deriveReport(this.#product, { state, clock: this.#guestClock.read(), vmId: VM, trust });
    const licensed = derived.report.license.status === LicenseStatus.licensed;
    if (this.#wasLicensed && !licensed) this.#unlicensedSince = this.#now;
    if (!this.#wasLicensed && licensed) this.#unlicensed.push({ from: this.#unlicensedSince, to: this.#now });
    this.#wasLicensed = licensed;
    const untilEnd = licensed && derived.endsAt !== null ? derived.endsAt - derived.time.now : MINUTE;
    this.#nextSample = this.#now + Math.max(1, Math.min(licensed ? HOUR : MINUTE, untilEnd));
  }
}

/** The part of an interval that lies in none of the others, in milliseconds. */
export function outside({ from, to }: Interval, others: readonly Interval[]): number {
  let left = 0;
  let at = from;
  for (const other of [...others].sort((a, b) => a.from - b.from)) {
    if (other.to <= at) continue;
    if (other.from >= to) break;
    left += Math.max(0, other.from - at);
    at = Math.max(at, other.to);
  }
  return left + Math.max(0, to - at);
}

/** Numbers in [0, 1), the same for the same seed: mulberry32. */
function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
