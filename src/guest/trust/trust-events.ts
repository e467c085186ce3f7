import type { AvmaError } from '../../errors/avma-error.ts';
import { counted } from '../../schema/counted.ts';
import type { AgentEvent } from '../guest-events.ts';
import type { TrustChange } from './guest-trust.ts';
import type { TrustDocument } from './trust-documents.ts';

/** What a document has changed, an event for each thing that an administrator wants to know. Pure. */
export function trustEvents(
  document: TrustDocument,
  { before, after }: NonNullable<TrustChange['changed']>,
): AgentEvent[] {
  if (document.kind === 'revocations') {
    const { sequence, hosts, licenses } = document.list;
    const message = `revocation list ${sequence} of "${after.name}" counts from now on, with ${counted(hosts.length, 'host')} and ${counted(licenses.length, 'license')}`;
    return [{ kind: 'revocations-taken', message }];
  }
  const had = new Set(before.roots.map(({ keyId }) => keyId));
  const has = new Set(after.roots.map(({ keyId }) => keyId));
  const brought = after.roots.filter(({ keyId }) => !had.has(keyId)).map(({ keyId }) => keyId);
  const retired = before.roots.filter(({ keyId }) => !has.has(keyId));
  const news = brought.length === 0 ? 'no new root' : `trusted from now on: ${brought.join(', ')}`;
  return [
    {
      kind: 'trust-followed',
      message: `followed trust update ${after.trustVersion} of "${after.name}"; ${news}`,
    },
    ...retired.map(
      ({ keyId }): AgentEvent => ({
        kind: 'root-retired',
        message: `"${after.name}" has retired the root ${keyId}: nothing that it has signed counts any more`,
      }),
    ),
  ];
}

/** A document that a host announced and that was not taken. Pure. */
export function refusedEvent(failure: AvmaError, hostName: string | null): AgentEvent {
  return { kind: 'document-failed', message: failure.message, failure, hostName };
}
