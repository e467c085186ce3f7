import { type AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { withinBounds } from '../../machine/clock.ts';
import type { VmId } from '../../machine/vm-id.ts';
import type { Trigger } from '../../protocol/messages.ts';
import { HOUR_MS } from '../../schema/durations.ts';
import { debug } from '../../system/debug.ts';
import type { GuestService } from '../guest-service.ts';
import type { GuestLook } from '../looking.ts';
import type { DerivedReport } from '../product-report.ts';
import type { AgentEnvironment, Glance } from './agent-environment.ts';
import {
  clockJump,
  isAsSeen,
  isLicensed,
  type Moment,
  plannedProduct,
  type RememberedProduct,
  remember,
} from './agent-memory.ts';
import {
  asSentence,
  changeSentences,
  failureSentence,
  NO_KEY_YET,
  pauseText,
  statusLine,
} from './agent-text.ts';
import { activatable, differ, type LicenseSummary, summarize } from './license-summary.ts';
import { afterAttempt, FIRST_BACKOFF_MS, type Plan, planRenewal } from './renewal-plan.ts';

/** Time goes by without a look for so long at most: a look also keeps the highest time seen. */
const LOOK_INTERVAL_MS = 2 * HOUR_MS;

/**
 * Keeps this machine's products activated until it is told to stop. It ends for no other reason: what fails is said,
 * and tried again.
 */
export async function runAgent(environment: AgentEnvironment): Promise<void> {
  const agent = new Agent(environment, { goesOn: true });
  while (!environment.stopping.aborted) {
    let sleep = FIRST_BACKOFF_MS;
    try {
      sleep = await agent.wake();
    } catch (thrown) {
      // A process that runs on without its loop would look as if it kept the machine licensed.
      report(environment, thrown);
    }
    if (!environment.stopping.aborted) await environment.sleep(sleep);
  }
}

/** Says a fault, unless what it would be said through is what failed. */
function report({ report: { fault } }: AgentEnvironment, thrown: unknown): void {
  try {
    fault(thrown);
  } catch (unsaid) {
    debug('agent', () => `a fault cannot be said: ${unsaid}`);
  }
}

/**
 * One look: activates what is due.
 *
 * @returns How the machine is licensed afterwards.
 * @throws {AvmaError} where the license cannot be looked at; as `openGuestService` and a look do.
 */
export async function runAgentOnce(environment: AgentEnvironment): Promise<LicenseSummary> {
  const agent = new Agent(environment, { goesOn: false });
  await agent.work();
  return agent.summary ?? summarize({ products: [], trust: [] }, '');
}

/** One opened service and what a look through it found. */
interface Seen {
  readonly service: GuestService;
  readonly look: GuestLook;
}

/** The agent between two wake-ups. All that it remembers is in memory: a new one starts from the state's file. */
class Agent {
  readonly #environment: AgentEnvironment;
  /** Whether there will be another look. */
  readonly #goesOn: boolean;
  #products = new Map<string, RememberedProduct>();
  summary: LicenseSummary | undefined;
  #moment: Moment | undefined;
  #jumped = false;
  #seen: Seen | undefined;
  #glanced: Glance | undefined;
  #surroundingsChanged = false;
  /** By the clock of `elapsed()`: nothing is to be done before. */
  #nextLookAt = 0;
  #failedLooks = 0;
  /** What was said last of the setup and of looks that fail: each is said once, until it changes. */
  readonly #said = new Map<string, string>();

  constructor(environment: AgentEnvironment, { goesOn }: { readonly goesOn: boolean }) {
    this.#environment = environment;
    this.#goesOn = goesOn;
  }

  /** A glance, and all that is to be done if something has changed or is due. @returns How long to sleep. */
  async wake(): Promise<number> {
    const { elapsed, maxSleep, report } = this.#environment;
    this.#noticeClock();
    const changed = this.#glance();
    if (!changed && !this.#jumped && elapsed() < this.#nextLookAt) {
      return Math.min(maxSleep, this.#nextLookAt - elapsed());
    }
    try {
      const sleep = await this.work();
      this.#failedLooks = 0;
      this.#said.delete('look');
      this.#nextLookAt = elapsed() + sleep;
      this.#forgetOwnWrites();
    } catch (thrown) {
      const error = toAvmaError(thrown, 'cannot look at the license');
      const pause = Math.min(LOOK_INTERVAL_MS, FIRST_BACKOFF_MS * 2 ** Math.min(this.#failedLooks++, 20));
      this.#nextLookAt = elapsed() + pause;
      if (error.code === 'internal') report.fault(error);
      this.#sayOnce(
        'look',
        `The license cannot be looked at: ${error.message} [${error.code}]. ${error.hint}`,
      );
      report.status(`The license cannot be looked at: ${error.message}. Next try in ${pauseText(pause)}.`);
    }
    return Math.min(maxSleep, Math.max(0, this.#nextLookAt - elapsed()));
  }

  /**
   * Applies the given setup, looks at all products, activates those that are due.
   *
   * @returns Milliseconds until there is something to be done again.
   */
  async work(): Promise<number> {
    const { stopping } = this.#environment;
    await this.#applySetup();
    const service = await this.#environment.openService();
    let seen = await this.#look(service);
    for (const { activationId, trigger } of this.#plan(seen).activate) {
      if (stopping.aborted) return 0;
      seen = await this.#activate(seen, activationId, trigger);
    }
    const plan = this.#plan(seen);
    const now = withinBounds(this.#environment.readClock()).wall;
    if (this.summary !== undefined) {
      this.#environment.report.status(statusLine(this.summary, plan.untilAttempt, now));
    }
    return plan.sleep;
  }

  /** @returns Whether something has changed since the last glance. */
  #glance(): boolean {
    const before = this.#glanced;
    const now = this.#environment.glance();
    this.#glanced = now;
    if (before === undefined) return true;
    if (now.surroundings !== before.surroundings) this.#surroundingsChanged = true;
    return this.#surroundingsChanged || now.state !== before.state;
  }

  /** What this agent has written itself is no news, unless somebody else has written since the last look. */
  #forgetOwnWrites(): void {
    if (this.#glanced === undefined || this.#seen === undefined) return;
    const { state } = this.#environment.glance();
    // Read after the glance: a change between the two is found here or in the next glance.
    if (isAsSeen(this.#seen.look, this.#seen.service.state())) this.#glanced = { ...this.#glanced, state };
  }

  #noticeClock(): void {
    const { readClock, elapsed, report } = this.#environment;
    const moment = { wall: readClock().wall, elapsed: elapsed() };
    const jump = this.#moment === undefined ? 0 : clockJump(this.#moment, moment);
    this.#moment = moment;
    if (jump === 0) return;
    this.#jumped = true;
    const how = `${pauseText(Math.abs(jump))} ${jump > 0 ? 'forward' : 'back'}`;
    const message = `the clock was moved by ${how}: it was set, or the machine was suspended or restored`;
    report.log(`${asSentence(message)} All products are activated anew.`);
    report.event({ kind: 'clock-jumped', message }, null);
  }

  async #applySetup(): Promise<void> {
    const { applySetup, report } = this.#environment;
    try {
      const done = await applySetup();
      for (const sentence of done) report.log(sentence);
      this.#said.delete('setup');
    } catch (thrown) {
      const error = toAvmaError(thrown, 'cannot apply the given setup');
      if (error.code === 'internal') report.fault(error);
      const sentence = `The given setup was not applied: ${error.message} [${error.code}]. ${error.hint}`;
      if (!this.#sayOnce('setup', sentence)) return;
      report.event({ kind: 'setup-failed', message: error.message, failure: error, trigger: 'setup' }, null);
    }
  }

  /**
   * One look, and all that follows from what it found, but no activation.
   *
   * @param tried - The product that was just tried to activate, and whose attempt is counted afterwards.
   */
  async #look(service: GuestService, tried: string | null = null): Promise<Seen> {
    const { report, readClock, elapsed, random } = this.#environment;
    // Other users learn from license.json that no key is installed, and not that nobody can tell.
    const look = await service.look({ publishWithoutKeys: true });
    const summary = summarize(look, service.vmId.value);
    const before = this.summary;
    this.summary = summary;
    const news = {
      first: before === undefined,
      clockJumped: this.#jumped,
      surroundingsChanged: this.#surroundingsChanged,
      tried,
      clock: withinBounds(readClock()),
      elapsed: elapsed(),
      random,
    };
    this.#jumped = false;
    this.#surroundingsChanged = false;
    this.#products = new Map(
      activatable(look).map((derived) => {
        const { activationId } = derived.product;
        return [activationId, remember(this.#products.get(activationId), derived, news)];
      }),
    );
    this.#sayChanges(before, summary, service.vmId);
    report.looked(look);
    this.#seen = { service, look };
    return this.#seen;
  }

  #sayChanges(before: LicenseSummary | undefined, after: LicenseSummary, vmId: VmId): void {
    const { report } = this.#environment;
    if (before !== undefined && before.vmId !== after.vmId) {
      const message = `the VM ID was ${before.vmId} and is ${after.vmId}: this machine is a clone, or got another ID`;
      report.log(asSentence(message));
      report.event({ kind: 'vm-id-changed', message }, vmId);
    }
    if (before === undefined && after.products.length === 0) report.log(NO_KEY_YET);
    for (const product of after.products) {
      const known = before?.products.find(({ activationId }) => activationId === product.activationId);
      if (!known?.host || !product.host || known.host.id === product.host.id) continue;
      const message = `host ${product.host.name} activates "${product.name}" in place of host ${known.host.name}`;
      report.log(asSentence(`${message}: this machine was moved, or its host was set up anew`));
      report.event(
        { kind: 'host-changed', message, activationId: product.activationId, hostName: product.host.name },
        vmId,
      );
    }
    this.#noteConditions(before, after, vmId);
    for (const sentence of changeSentences(before ?? null, after)) report.log(sentence);
    if (before !== undefined && differ(before, after)) report.changed(before, after);
  }

  /** What is to be watched for, an event once; the log has it with the product's sentence. */
  #noteConditions(before: LicenseSummary | undefined, after: LicenseSummary, vmId: VmId): void {
    for (const { activationId, name, notes, host } of after.products) {
      const known = before?.products.find((product) => product.activationId === activationId)?.notes ?? [];
      for (const note of notes.filter((one) => !known.includes(one))) {
        const message = `"${name}": ${note}`;
        const hostName = host?.name ?? null;
        this.#environment.report.event({ kind: 'license-noted', message, activationId, hostName }, vmId);
      }
    }
  }

  #plan({ look }: Seen): Plan {
    const products = activatable(look).flatMap((derived) => {
      const remembered = this.#products.get(derived.product.activationId);
      return remembered === undefined ? [] : [plannedProduct(derived, remembered.memory)];
    });
    const plan = planRenewal(products, this.#environment.elapsed(), LOOK_INTERVAL_MS);
    debug(
      'agent',
      () => `${plan.activate.length} due, next attempt in ${plan.untilAttempt} ms, sleep ${plan.sleep} ms`,
    );
    return plan;
  }

  /** One attempt, unless somebody else has just tried; then a look at what came of it. */
  async #activate({ service, look }: Seen, activationId: string, trigger: Trigger): Promise<Seen> {
    const { report, elapsed, random } = this.#environment;
    const derived = find(look, activationId);
    const lastAttempt = derived?.lastAttempt?.at;
    let failure: AvmaError | null = null;
    try {
      const isSettled = (now: DerivedReport) =>
        now.lastAttempt?.at !== lastAttempt || now.report.partialProductKey === null;
      if (!(await service.activateUnless(activationId, trigger, isSettled))) return await this.#look(service);
    } catch (thrown) {
      failure = toAvmaError(thrown, 'cannot activate');
      if (failure.code === 'internal') report.fault(failure);
    }
    const seen = await this.#look(service, activationId);
    const now = find(seen.look, activationId);
    const remembered = this.#products.get(activationId);
    if (now === undefined || remembered === undefined) return seen;
    const untilEnd = isLicensed(now) ? plannedProduct(now, remembered.memory).untilEnd : null;
    const memory = afterAttempt(remembered.memory, failure === null ? 'success' : failure.code, {
      elapsed: elapsed(),
      untilEnd,
      retryAfter: failure?.retryAfter ?? null,
      random: random(),
    });
    this.#products.set(activationId, { ...remembered, memory });
    if (failure !== null) {
      const untilRetry = this.#goesOn ? (memory.retryAt ?? 0) - elapsed() : null;
      report.log(failureSentence(now.product.name, failure, untilRetry));
    }
    return seen;
  }

  /** Says a sentence unless it was the last one of its kind. @returns Whether it was said. */
  #sayOnce(kind: string, sentence: string): boolean {
    if (this.#said.get(kind) === sentence) return false;
    this.#said.set(kind, sentence);
    this.#environment.report.log(sentence);
    return true;
  }
}

function find(look: GuestLook, activationId: string): DerivedReport | undefined {
  return look.products.find(({ product }) => product.activationId === activationId);
}
