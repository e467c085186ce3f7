import { CODES } from '../../errors/codes.ts';
import { type Answer, MAX_LEASE_MS, refusalReason } from '../../protocol/answer.ts';
import type { KeyPair } from '../../protocol/curve-keys.ts';
import { type Envelope, PAYLOAD_TYPES, signEnvelope } from '../../protocol/envelope.ts';
import type { HostCertificate } from '../../protocol/host-certificate.ts';
import { encodeJson, type Request } from '../../protocol/messages.ts';
import { type BoxKey, seal } from '../../protocol/sealed-packet.ts';
import { digitalPid2 } from '../host-store.ts';
import type { Decision } from './admission.ts';

/** What an answer is made from. */
export interface AnswerBasis {
  readonly request: Request;
  readonly requestDigest: string;
  readonly decision: Decision;
  readonly certificate: HostCertificate;
  /** The longest lease to grant, in milliseconds; never more than {@link MAX_LEASE_MS} is granted. */
  readonly leaseMs: number;
  /** The host's clock, milliseconds since 1970 UTC. */
  readonly now: number;
}

/**
 * The answer to a request, unsigned. A lease ends with the host's certificate at the latest: what the vendor granted
 * until a date must not be licensed beyond it (docs/protocol.md, section 8). Pure.
 */
export function composeAnswer(basis: AnswerBasis): Answer {
  const { request, requestDigest, decision, certificate, leaseMs, now } = basis;
  const lease = decision.approved ? Math.min(leaseMs, MAX_LEASE_MS, certificate.notAfter - now) : 0;
  return {
    exchangeId: request.exchangeId,
    requestDigest,
    vmId: request.vmId,
    activationId: request.activationId,
    decision: decision.approved ? 'approved' : 'refused',
    hresult: decision.approved ? 0 : CODES[decision.code].hresult,
    refusal: decision.approved ? null : { code: decision.code, message: refusalReason(decision.message) },
    hostName: certificate.hostName,
    hardwareId: certificate.hardwareId,
    digitalPid2: digitalPid2(certificate),
    guestClock: request.guestClock,
    issuedAt: now,
    expiresAt: now + lease,
    renewAfter: now + Math.floor(lease / 2),
  };
}

/** What an answer is signed and sealed with. */
export interface SealOptions {
  /** The host certificate, as the vendor signed it. */
  readonly certificate: Envelope;
  readonly signing: KeyPair;
  /** The key that the request was sealed with. */
  readonly key: BoxKey;
}

/** Signs an answer and seals it with the certificate: the body of the response frame. */
export function sealAnswer(answer: Answer, { certificate, signing, key }: SealOptions): Uint8Array {
  const signed = { certificate, answer: signEnvelope(PAYLOAD_TYPES.answer, answer, signing) };
  return seal(key, encodeJson(signed));
}
