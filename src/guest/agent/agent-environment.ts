import type { ClockReading } from '../../machine/clock.ts';
import type { VmId } from '../../machine/vm-id.ts';
import type { AgentEvent } from '../guest-events.ts';
import type { GuestService } from '../guest-service.ts';
import type { GuestLook } from '../looking.ts';
import type { LicenseSummary } from './license-summary.ts';

/** What the agent reaches of the machine. */
export interface AgentEnvironment {
  /** The longest sleep, in milliseconds: what nothing tells the agent is noticed after such a time. */
  readonly maxSleep: number;
  /** Aborts when the agent is to end. */
  readonly stopping: AbortSignal;
  /**
   * Opens the guest's service over the machine as it is now: its VM ID, its settings, its pipe.
   *
   * @throws {AvmaError} as `openGuestService` does.
   */
  openService(): Promise<GuestService>;
  /** What a look depends on, as it is now. Cheap: it opens no state. Never throws. */
  glance(): Glance;
  readClock(): ClockReading;
  /** Milliseconds of a clock that nobody can set; it may stand still while the machine is suspended. */
  elapsed(): number;
  /** In [0, 1). */
  random(): number;
  /** Resolves after so many milliseconds, when something has changed, or when the agent is to end. */
  sleep(milliseconds: number): Promise<void>;
  /**
   * Applies what the hypervisor or the image gives: key, pipe and trust anchors.
   *
   * @returns What was done, in sentences; empty when nothing had to be.
   * @throws {AvmaError} for a setup that cannot be applied.
   */
  applySetup(): Promise<readonly string[]>;
  /** Where the agent says what it does. No method throws or waits. */
  readonly report: AgentReport;
}

/** Texts that change whenever something has changed; they are compared and mean nothing else. */
export interface Glance {
  /** Of the state's file. */
  readonly state: string;
  /** Of what may mend a failure: trust anchors, catalogs, configuration, given setup, the VM ID, the pipe's file. */
  readonly surroundings: string;
}

/** Takes what the agent says. */
export interface AgentReport {
  /** One decision, as a sentence. */
  log(sentence: string): void;
  /** A mistake of avma's own, with everything that helps to find it. */
  fault(thrown: unknown): void;
  /** What the agent is doing now, one line. */
  status(line: string): void;
  event(event: AgentEvent, vmId: VmId | null): void;
  /** The license has changed; hooks are told. */
  changed(before: LicenseSummary, after: LicenseSummary): void;
  /** What every look found; for files that others read. */
  looked(look: GuestLook): void;
}
