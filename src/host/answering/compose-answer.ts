import { CODES } from '../../errors/codes.ts';
import { type Answer, MAX_LEASE_MS, refusalReason } from '../../protocol/answer.ts';
import type { KeyPair } from '../../protocol/curve-keys.ts';
import type { Announcement } from '../../protocol/documents.ts';
import { type Envelope, PAYLOAD_TYPES } from '../../protocol/envelope.ts';
import { maxBodyLength } from '../../protocol/frame.ts';
import type { HostCertificate } from '../../protocol/host-certificate.ts';
import { encodeJson, type Request } from '../../protocol/messages.ts';
import { type BoxKey, SEAL_OVERHEAD } from '../../protocol/sealed-packet.ts';
import { jsonBytes } from '../../schema/shapes.ts';
import { digitalPid2 } from '../host-store.ts';
import type { Decision } from './admission.ts';
import type { SealJob } from './host-crypto.ts';

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

/** The answer to a request, unsigned. Pure. */
export function composeAnswer(basis: AnswerBasis): Answer {
  const { request, requestDigest, decision, certificate, now } = basis;
  const lease = leaseOf(basis);
  return {
    exchangeId: request.exchangeId,
    requestDigest,
    vmId: request.vmId,
    activationId: request.activationId,
    decision: decision.approved ? 'approved' : 'refused',
    hresult: decision.approved ? 0 : CODES[decision.code].hresult,
    refusal: decision.approved
      ? null
      : {
          code: decision.code,
          message: refusalReason(decision.message),
          retryAfter: decision.retryAfter ?? null,
        },
    hostName: certificate.hostName,
    hardwareId: certificate.hardwareId,
    digitalPid2: pidOf(certificate),
    guestClock: request.guestClock,
    nonce: request.nonce,
    license: decision.approved ? (decision.license?.announcement.digest ?? null) : null,
    conditions: decision.approved ? [...decision.conditions] : [],
    issuedAt: now,
    expiresAt: now + lease,
    renewAfter: now + Math.floor(lease / 2),
  };
}

const pids = new WeakMap<HostCertificate, string>();

/** {@link digitalPid2}, computed once for a certificate. */
function pidOf(certificate: HostCertificate): string {
  const pid = pids.get(certificate) ?? digitalPid2(certificate);
  pids.set(certificate, pid);
  return pid;
}

/**
 * The length of the lease in milliseconds. It ends with the renewal grace of the certificate and of the license at the
 * latest: what the vendor granted until a date must not be licensed beyond it (docs/protocol.md, section 8).
 */
function leaseOf({ decision, certificate, leaseMs, now }: AnswerBasis): number {
  if (!decision.approved) return 0;
  const ends = [
    certificate.graceUntil,
    ...(decision.license === null ? [] : [decision.license.license.graceUntil]),
  ];
  return Math.min(leaseMs, MAX_LEASE_MS, ...ends.map((end) => end - now));
}

/** How many bytes of JSON a response holds. */
const MAX_RESPONSE_BYTES = maxBodyLength('response') - SEAL_OVERHEAD;

/** A signature as long as every other. */
const ANY_SIGNATURE = 'A'.repeat(86);

/**
 * The answer with the reason of its refusal cut to what the frame has room for: names may be so long that little is
 * left. Pure.
 */
export function fitReason(
  answer: Answer,
  { certificate, documents }: Pick<SealOptions, 'certificate' | 'documents'>,
): Answer {
  const { refusal } = answer;
  if (refusal === null) return answer;
  const withReason = (message: string): Answer => ({ ...answer, refusal: { ...refusal, message } });
  const fits = (candidate: Answer) => {
    const bytes = Buffer.byteLength(JSON.stringify(candidate));
    const payload = 'A'.repeat(Math.ceil((bytes * 4) / 3));
    const signatures = [{ keyid: '0'.repeat(16), sig: ANY_SIGNATURE }];
    const envelope = { payloadType: PAYLOAD_TYPES.answer, payload, signatures };
    return encodeJson({ certificate, answer: envelope, documents }).length <= MAX_RESPONSE_BYTES;
  };
  let fitted = answer;
  for (let bytes = jsonBytes(refusal.message); bytes > 0 && !fits(fitted); bytes -= REASON_STEP) {
    fitted = withReason(refusalReason(refusal.message, bytes));
  }
  return fitted;
}

/** By how many bytes a reason is cut at a time. */
const REASON_STEP = 16;

/** What an answer is signed and sealed with. */
export interface SealOptions {
  /** The host certificate, as the vendor signed it. */
  readonly certificate: Envelope;
  readonly signing: KeyPair;
  /** The key that the request was sealed with. */
  readonly key: BoxKey;
  /** What the host has to hand on. */
  readonly documents: readonly Announcement[];
}

/** What has to be signed and sealed of an answer, to make the body of the response frame. */
export function sealJob(answer: Answer, { certificate, signing, key, documents }: SealOptions): SealJob {
  return {
    answer: JSON.stringify(answer),
    certificate: certificateJson(certificate),
    documents: JSON.stringify(documents),
    signing,
    key,
  };
}

const certificatesJson = new WeakMap<Envelope, string>();

/** The JSON of a certificate's envelope, made once: each answer has it. */
function certificateJson(envelope: Envelope): string {
  const json = certificatesJson.get(envelope) ?? JSON.stringify(envelope);
  certificatesJson.set(envelope, json);
  return json;
}
