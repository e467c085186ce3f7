import type { AvmaError } from '../../../errors/avma-error.ts';
import { formatHresult } from '../../../errors/hresult.ts';
import { judgeLease, type LeaseContext } from '../../../guest/lease-verdict.ts';
import { grantedLicense } from '../../../guest/license-terms.ts';
import { Answer } from '../../../protocol/answer.ts';
import { CustomerLicense } from '../../../protocol/customer-license.ts';
import { certificateJson } from '../../../protocol/document-json.ts';
import { payloadJson } from '../../../protocol/envelope.ts';
import type { LicenseEvidence } from '../../../protocol/evidence.ts';
import { featureText } from '../../../protocol/features.ts';
import {
  decodeUnverifiedCertificate,
  type HostCertificate,
  windowsText,
} from '../../../protocol/host-certificate.ts';
import { counted } from '../../../schema/counted.ts';
import { formatDuration } from '../../../schema/format-duration.ts';
import { isoInstant } from '../../../schema/format-time.ts';
import type { Field } from '../table.ts';
import { formatInstant } from '../time-text.ts';

/** What a lease claims, and what this machine makes of it. */
export interface InspectedLease {
  /** The answer as claimed, believed or not; null where the signed bytes are no answer. */
  readonly answer: Answer | null;
  readonly certificate: HostCertificate | null;
  /** The customer license as claimed; null where there is none, or the signed bytes are no license. */
  readonly license: CustomerLicense | null;
  readonly verdict: Verdict;
}

type Verdict =
  | { readonly holds: true; readonly expiresAt: number; readonly remainingMs: number }
  | { readonly holds: false; readonly error: AvmaError };

/** Reads and judges one lease. Pure. @param context - Without a product: the lease names its own. */
export function inspectLease(evidence: LicenseEvidence, context: LeaseContext): InspectedLease {
  const payload = payloadJson(evidence.answer);
  return {
    answer: Answer.safeParse(payload).data ?? null,
    certificate: decodeUnverifiedCertificate(evidence.certificate) ?? null,
    license: evidence.license && (CustomerLicense().safeParse(payloadJson(evidence.license)).data ?? null),
    verdict: verdictOf(evidence, context),
  };
}

function verdictOf(evidence: LicenseEvidence, context: LeaseContext): Verdict {
  const judged = judgeLease(evidence, context);
  if (judged.kind !== 'holds') return { holds: false, error: judged.error };
  const { answer } = judged.verified;
  return { holds: true, expiresAt: answer.expiresAt, remainingMs: answer.expiresAt - context.now(answer) };
}

/** The lease as JSON: times are ISO 8601. */
export function leaseJson({ answer, certificate, license, verdict }: InspectedLease): object {
  return {
    answer: answer === null ? null : answerJson(answer),
    certificate: certificate === null ? null : certificateJson(certificate),
    license: license && grantedLicense(license),
    verdict: verdict.holds
      ? { holds: true, expiresAt: isoInstant(verdict.expiresAt) }
      : {
          holds: false,
          code: verdict.error.code,
          hresult: formatHresult(verdict.error.hresult),
          message: verdict.error.message,
          hint: verdict.error.hint,
        },
  };
}

function answerJson(answer: Answer): object {
  const { hresult, guestClock, issuedAt, expiresAt, renewAfter } = answer;
  return {
    ...answer,
    hresult: formatHresult(hresult),
    guestClock: isoInstant(guestClock),
    issuedAt: isoInstant(issuedAt),
    expiresAt: isoInstant(expiresAt),
    renewAfter: isoInstant(renewAfter),
  };
}

/** The rows of one lease. */
export function leaseFields({ answer, certificate, license, verdict }: InspectedLease): Field[] {
  return [
    verdictField(verdict),
    ...(verdict.holds ? [] : [['Next', verdict.error.hint] as Field]),
    ...(answer === null ? [['Answer', 'not readable'] as Field] : answerFields(answer)),
    ...(certificate === null ? [['Certificate', 'not readable'] as Field] : certificateFields(certificate)),
    ...(license === null ? [] : licenseFields(license)),
  ];
}

function verdictField(verdict: Verdict): Field {
  if (verdict.holds) {
    const left = formatDuration(verdict.remainingMs);
    return ['Verdict', { tone: 'good', text: `holds on this machine, ${left} left` }];
  }
  const { message, code, hresult } = verdict.error;
  return ['Verdict', { tone: 'bad', text: `does not hold: ${message} [${code}, ${formatHresult(hresult)}]` }];
}

function answerFields(answer: Answer): Field[] {
  return [
    ['Decision', `${answer.decision} (${formatHresult(answer.hresult)})`],
    ['VM ID', answer.vmId],
    ['Activation ID', answer.activationId],
    ['Host', `${answer.hostName} (${answer.hardwareId}, ${answer.digitalPid2})`],
    ['Issued', `${formatInstant(answer.issuedAt)}, by the host's clock`],
    ...(answer.conditions.length === 0 ? [] : [['Conditions', answer.conditions.join(', ')] as Field]),
    ['Expires', formatInstant(answer.expiresAt)],
    ['Renew after', formatInstant(answer.renewAfter)],
    ['Guest clock', formatInstant(answer.guestClock)],
    ['Exchange', answer.exchangeId],
    ['Request', `sha256:${answer.requestDigest}`],
    ...(answer.nonce === null ? [] : [['Nonce', answer.nonce] as Field]),
  ];
}

function certificateFields(certificate: HostCertificate): Field[] {
  const { serial, notBefore, notAfter, graceUntil } = certificate;
  const windows = windowsText(certificate);
  return [
    ['Certificate', windows === null ? serial : `${serial}, ${windows}`],
    ['Valid', `${formatInstant(notBefore)} to ${formatInstant(notAfter)}`],
    ['Renewal grace', `until ${formatInstant(graceUntil)}`],
  ];
}

function licenseFields(license: CustomerLicense): Field[] {
  const { licenseId, customer, notBefore, notAfter, graceUntil, guests } = license;
  return [
    ['License', `${licenseId} of ${customer}`],
    ['Features', license.features.map(featureText).join(', ') || 'none'],
    ['Limit', guests === null ? 'none' : `${counted(guests, 'guest')} a host`],
    ['Valid', `${formatInstant(notBefore)} to ${formatInstant(notAfter)}`],
    ['Renewal grace', `until ${formatInstant(graceUntil)}`],
  ];
}
