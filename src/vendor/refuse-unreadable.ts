import { AvmaError } from '../errors/avma-error.ts';
import { openCustomerLicense } from '../protocol/customer-license.ts';
import { documentBytes, MAX_DOCUMENT_BYTES } from '../protocol/documents.ts';
import { DocumentEnvelope, Envelope, PAYLOAD_TYPES } from '../protocol/envelope.ts';
import { openHostCertificate } from '../protocol/host-certificate.ts';
import { openRevocations } from '../protocol/revocations.ts';
import { openSignedCatalog } from '../protocol/signed-catalog.ts';

/**
 * Opens what was just signed as the other side will. What it would refuse is refused here, before anybody gets it.
 *
 * @throws {AvmaError} `argument-invalid` for a document that is too large; as the other side does, for the rest.
 */
export function refuseUnreadable(envelope: DocumentEnvelope): void {
  const copy = JSON.parse(JSON.stringify(envelope)) as unknown;
  switch (envelope.payloadType) {
    case PAYLOAD_TYPES.hostCertificate:
      if (openHostCertificate(Envelope.parse(copy)) !== undefined) return;
      throw new AvmaError('internal', 'the certificate that was made would not open');
    case PAYLOAD_TYPES.license:
      openCustomerLicense(DocumentEnvelope.parse(copy));
      refuseLarge('license', envelope);
      return;
    case PAYLOAD_TYPES.revocations:
      openRevocations(DocumentEnvelope.parse(copy));
      refuseLarge('revocations', envelope);
      return;
    case PAYLOAD_TYPES.catalog:
      openSignedCatalog(DocumentEnvelope.parse(copy));
      return;
    default:
      throw new AvmaError('internal', `a vendor does not sign ${envelope.payloadType}`);
  }
}

function refuseLarge(kind: 'license' | 'revocations', envelope: DocumentEnvelope): void {
  const size = documentBytes(envelope).length;
  const most = MAX_DOCUMENT_BYTES[kind];
  if (size <= most) return;
  throw new AvmaError(
    'argument-invalid',
    `the file would have ${size} bytes, and no guest takes more than ${most}`,
    {
      hint: 'Name fewer hosts, sites or features, for example in two licenses.',
    },
  );
}
