import { type AvmaErrorCode, CODES } from './codes.ts';

/** More about one failure than its code says. */
export interface AvmaErrorDetails {
  /** The error that led to this one; shown under AVMA_DEBUG, never as the message. */
  readonly cause?: unknown;
  /** Replaces the code's own HRESULT: a host's signed refusal carries its own. */
  readonly hresult?: number;
  /** Replaces the code's own hint, where the place that throws knows better what to do. */
  readonly hint?: string | undefined;
  /** In how many seconds it is worth to ask again, where a host has signed that; null: it does not say. */
  readonly retryAfter?: number | null;
}

/**
 * The one error that a user can see. `message` says what happened and why; `hint` says what to do now: the code's own,
 * unless the details have a better one.
 */
export class AvmaError extends Error {
  override readonly name = 'AvmaError';
  readonly code: AvmaErrorCode;
  readonly hresult: number;
  readonly hint: string;
  /** Seconds; null where nobody says. */
  readonly retryAfter: number | null;

  constructor(code: AvmaErrorCode, message: string, details: AvmaErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hresult = details.hresult ?? CODES[code].hresult;
    this.hint = details.hint ?? CODES[code].hint;
    this.retryAfter = details.retryAfter ?? null;
  }
}

/** What a log says above the stack of an `internal` error. */
export const FAULT_HEADING = 'A fault in avma, please report it:';

/** What a log says of a fault, line by line. With the whole stack: a fault that came once is found by nothing else. */
export function faultLines(thrown: unknown): readonly string[] {
  const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return [FAULT_HEADING, ...stack.split('\n')];
}

/** How the system names its errors: `ENOENT`. Node's own (`ERR_INVALID_ARG_TYPE`) are mistakes of ours. */
const ERRNO = /^E[A-Z0-9]+$/;

/**
 * Anything thrown, as an {@link AvmaError}: an AvmaError unchanged, the system's error by its errno, anything else as
 * `internal`. What was thrown is the new error's `cause`.
 *
 * @param doing - What was tried, as the beginning of the message: `cannot read /etc/f`.
 */
export function toAvmaError(thrown: unknown, doing: string): AvmaError {
  if (thrown instanceof AvmaError) return thrown;
  const code = (thrown as NodeJS.ErrnoException | null)?.code;
  const errno = typeof code === 'string' && ERRNO.test(code) ? code : undefined;
  const message = `${doing}: ${reasonOf(thrown)}`;
  switch (errno) {
    case 'EEXIST':
      return new AvmaError('file-exists', message, { cause: thrown });
    case 'EACCES':
    case 'EPERM':
      return new AvmaError('access-denied', message, { cause: thrown });
    case 'EROFS':
      return new AvmaError('access-denied', message, {
        cause: thrown,
        hint: 'That file system can only be read. If it was not meant so, its disk may have failed: dmesg | tail.',
      });
    case 'ENOSPC':
    case 'EDQUOT':
      return new AvmaError('disk-full', message, { cause: thrown });
    case 'ENOENT':
    case 'ENOTDIR':
      return new AvmaError('file-not-found', message, { cause: thrown });
    case 'ENAMETOOLONG':
      return new AvmaError('argument-invalid', message, {
        cause: thrown,
        hint: 'Use a shorter name or path.',
      });
    case undefined:
      return new AvmaError('internal', message, { cause: thrown });
    default:
      return new AvmaError('io-error', message, { cause: thrown });
  }
}

/**
 * `no such file or directory (ENOENT)`: Node's message without the system call and the paths, which the text before it
 * names already. Other messages stay as they are.
 */
function reasonOf(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const match = /^(E[A-Z0-9]+): ([^,]+), \w+( '.*)?$/s.exec(message);
  return match === null ? message : `${match[2]} (${match[1]})`;
}
