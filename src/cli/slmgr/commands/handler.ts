import type { AvmaError } from '../../../errors/avma-error.ts';
import type { ProductReport } from '../../../guest/license-report.ts';
import type { LicensingService } from '../../../guest/licensing-service.ts';

/**
 * Opens the guest's licensing service. With `recover`, a damaged state file is no error: the next change replaces it.
 *
 * @throws {AvmaError} as openGuestService does.
 */
export type OpenService = (options?: { readonly recover?: boolean }) => Promise<LicensingService>;

/** A failure in more words than slmgr's own, for a person on a terminal. */
export interface Advice {
  /** What happened and why: a sentence without its full stop. */
  readonly reason: string;
  /** What to do now: a sentence that names an slmgr command where there is one. */
  readonly nextStep: string;
  /** The error behind it. */
  readonly error?: AvmaError;
}

/** What a command of slmgr is given, and where its lines go. */
export interface Invocation {
  /** What came after the option; at least as many as the option requires. */
  readonly values: readonly string[];
  readonly openService: OpenService;
  /** The guest's wall clock, milliseconds since 1970 UTC. */
  now(): number;
  /** Adds lines to the output; they stay when the command fails afterwards. */
  print(...lines: readonly string[]): void;
  /**
   * Tells a person on a terminal why there is no license now, and what to do. For what slmgr itself takes for a success
   * or a soft error: an error that is thrown has its own message and hint.
   */
  advise(advice: Advice): void;
  /** Asks for an explanation, on a terminal only, of why these products are not licensed, if they are not. */
  explain(products: readonly ProductReport[]): void;
}

/**
 * Runs one option of slmgr. It prints and returns when slmgr would end with status 0, soft errors included.
 *
 * @throws {AvmaError} for a call that failed. Its error line and exit status are made by the caller.
 */
export type Handler = (invocation: Invocation) => void | Promise<void>;
