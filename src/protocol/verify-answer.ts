import { AvmaError } from '../errors/avma-error.ts';
import type { AvmaErrorCode } from '../errors/codes.ts';
import { formatHresult, HRESULT } from '../errors/hresult.ts';
import { Answer, MAX_LEASE, type SignedLease } from './answer.ts';
import { PAYLOAD_TYPES, verifyEnvelope } from './envelope.ts';
import {
  HOST_EDITIONS,
  type HostCertificate,
  type TrustAnchor,
  verifyHostCertificate,
} from './host-certificate.ts';

/** What the answer must be about. */
export interface Expected {
  readonly vmId: string;
  readonly activationId: string;
}

export interface VerifiedAnswer {
  readonly certificate: HostCertificate;
  readonly answer: Answer;
}

/**
 * Steps V4, V5 and V7 to V13 over a proof from the store, each time that a licence state is derived. V2, V3 and V6
 * were the exchange's own and cannot be repeated.
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
    throw new AvmaError('response-malformed', 'the host signed something that is no answer');
  }
  return { certificate, answer: answer.data };
}

/** Steps V7 to V13. */
export function verifyStatement({ certificate, answer }: VerifiedAnswer, expected: Expected): void {
  // V7: a host speaks for itself only.
  if (answer.hostName !== certificate.hostName || answer.hardwareId !== certificate.hardwareId) {
    throw new AvmaError('host-mismatch', 'the answer names another host than the certificate does');
  }
  // V8
  if (answer.vmId !== expected.vmId) {
    throw new AvmaError('vm-mismatch', `the answer is for VM ${answer.vmId}, this is ${expected.vmId}`);
  }
  // V9
  if (answer.activationId !== expected.activationId) {
    throw new AvmaError(
      'edition-mismatch',
      `the answer is for product ${answer.activationId}, not for ${expected.activationId}`,
    );
  }
  // V10: a signed refusal is the host's word.
  if (answer.decision === 'refused') throw refusal(answer);
  if (answer.hresult !== 0) {
    throw new AvmaError('lease-invalid', 'the host approves and refuses in one answer');
  }
  // V11: against the host's own time, since the guest's may be wrong by years.
  if (answer.issuedAt < certificate.notBefore) {
    throw new AvmaError(
      'certificate-not-yet-valid',
      "the host's certificate was not yet valid when it answered",
    );
  }
  if (answer.issuedAt > certificate.notAfter) {
    throw new AvmaError('certificate-expired', "the host's certificate had expired when it answered");
  }
  // V12
  if (!HOST_EDITIONS.includes(certificate.edition)) {
    throw new AvmaError('host-not-datacenter', `a ${certificate.edition} host may not activate guests`);
  }
  // V13
  if (
    answer.expiresAt <= answer.issuedAt ||
    answer.expiresAt - answer.issuedAt > MAX_LEASE ||
    answer.renewAfter < answer.issuedAt ||
    answer.renewAfter > answer.expiresAt
  ) {
    throw new AvmaError('lease-invalid', 'the lease is longer than 7 days, or its dates are out of order');
  }
}

/** The code behind each HRESULT that a host may sign a refusal with. */
const REFUSAL_CODES: Readonly<Record<number, AvmaErrorCode>> = {
  [HRESULT.SL_E_IA_THROTTLE_LIMIT_EXCEEDED]: 'throttled',
  [HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED]: 'host-not-activated',
  [HRESULT.SL_E_IA_ID_MISMATCH]: 'edition-refused',
  [HRESULT.SL_E_IA_MACHINE_NOT_BOUND]: 'vm-refused',
  [HRESULT.ERROR_INVALID_DATA]: 'exchange-reused',
};

/** What a signed refusal with that HRESULT is. */
export function refusalCode(hresult: number): AvmaErrorCode {
  return REFUSAL_CODES[hresult] ?? 'refused';
}

function refusal(answer: Answer): AvmaError {
  const code = refusalCode(answer.hresult);
  const why: Partial<Record<AvmaErrorCode, string>> = {
    throttled: 'too many requests came over this pipe',
    'host-not-activated': 'it is not activated itself, or its certificate is out of date',
    'edition-refused': 'it cannot activate this edition, or this version',
    'vm-refused': "this pipe is another VM's",
  };
  // A code of 0, or of success, in a refusal would read as success further on.
  const hresult = answer.hresult >= 0x8000_0000 ? answer.hresult : HRESULT.SL_E_IA_MACHINE_NOT_BOUND;
  return new AvmaError(
    code,
    `host ${answer.hostName} refused: ${why[code] ?? `code ${formatHresult(hresult)}`}`,
    { hresult },
  );
}
