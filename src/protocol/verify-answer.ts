import { AvmaError } from '../errors/avma-error.ts';
import { CODES } from '../errors/codes.ts';
import { formatHresult, HRESULT } from '../errors/hresult.ts';
import { HOST_EDITIONS, mayActivateGuests } from '../policy/windows.ts';
import { Answer, MAX_LEASE_MS, type RefusalCode, type SignedLease } from './answer.ts';
import { PAYLOAD_TYPES, verifyEnvelope } from './envelope.ts';
import { type HostCertificate, type TrustAnchor, verifyHostCertificate } from './host-certificate.ts';

/** The machine and the product that the answer must be for. */
export interface Expected {
  readonly vmId: string;
  readonly activationId: string;
}

/** An answer whose signatures were verified (V4, V5), and the certificate of the host that signed it. */
export interface VerifiedAnswer {
  readonly certificate: HostCertificate;
  readonly answer: Answer;
}

/**
 * Steps V4, V5 and V8 to V14 over a signed lease from the guest's state, each time that a license state is derived. The
 * other steps need the exchange itself: its keys, its request packet and its clock.
 *
 * @throws {AvmaError} the code of the first step that fails.
 */
export function verifySignedLease(
  signedLease: SignedLease,
  expected: Expected,
  anchors: readonly TrustAnchor[],
): VerifiedAnswer {
  const verified = verifySignatures(signedLease, anchors);
  verifyStatement(verified, expected);
  return verified;
}

/** Steps V4 and V5. */
export function verifySignatures(signedLease: SignedLease, anchors: readonly TrustAnchor[]): VerifiedAnswer {
  // V4
  const certificate = verifyHostCertificate(signedLease.certificate, anchors);
  // V5
  const signingKey = Buffer.from(certificate.signingKey, 'base64url');
  const statement = verifyEnvelope(signedLease.answer, PAYLOAD_TYPES.answer, signingKey);
  if (statement === undefined) {
    throw new AvmaError('signature-invalid', "the answer is not signed with the certified host's key");
  }
  const answer = Answer.safeParse(statement);
  if (!answer.success) {
    throw new AvmaError('response-malformed', 'what the host signed is not an answer');
  }
  return { certificate, answer: answer.data };
}

/** Steps V8 to V14. @throws {AvmaError} the code of the first step that fails. */
export function verifyStatement({ certificate, answer }: VerifiedAnswer, expected: Expected): void {
  // V8: a host answers in its own name only.
  if (answer.hostName !== certificate.hostName || answer.hardwareId !== certificate.hardwareId) {
    throw new AvmaError('host-mismatch', 'the answer names another host than the certificate does');
  }
  // V9
  if (answer.vmId !== expected.vmId) {
    throw new AvmaError('vm-mismatch', `the answer is for VM ${answer.vmId}, this is ${expected.vmId}`);
  }
  // V10
  if (answer.activationId !== expected.activationId) {
    throw new AvmaError(
      'edition-mismatch',
      `the answer is for product ${answer.activationId}, not for ${expected.activationId}`,
    );
  }
  // V11: a signed refusal ends the exchange with the host's own reason.
  if (answer.decision === 'refused') throw refusalError(answer);
  if (answer.hresult !== 0 || answer.refusal !== null) {
    throw new AvmaError('lease-invalid', 'the host approves and refuses in one answer');
  }
  // V12: compared with the host's own time, since the guest's clock may be wrong by years.
  if (answer.issuedAt < certificate.notBefore) {
    throw new AvmaError(
      'certificate-not-yet-valid',
      `the host answered before its certificate begins, on ${dateOf(certificate.notBefore)}`,
    );
  }
  if (answer.issuedAt > certificate.notAfter) {
    throw new AvmaError(
      'certificate-expired',
      `the host answered after its certificate had ended, on ${dateOf(certificate.notAfter)}`,
    );
  }
  // V13
  if (!mayActivateGuests(certificate.edition)) {
    throw new AvmaError(
      'host-not-datacenter',
      `the host's certificate is for edition ${certificate.edition}, and only ${HOST_EDITIONS[0]} may activate guests`,
    );
  }
  // V14
  if (
    answer.expiresAt <= answer.issuedAt ||
    answer.expiresAt - answer.issuedAt > MAX_LEASE_MS ||
    answer.renewAfter < answer.issuedAt ||
    answer.renewAfter > answer.expiresAt
  ) {
    throw new AvmaError('lease-invalid', 'the lease is longer than 7 days, or its dates are out of order');
  }
}

/** Day of a moment, in UTC. */
function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** The refusal's code; `refused` where the host signed another HRESULT than the code's own, or no code. */
function refusalCodeOf({ refusal, hresult }: Answer): RefusalCode {
  return refusal !== null && CODES[refusal.code].hresult === hresult ? refusal.code : 'refused';
}

function refusalError(answer: Answer): AvmaError {
  // A code of 0, or of success, in a refusal would read as success further on.
  const hresult = answer.hresult >= 0x8000_0000 ? answer.hresult : HRESULT.SL_E_IA_MACHINE_NOT_BOUND;
  const why = answer.refusal?.message ?? `code ${formatHresult(hresult)}`;
  return new AvmaError(refusalCodeOf(answer), `host ${answer.hostName} refused: ${why}`, { hresult });
}
