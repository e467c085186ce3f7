import type { KeyPair } from '../../src/protocol/curve-keys.ts';
import type { Envelope } from '../../src/protocol/envelope.ts';
import { type HostCertificate, signHostCertificate } from '../../src/protocol/host-certificate.ts';
import { type Grant, makeCertificate, readHostRequest } from '../../src/vendor/certify-host.ts';

/** A host's certificate from the bytes of its request, signed with a key that nobody keeps a log for. */
export function certifyHost({
  request,
  from,
  root,
  grant,
  now,
}: {
  readonly request: Uint8Array;
  readonly from: string;
  readonly root: KeyPair;
  readonly grant: Grant;
  readonly now: number;
}): { envelope: Envelope; certificate: HostCertificate } {
  const certificate = makeCertificate({ request: readHostRequest(request, from), root, grant, now });
  return { envelope: signHostCertificate(certificate, root), certificate };
}
