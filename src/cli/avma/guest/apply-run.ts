import { AvmaError, toAvmaError } from '../../../errors/avma-error.ts';
import { writeAgentEvent } from '../../../guest/guest-events.ts';
import { MINUTE_MS } from '../../../schema/durations.ts';
import { formatDuration } from '../../../schema/format-duration.ts';
import { MAX_ANSWER_FILE_BYTES } from '../../../setup/answer-file.ts';
import { applyGivenSetup, type SetupReport } from '../../../setup/apply.ts';
import { type Candidate, readFile, unusable } from '../../../setup/places.ts';
import { scrubFile } from '../../../setup/scrub.ts';
import { readBoundedFile } from '../../../storage/read-file.ts';
import { guestEnvironment } from '../../guest-environment.ts';
import { setupEnvironment } from '../../setup-environment.ts';
import { appliedEvent, failedEvent } from '../../setup-events.ts';
import { whileWaiting } from '../../terminal.ts';
import type { Context } from '../context.ts';
import { say } from '../output.ts';
import { openGuest, requireOwnLicense } from './open.ts';
import { describeNow } from './product-status.ts';

/** What is applied, and how. */
interface ApplyArguments {
  /** The file that was named; undefined to look in the machine's places. */
  readonly file: string | undefined;
  readonly dryRun: boolean;
  readonly scrub: boolean;
}

/**
 * Finds and applies a setup.
 *
 * @throws {AvmaError} `file-not-found`, `access-denied` for the named file; `argument-invalid` for stdin with --scrub;
 *   `access-denied` for an ordinary user where the license is root's; else as applyGivenSetup does.
 */
export async function applySetup(
  context: Context,
  { file, dryRun, scrub }: ApplyArguments,
): Promise<SetupReport> {
  if (scrub && file === '-') {
    throw new AvmaError('argument-invalid', '--scrub needs a file: the key cannot be replaced in stdin');
  }
  if (!dryRun) requireOwnLicense(context);
  const environment = setupEnvironment(context.launcher);
  const report = await applyGivenSetup(environment, {
    dryRun,
    ...(file !== undefined && { candidates: [readNamed(file)] }),
  });
  if (!dryRun) writeEvents(context, report);
  return report;
}

/** Writes an event for each value that was applied, and for each that could not be. */
function writeEvents(context: Context, { values }: SetupReport): void {
  const place = { environment: guestEnvironment(context.launcher, context.settings(), say), vmId: null };
  for (const value of values) {
    const event = appliedEvent(value) ?? failedEvent(value);
    if (event !== undefined) writeAgentEvent(place, event);
  }
}

/** @throws {AvmaError} `file-not-found`, `access-denied`, `io-error`. */
function readNamed(file: string): Candidate {
  try {
    return readFile(
      'argument',
      file === '-' ? 'standard input' : file,
      readBoundedFile(file, MAX_ANSWER_FILE_BYTES),
    );
  } catch (thrown) {
    // A folder, a device, a file that is too long: no setup, and said as such.
    if (!(thrown instanceof AvmaError) || thrown.code !== 'file-invalid') throw thrown;
    return unusable('argument', file, thrown.message);
  }
}

/** Activates a product whose key was installed now; a failure is a result, since the key stays. */
export async function activateGiven(
  context: Context,
  activationId: string,
): Promise<{
  readonly activationId: string;
  readonly error: AvmaError | null;
  readonly sentences: readonly string[];
}> {
  const service = await openGuest(context);
  try {
    const activating = service.activate(activationId, 'key installed');
    await whileWaiting('waiting for the host', activating, context.settings().deadline);
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot activate');
    if (error.code === 'internal') throw error;
    return {
      activationId,
      error,
      sentences: [`The key is not activated yet: ${error.message}.`, error.hint],
    };
  }
  const { name, license, lease } = await describeNow(service, activationId);
  const by = lease === null ? '' : ` by host ${lease.hostName}`;
  const time = formatDuration(license.remainingMinutes * MINUTE_MS);
  return { activationId, error: null, sentences: [`"${name}" is activated${by} for ${time}.`] };
}

/** The kinds of places that are files of this machine, in which a key can be replaced. */
const FILES: readonly Candidate['kind'][] = ['argument', 'setup-file', 'answer-file'];

/**
 * Replaces the key in the file that gave it, if that key was applied, now or before.
 *
 * @returns The files that were changed.
 * @throws {AvmaError} as scrubFile does.
 */
export function scrubGiven({ candidates, values }: SetupReport): string[] {
  const applied = values.some(({ what, error }) => what === 'key' && error === null);
  const source = candidates.find(({ finding }) => finding.outcome === 'key');
  if (!applied || source === undefined || !FILES.includes(source.kind)) return [];
  return scrubFile(source.place) ? [source.place] : [];
}
