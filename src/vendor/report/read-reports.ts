import { AvmaError } from '../../errors/avma-error.ts';
import type { AvmaErrorCode } from '../../errors/codes.ts';
import { type CustomerLicense, openCustomerLicense } from '../../protocol/customer-license.ts';
import { documentDigest } from '../../protocol/documents.ts';
import { DocumentEnvelope, PAYLOAD_TYPES, parseJson } from '../../protocol/envelope.ts';
import type { TrustAnchor } from '../../protocol/trust-anchor.ts';
import {
  decodeUnverifiedReport,
  parseUsageReport,
  type UsageReport,
  type VerifiedReport,
  verifyUsageReport,
} from '../../protocol/usage-report.ts';
import { keyIdOf } from '../../protocol/vendor-trust.ts';
import type { Finding } from './finding.ts';

/** A file as it was named and read. */
export interface InputFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A report, and the file that it stands in. */
export interface ReadReport extends Pick<VerifiedReport, 'report' | 'digest' | 'names'> {
  readonly file: string;
  /** The certificate that leads to the vendor; null where signatures were not checked. */
  readonly certificate: VerifiedReport['certificate'] | null;
}

/** What lies in the files: reports whose signatures hold, licenses, and what is wrong with the other files. */
export interface ReadFiles {
  readonly reports: readonly ReadReport[];
  readonly licenses: readonly CustomerLicense[];
  readonly findings: readonly UnreadableFile[];
}

/** A file that is no report that counts, and why. */
export type UnreadableFile = Finding & { readonly code: AvmaErrorCode };

/**
 * Reads reports, and licenses to hold them against. A file that is neither, or does not hold, is a finding.
 *
 * @param roots - The vendor's roots; null: signatures are not checked.
 */
export function readReports(files: readonly InputFile[], roots: readonly TrustAnchor[] | null): ReadFiles {
  const reports: ReadReport[] = [];
  const licenses: CustomerLicense[] = [];
  const findings: UnreadableFile[] = [];
  for (const file of files) {
    try {
      const license = licenseIn(file);
      if (license === undefined) reports.push(readReport(file, roots));
      else licenses.push(trusted(license, roots, file.name));
    } catch (thrown) {
      if (!(thrown instanceof AvmaError)) throw thrown;
      findings.push({ severity: 'bad', code: thrown.code, message: thrown.message, files: [file.name] });
    }
  }
  return { reports, licenses, findings };
}

/** @throws {AvmaError} `report-invalid`, `certificate-untrusted`. */
function readReport({ name, bytes }: InputFile, roots: readonly TrustAnchor[] | null): ReadReport {
  const file = parseUsageReport(bytes, name);
  if (roots !== null) return { file: name, ...verifyUsageReport(file, roots, name) };
  const report: UsageReport | undefined = decodeUnverifiedReport(file);
  if (report === undefined) throw new AvmaError('report-invalid', `${name} is not a usage report`);
  return { file: name, report, digest: documentDigest(file.report), certificate: null, names: new Map() };
}

/** The license in a file; undefined for a file that is none. @throws {AvmaError} `license-invalid`. */
function licenseIn({ bytes }: InputFile): CustomerLicense | undefined {
  const envelope = DocumentEnvelope.safeParse(parseJson(bytes)).data;
  return envelope?.payloadType === PAYLOAD_TYPES.license ? openCustomerLicense(envelope) : undefined;
}

/** @throws {AvmaError} `license-untrusted`. */
function trusted(
  license: CustomerLicense,
  roots: readonly TrustAnchor[] | null,
  name: string,
): CustomerLicense {
  const { publicKey } = license.vendor;
  const isOwn = (root: TrustAnchor) => Buffer.from(root.publicKey).toString('base64url') === publicKey;
  if (roots === null || roots.some(isOwn)) return license;
  throw new AvmaError(
    'license-untrusted',
    `${name} is signed by the key ${keyIdOf(publicKey)}, which was not given`,
    {
      hint: 'Name the anchor of that root too: --key root.pub.json.',
    },
  );
}
