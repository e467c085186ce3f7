import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { hex8, instant, siteId } from '../schema/shapes.ts';
import { type Envelope, PAYLOAD_TYPES, verifyEnvelope } from './envelope.ts';
import { decodeUnverifiedPayload, hostIdentity } from './host-certificate.ts';

/** A host's claims about itself when it asks for a certificate; signed with its own signing key. */
export const HostRequest = z.strictObject({
  ...hostIdentity,
  /** What the customer calls the host's site; null: nothing. The vendor may certify it, or another. */
  site: z.nullable(siteId),
  /** Serial number of the certificate that the host uses now; null: none. */
  replaces: z.nullable(hex8),
  requestedAt: instant,
});
export type HostRequest = z.infer<typeof HostRequest>;

/** The request in an envelope. @throws {AvmaError} `file-invalid` unless the key in the request signed it. */
export function verifyHostRequest(envelope: Envelope): HostRequest {
  const claim = HostRequest.safeParse(decodeUnverifiedPayload(envelope));
  const key = claim.success ? Buffer.from(claim.data.signingKey, 'base64url') : undefined;
  if (key === undefined || verifyEnvelope(envelope, PAYLOAD_TYPES.hostRequest, key) === undefined) {
    throw new AvmaError(
      'file-invalid',
      'this is not a host request, or it was changed after the host made it',
      {
        hint: 'Make a new one on the host: avma host request > request.json',
      },
    );
  }
  return (claim as { data: HostRequest }).data;
}
