import path from 'node:path';
import { AvmaError } from '../errors/avma-error.ts';
import { type DocumentEnvelope, PAYLOAD_TYPES, signEnvelope } from '../protocol/envelope.ts';
import type { RevocationList } from '../protocol/revocations.ts';
import { replaceFile } from '../storage/atomic-file.ts';
import { withLockedFile } from '../storage/folder-lock.ts';
import { newestRevocations, REVOCATIONS_FILE } from './revoke.ts';
import { signAndLog } from './sign-and-log.ts';
import type { VendorRoot } from './trust-root.ts';
import { readVendorLogIfAny } from './vendor-log.ts';

/** How long a command waits while another one makes the next list, in milliseconds. */
const LOCK_TIMEOUT_MS = 10_000;

/** The list that counts now, and where it is kept. */
export interface KeptRevocations {
  readonly envelope: DocumentEnvelope;
  readonly list: RevocationList;
  /** Whether it is another list than before. */
  readonly changed: boolean;
  readonly file: string;
}

/**
 * Signs the list that follows the present one, and keeps it in `revocations.json`. One command at a time: two lists
 * with one sequence would leave guests with one of them.
 *
 * @param next - The next list after the present one; the present one itself where nothing is to change.
 * @throws {AvmaError} as `next`, `newestRevocations`, `signAndLog`; `state-locked`.
 */
export async function signNextRevocations(
  root: VendorRoot,
  next: (present: RevocationList | null) => RevocationList,
  now: number,
): Promise<KeptRevocations> {
  const file = path.join(root.folder, REVOCATIONS_FILE);
  return withLockedFile(
    path.join(root.folder, `.${REVOCATIONS_FILE}.lock`),
    LOCK_TIMEOUT_MS,
    async (locked) => {
      if (!locked)
        throw new AvmaError('state-locked', `another command has been writing ${file} for a while`);
      const present = newestRevocations(root, readVendorLogIfAny(root.logFile));
      const list = next(present);
      const changed = list !== present;
      // A list that was signed before is in the log, and its signature comes out the same.
      const envelope = changed
        ? await signAndLog(root, PAYLOAD_TYPES.revocations, list, now)
        : signEnvelope(PAYLOAD_TYPES.revocations, list, root.keyPair);
      replaceFile(file, `${JSON.stringify(envelope, null, 2)}\n`, 0o644);
      return { envelope, list, changed, file };
    },
  );
}
