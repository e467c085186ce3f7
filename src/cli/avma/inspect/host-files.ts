import { AvmaError } from '../../../errors/avma-error.ts';
import { Answer } from '../../../protocol/answer.ts';
import { certificateJson } from '../../../protocol/document-json.ts';
import type { Envelope } from '../../../protocol/envelope.ts';
import { LicenseEvidence, type VerifiedEvidence, verifyEvidence } from '../../../protocol/evidence.ts';
import { featuresJson, featureText } from '../../../protocol/features.ts';
import {
  decodeUnverifiedCertificate,
  decodeUnverifiedPayload,
  type HostCertificate,
  openHostCertificate,
  windowsText,
} from '../../../protocol/host-certificate.ts';
import { verifyHostRequest } from '../../../protocol/host-request.ts';
import { isHostRevoked } from '../../../protocol/revocations.ts';
import {
  decodeUnverifiedReport,
  parseUsageReport,
  verifyUsageReport,
} from '../../../protocol/usage-report.ts';
import { keyIdOf, vendorsOfAnchors } from '../../../protocol/vendor-trust.ts';
import { formatMinute, isoInstant } from '../../../schema/format-time.ts';
import type { Field } from '../table.ts';
import { reportedProducts } from '../usage-report-text.ts';
import {
  type Inspection,
  type InspectionContext,
  inspection,
  type SignatureCheck,
  signerOf,
} from './inspection.ts';

/** What a host claims of itself when it asks for a certificate. */
export function inspectRequest(envelope: Envelope): Inspection {
  const { hostName, hardwareId, site, replaces, signingKey, boxKey, requestedAt } =
    verifyHostRequest(envelope);
  const keyId = keyIdOf(signingKey);
  return inspection('host-request', {
    signature: { holds: true, signers: [{ name: null, keyId, trusted: null }] },
    content: {
      hostName,
      hardwareId,
      site,
      replaces,
      signingKey,
      boxKey,
      requestedAt: isoInstant(requestedAt),
    },
    fields: [
      ['Host', hostName],
      ['Hardware ID', hardwareId],
      ['Site', site ?? 'not named'],
      ['Replaces', replaces === null ? 'nothing: it has no certificate' : `certificate ${replaces}`],
      ['Made', formatMinute(requestedAt)],
    ],
    notes: ["The signature is by the host's own key: it does not show who sent the request."],
  });
}

/** What a vendor signed for a host. */
export function inspectCertificate(envelope: Envelope, context: InspectionContext): Inspection {
  const certificate = openHostCertificate(envelope);
  if (certificate === undefined) {
    const message =
      decodeUnverifiedCertificate(envelope) === undefined
        ? 'it is not a host certificate that this avma can read'
        : 'the host certificate was changed after its vendor signed it';
    throw new AvmaError('file-invalid', message, { hint: 'Get the certificate again from the vendor.' });
  }
  const revoked = context.trust.some(
    ({ revocations }) => revocations !== null && isHostRevoked(revocations, certificate.serial) !== undefined,
  );
  return inspection('host-certificate', {
    signature: { holds: true, signers: [signerOf(certificate.vendorKey, null, context)] },
    validity: certificate,
    content: certificateJson(certificate),
    fields: certificateFields(certificate),
    notes: revoked ? ['A revocation list that is known here revokes it.'] : [],
  });
}

function certificateFields(certificate: HostCertificate): Field[] {
  const { serial, hostName, hardwareId, customer, site } = certificate;
  return [
    ['Serial', serial],
    ['Host', hostName],
    ['Hardware ID', hardwareId],
    ['Customer', customer ?? 'not named: licenses of every customer count on it'],
    ['Site', site ?? 'not named'],
    ['Windows', windowsText(certificate) ?? 'no guests with Windows'],
  ];
}

