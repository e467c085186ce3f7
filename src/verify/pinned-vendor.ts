import { AvmaError } from '../errors/avma-error.ts';
import { CosignedEnvelope, DocumentEnvelope } from '../protocol/envelope.ts';
import { openRevocations } from '../protocol/revocations.ts';
import { openTrustUpdate } from '../protocol/trust-update.ts';
import { followTrustUpdate, type TrustedVendor, withRevocations } from '../protocol/vendor-trust.ts';
import type { Question } from './question.ts';
import { strictJsonOf } from './strict-json-of.ts';

/**
 * The pinned vendor after all trust updates that follow on from its roots, in whatever order they are, and with the
 * newest revocation list that one of its roots signed. Everything else counts for nothing: whoever spoils a document
 * could as well leave it out. Pure.
 */
export function vendorNow({ vendor, trustUpdates, revocations }: Question): TrustedVendor {
  const updates = trustUpdates.flatMap((given) => {
    const envelope = CosignedEnvelope.safeParse(strictJsonOf(given)).data;
    return (envelope && attempt(() => [openTrustUpdate(envelope)])) ?? [];
  });
  let now = vendor;
  for (let next: TrustedVendor | undefined = now; next !== undefined; ) {
    now = next;
    next = firstOf(updates, (update) => attempt(() => followTrustUpdate(now, update)));
  }
  for (const given of revocations) {
    const envelope = DocumentEnvelope.safeParse(strictJsonOf(given)).data;
    now = (envelope && attempt(() => withRevocations(now, openRevocations(envelope)))) ?? now;
  }
  return now;
}

function firstOf<T, R>(things: readonly T[], find: (thing: T) => R | undefined): R | undefined {
  for (const thing of things) {
    const found = find(thing);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What was done; undefined where the document does not fit. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (thrown) {
    if (thrown instanceof AvmaError) return undefined;
    throw thrown;
  }
}
