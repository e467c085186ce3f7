import { openCustomerLicense } from '../../src/protocol/customer-license.ts';
import { CosignedEnvelope, DocumentEnvelope } from '../../src/protocol/envelope.ts';
import { openRevocations } from '../../src/protocol/revocations.ts';
import { openTrustUpdate } from '../../src/protocol/trust-update.ts';
import { followTrustUpdate, withRevocations } from '../../src/protocol/vendor-trust.ts';
import { afterOf, type DocumentVector, vendorOf } from './document-vector.ts';

/** What a reader comes to. @throws {AvmaError} the code of a document that is not taken. */
export function readDocument({
  kind,
  known,
  document,
}: Omit<DocumentVector, 'after'>): DocumentVector['after'] {
  const vendor = vendorOf(known);
  if (kind === 'trust-update') {
    return afterOf(followTrustUpdate(vendor, openTrustUpdate(CosignedEnvelope.parse(document))));
  }
  const envelope = DocumentEnvelope.parse(document);
  if (kind === 'revocations') return afterOf(withRevocations(vendor, openRevocations(envelope)));
  openCustomerLicense(envelope);
  return null;
}