/** What shows that a machine is licensed: certificate, answer and license, each with its signature. */
export function inspectEvidence(json: unknown, context: InspectionContext): Inspection {
  const evidence = LicenseEvidence.safeParse(json);
  const certificate = evidence.data && openHostCertificate(evidence.data.certificate);
  const answer = Answer.safeParse(evidence.data && decodeUnverifiedPayload(evidence.data.answer));
  if (!evidence.success || certificate === undefined || !answer.success) {
    throw new AvmaError('file-invalid', 'it is not evidence of a license that this avma can read', {
      hint: 'Make it anew in the guest: avma guest attest.',
    });
  }
  const publicKey = Buffer.from(certificate.vendorKey, 'base64url');
  const keyId = keyIdOf(certificate.vendorKey);
  const root = { name: keyId, keyId, publicKey };
  const { vmId } = answer.data;
  const verified = verifyEvidence(evidence.data, { vmId }, vendorsOfAnchors([root]));
  const { issuedAt, expiresAt } = answer.data;
  return inspection('evidence', {
    signature: {
      holds: true,
      signers: [signerOf(certificate.vendorKey, verified.license?.vendor.name ?? null, context)],
    },
    validity: { notBefore: issuedAt, notAfter: expiresAt, graceUntil: expiresAt },
    content: evidenceContent(verified),
    fields: evidenceFields(verified),
    notes: ["Whether it counts in a program is for its verifier, which has the vendor's key in it."],
  });
}

function evidenceContent({ certificate, answer, license }: VerifiedEvidence): object {
  const { vmId, activationId, decision, conditions, nonce, issuedAt, expiresAt } = answer;
  return {
    ...{ vmId, activationId, decision, conditions, nonce },
    ...{ issuedAt: isoInstant(issuedAt), expiresAt: isoInstant(expiresAt) },
    host: { hostName: certificate.hostName, hardwareId: certificate.hardwareId, serial: certificate.serial },
    license:
      license === null
        ? null
        : {
            licenseId: license.licenseId,
            customer: license.customer,
            features: featuresJson(license.features),
          },
  };
}

function evidenceFields({ certificate, answer, license }: VerifiedEvidence): Field[] {
  const features = license?.features.map(featureText) ?? [];
  return [
    ['VM ID', answer.vmId],
    ['Activation ID', answer.activationId],
    ['Host', `${certificate.hostName} (${certificate.hardwareId}), certificate ${certificate.serial}`],
    ['License', license === null ? 'none' : `${license.licenseId} of ${license.customer}`],
    ...(features.length === 0 ? [] : [['Features', features.join(', ')] as Field]),
    ['Conditions', answer.conditions.join(', ') || 'none'],
    ['Nonce', answer.nonce ?? 'none'],
  ];
}

/** What a host reports of the use of products. */
export function inspectReport(bytes: Uint8Array, context: InspectionContext): Inspection {
  const file = parseUsageReport(bytes, context.file);
  const claimed = decodeUnverifiedReport(file);
  const certificates = file.certificates.map(openHostCertificate).filter((one) => one !== undefined);
  const [first] = certificates;
  if (claimed === undefined || first === undefined) {
    throw new AvmaError('report-invalid', 'it is not a usage report that this avma can read');
  }
  const roots = certificates.map(({ vendorKey }) => {
    const keyId = keyIdOf(vendorKey);
    return { name: keyId, keyId, publicKey: Buffer.from(vendorKey, 'base64url') };
  });
  const { report, certificate, digest } = verifyUsageReport(file, roots, context.file);
  const { hostName, hardwareId, period, days, guests, incidents } = report;
  return inspection('usage-report', {
    signature: reportSignature(certificate, certificates, context),
    content: {
      ...{ reportId: report.reportId, digest, hostName, hardwareId, vendor: report.vendor ?? null },
      period: { from: isoInstant(period.from), to: isoInstant(period.to) },
      ...{
        rows: days.length,
        guests: guests.length,
        incidents: incidents.length,
        hasNames: file.names !== null,
      },
    },
    fields: [
      ['Report', report.reportId],
      ['Host', `${hostName} (${hardwareId}), certificate ${certificate.serial}`],
      ['Products', reportedProducts(report)],
      ['Period', `${formatMinute(period.from)} to ${formatMinute(period.to)}`],
      ['Guests', `${guests.length}${file.names === null ? ', under pseudonyms' : ', with their VM IDs'}`],
      ['Incidents', String(incidents.length)],
    ],
    notes: [`Its numbers, its chain and its limits: avma vendor report verify ${context.file}`],
  });
}

/** The host's key signed the report, and the roots its certificates: the latter are who vouches for it. */
function reportSignature(
  certificate: HostCertificate,
  certificates: readonly HostCertificate[],
  context: InspectionContext,
): SignatureCheck {
  const host = { name: certificate.hostName, keyId: keyIdOf(certificate.signingKey), trusted: null };
  return {
    holds: true,
    signers: [host, ...certificates.map(({ vendorKey }) => signerOf(vendorKey, null, context))],
  };
}
