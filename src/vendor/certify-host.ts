import { randomBytes } from 'node:crypto';
import { AvmaError } from '../errors/avma-error.ts';
import type { KeyPair } from '../protocol/curve-keys.ts';
import { Envelope, parseJson } from '../protocol/envelope.ts';
import { HostCertificate, type HostLicensing, signHostCertificate } from '../protocol/host-certificate.ts';
import { verifyHostRequest } from '../protocol/host-request.ts';
import { DAY_MS } from '../schema/durations.ts';

/** What the vendor grants a host. */
export interface Grant {
  readonly edition: string;
  readonly osVersion: string;
  readonly licensing: HostLicensing;
  readonly days: number;
}

/**
 * Certifies a host: who it says it is, in its own signed request, and what the vendor grants it, from now on.
 *
 * @throws {AvmaError} `file-invalid` for a request that is none, `argument-invalid` for an impossible grant.
 */
export function certifyHost(
  request: Uint8Array,
  from: string,
  root: KeyPair,
  grant: Grant,
  now: number,
): { envelope: Envelope; certificate: HostCertificate } {
  const envelope = Envelope.safeParse(parseJson(request));
  if (!envelope.success) {
    throw new AvmaError('file-invalid', `${from} is not a host request`, {
      hint: 'Make one on the host: avma host request > request.json',
    });
  }
  const { requestedAt: _requestedAt, ...host } = verifyHostRequest(envelope.data);
  const certificate = HostCertificate.safeParse({
    ...host,
    serial: randomBytes(8).toString('hex'),
    edition: grant.edition,
    osVersion: grant.osVersion,
    licensing: grant.licensing,
    notBefore: now,
    notAfter: now + grant.days * DAY_MS,
  });
  if (!certificate.success || !(grant.days > 0)) {
    const where = certificate.success ? 'days' : String(certificate.error.issues[0]?.path[0] ?? '');
    throw new AvmaError('argument-invalid', `the certificate cannot say that: look at ${where}`);
  }
  return { envelope: signHostCertificate(certificate.data, root), certificate: certificate.data };
}
