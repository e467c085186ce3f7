import type { LicensingService } from '../../../guest/licensing-service.ts';

/**
 * Opens the guest's licensing service; with `recover`, over a damaged state file too, which the next change replaces.
 *
 * @throws {AvmaError} whatever keeps it from opening.
 */
export type OpenService = (options?: { readonly recover?: boolean }) => Promise<LicensingService>;

/** What a command of slmgr is given, and where its lines go. */
export interface Invocation {
  /** What came after the option; at least as many as the option requires. */
  readonly values: readonly string[];
  readonly openService: OpenService;
  /** The guest's wall clock, milliseconds since 1970 UTC. */
  now(): number;
  /** Adds lines to the output; they stay when the command fails afterwards. */
  print(...lines: string[]): void;
}

/**
 * One option of slmgr. It prints and returns when slmgr would end with status 0, soft errors included.
 *
 * @throws {AvmaError} for a call that failed: its error line and exit status are not the handler's business.
 */
export type Handler = (invocation: Invocation) => void | Promise<void>;
