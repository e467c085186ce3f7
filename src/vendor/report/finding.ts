import type { AvmaErrorCode } from '../../errors/codes.ts';

/** Something that reports, or several of them together, say or lack. */
export interface Finding {
  /** `bad`: the reports do not hold. `note`: they do, and this is to be known when they are read. */
  readonly severity: 'bad' | 'note';
  readonly code: AvmaErrorCode | 'over-limit' | 'report-before-missing' | 'several-site-keys' | 'left-out';
  /** What is the case, as a sentence without its full stop. */
  readonly message: string;
  /** The files that it is about, as they were named. */
  readonly files: readonly string[];
}
