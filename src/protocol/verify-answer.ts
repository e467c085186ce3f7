import { AvmaError } from '../errors/avma-error.ts';
import { CODES } from '../errors/codes.ts';
import { formatHresult, HRESULT } from '../errors/hresult.ts';
import { HOST_EDITIONS, mayActivateGuests } from '../policy/windows.ts';
import { formatMinute } from '../schema/format-time.ts';
import { Answer, MAX_LEASE_MS, REFUSAL_CODES, type RefusalCode, type Response } from './answer.ts';
import { holdsSignature, PAYLOAD_TYPES, payloadJson } from './envelope.ts';
import { type HostCertificate, type TrustedCertificate, verifyHostCertificate } from './host-certificate.ts';
import type { TrustAnchor } from './trust-anchor.ts';
import { areOfOneVendor, keyIdOf, rootKey, type TrustedVendor, type VendorTrust } from './vendor-trust.ts';

/** The machine and the product that the answer must be for. */
export interface Expected {
  readonly vmId: string;
  readonly activationId: string;
  /**
   * Public key, in base64url, of the root that signed the product's catalog; null for a product that hosts of any
   * vendor license.
   */
  readonly productVendor: string | null;
  /** Whether the product is Windows itself, whose own rules apply then. */
  readonly windows: boolean;
}

/** An answer whose signatures were verified (V4 to V6), the certificate of the host that signed it, and its vendor. */
export interface VerifiedAnswer {
  readonly certificate: HostCertificate;
  readonly answer: Answer;
  /** The root that signed the certificate, and the vendor whose root it is. */
  readonly root: TrustAnchor;
  readonly vendor: TrustedVendor;
}

/** Steps V4 to V6. @throws {AvmaError} the code of the first step that fails. */
export function verifySignatures(
  response: Pick<Response, 'certificate' | 'answer'>,
  trust: VendorTrust,
): VerifiedAnswer {
  // V4, V5
  const trusted: TrustedCertificate = verifyHostCertificate(response.certificate, trust);
  // V6
  const signingKey = Buffer.from(trusted.certificate.signingKey, 'base64url');
  const { answer: envelope } = response;
  if (!holdsSignature(envelope, envelope.signatures[0]?.sig ?? '', PAYLOAD_TYPES.answer, signingKey)) {
    throw new AvmaError('signature-invalid', "the answer is not signed with the certified host's key");
  }
  const answer = Answer.safeParse(payloadJson(envelope));
  if (!answer.success) {
    throw new AvmaError('response-malformed', 'what the host signed is not an answer');
  }
  return { ...trusted, answer: answer.data };
}

/** Steps V9 to V16. @throws {AvmaError} the code of the first step that fails. */
export function verifyStatement(verified: VerifiedAnswer, expected: Expected, trust: VendorTrust): void {
  const { certificate, answer, root } = verified;
  // V9: a host answers in its own name only.
  if (answer.hostName !== certificate.hostName || answer.hardwareId !== certificate.hardwareId) {
    throw new AvmaError('host-mismatch', 'the answer names another host than the certificate does');
  }
  // V10
  if (answer.vmId !== expected.vmId) {
    throw new AvmaError('vm-mismatch', `the answer is for VM ${answer.vmId}, this is ${expected.vmId}`);
  }
  // V11
  if (answer.activationId !== expected.activationId) {
    throw new AvmaError(
      'edition-mismatch',
      `the answer is for product ${answer.activationId}, not for ${expected.activationId}`,
    );
  }
  // V12: a signed refusal ends the exchange with the host's own reason.
  if (answer.decision === 'refused') throw refusalError(answer);
  if (answer.hresult !== 0 || answer.refusal !== null) {
    throw new AvmaError('lease-invalid', 'the host approves and refuses in one answer');
  }
  verifyDates(verified);
  // V14: being trusted is not enough.
  const { productVendor } = expected;
  if (productVendor !== null && !areOfOneVendor(trust, rootKey(root), productVendor)) {
    throw new AvmaError(
      'vendor-mismatch',
      `the product belongs to the vendor with key ${keyIdOf(productVendor)}, and "${root.name}" (key ${root.keyId}) certified host ${certificate.hostName}`,
    );
  }
  // V15
  if (expected.windows) verifyWindowsHost(certificate);
  verifyLease(verified);
}

/** V13: compared with the host's own time, since the guest's clock may be wrong by years. */
function verifyDates({ certificate, answer }: VerifiedAnswer): void {
  const { notBefore, notAfter, graceUntil } = certificate;
  if (answer.issuedAt < notBefore) {
    throw new AvmaError(
      'certificate-not-yet-valid',
      `the host answered before its certificate begins, on ${formatMinute(notBefore)}`,
    );
  }
  if (answer.issuedAt >= graceUntil) {
    throw new AvmaError(
      'certificate-expired',
      `the host answered after its certificate had ended, on ${formatMinute(notAfter)}, and its renewal grace, on ${formatMinute(graceUntil)}`,
    );
  }
  if (answer.issuedAt >= notAfter !== answer.conditions.includes('certificate-in-grace')) {
    throw new AvmaError(
      'lease-invalid',
      'the host does not say truly whether its certificate is in its renewal grace',
    );
  }
}

function verifyWindowsHost({ windows }: HostCertificate): void {
  if (windows !== null && mayActivateGuests(windows.edition)) return;
  const edition = windows === null ? 'names no edition of Windows' : `is for edition ${windows.edition}`;
  throw new AvmaError(
    'host-not-datacenter',
    `the host's certificate ${edition}, and only ${HOST_EDITIONS[0]} may activate guests with Windows`,
  );
}

/** V16 */
function verifyLease({ certificate, answer }: VerifiedAnswer): void {
  const { issuedAt, expiresAt, renewAfter } = answer;
  if (
    expiresAt <= issuedAt ||
    expiresAt - issuedAt > MAX_LEASE_MS ||
    renewAfter < issuedAt ||
    renewAfter > expiresAt
  ) {
    throw new AvmaError('lease-invalid', 'the lease is longer than 7 days, or its dates are out of order');
  }
  if (expiresAt > certificate.graceUntil) {
    throw new AvmaError('lease-invalid', "the lease outlives the host's certificate and its renewal grace");
  }
}

/** The refusal's code; `refused` where the host signed another HRESULT than the code's own, or no code known here. */
function refusalCodeOf({ refusal, hresult }: Answer): RefusalCode {
  const code = REFUSAL_CODES.find((one) => one === refusal?.code);
  return code !== undefined && CODES[code].hresult === hresult ? code : 'refused';
}

function refusalError(answer: Answer): AvmaError {
  // A code of 0, or of success, in a refusal would read as success further on.
  const hresult = answer.hresult >= 0x8000_0000 ? answer.hresult : HRESULT.SL_E_IA_MACHINE_NOT_BOUND;
  const why = answer.refusal?.message ?? `code ${formatHresult(hresult)}`;
  return new AvmaError(refusalCodeOf(answer), `host ${answer.hostName} refused: ${why}`, {
    hresult,
    retryAfter: answer.refusal?.retryAfter ?? null,
  });
}
