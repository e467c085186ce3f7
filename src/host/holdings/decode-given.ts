import { AvmaError } from '../../errors/avma-error.ts';
import { openCustomerLicense } from '../../protocol/customer-license.ts';
import { announce, type DocumentKind, documentBytes, MAX_DOCUMENT_BYTES } from '../../protocol/documents.ts';
import {
  CosignedEnvelope,
  DocumentEnvelope,
  Envelope,
  PAYLOAD_TYPES,
  parseJson,
} from '../../protocol/envelope.ts';
import { openHostCertificate } from '../../protocol/host-certificate.ts';
import { openRevocations } from '../../protocol/revocations.ts';
import { openTrustUpdate } from '../../protocol/trust-update.ts';
import type {
  HeldDocument,
  HeldLicense,
  HeldRevocations,
  HeldTrustUpdate,
  InstalledCertificate,
} from './holdings.ts';
import type { Given, GivenKind } from './intake.ts';

/**
 * What a file says that a vendor signed, its signatures verified by the keys that it names itself. Whether this host
 * believes these keys is decided where all files are there (holdings.ts).
 */

/** @throws {AvmaError} `file-invalid` for what is no certificate, or was changed after its vendor signed it. */
export function decodeCertificate(bytes: Uint8Array, from: string): InstalledCertificate {
  const envelope = Envelope.safeParse(parseJson(bytes)).data;
  const certificate = envelope && openHostCertificate(envelope);
  if (envelope !== undefined && certificate !== undefined) return { envelope, certificate };
  throw new AvmaError(
    'file-invalid',
    `${from} is not a host certificate, or it was changed after its vendor signed it`,
    { hint: 'Give the file that avma vendor certify wrote.' },
  );
}

/** @throws {AvmaError} `license-invalid`. */
export function decodeLicense(bytes: Uint8Array, from: string): HeldLicense {
  const envelope = DocumentEnvelope.safeParse(parseJson(bytes)).data;
  if (envelope?.payloadType !== PAYLOAD_TYPES.license) throw notA('license', from);
  return { ...held('license', envelope, 0, from), license: openCustomerLicense(envelope) };
}

/** @throws {AvmaError} `revocations-invalid`. */
export function decodeRevocations(bytes: Uint8Array, from: string): HeldRevocations {
  const envelope = DocumentEnvelope.safeParse(parseJson(bytes)).data;
  if (envelope?.payloadType !== PAYLOAD_TYPES.revocations) throw notA('revocations', from);
  const list = openRevocations(envelope);
  return { ...held('revocations', envelope, list.sequence, from), list };
}

/** @throws {AvmaError} `trust-update-invalid`, `trust-update-unsigned`, `trust-update-drops`. */
export function decodeTrustUpdate(bytes: Uint8Array, from: string): HeldTrustUpdate {
  const envelope = CosignedEnvelope.safeParse(parseJson(bytes)).data;
  if (envelope?.payloadType !== PAYLOAD_TYPES.trustUpdate) throw notA('trust-update', from);
  const verified = openTrustUpdate(envelope);
  return { ...held('trust-update', envelope, verified.update.version, from), verified };
}

const KINDS = {
  license: { code: 'license-invalid', name: 'a license', maker: 'avma vendor license new' },
  revocations: { code: 'revocations-invalid', name: 'a revocation list', maker: 'avma vendor revoke' },
  'trust-update': { code: 'trust-update-invalid', name: 'a trust update', maker: 'avma vendor rotate' },
} as const;

function notA(kind: DocumentKind, from: string): AvmaError {
  const { code, name, maker } = KINDS[kind];
  return new AvmaError(code, `${from} is not ${name}`, { hint: `Give the file that ${maker} wrote.` });
}

/** @throws {AvmaError} if the document is larger than guests take. */
function held(kind: DocumentKind, envelope: CosignedEnvelope, version: number, from: string): HeldDocument {
  const bytes = documentBytes(envelope);
  if (bytes.length > MAX_DOCUMENT_BYTES[kind]) {
    const { code, name } = KINDS[kind];
    throw new AvmaError(
      code,
      `${from} has ${bytes.length} bytes, and ${name} has ${MAX_DOCUMENT_BYTES[kind]} at most`,
    );
  }
  return { announcement: announce(kind, envelope, version), bytes };
}

/** A document of the kind that is expected. @throws {AvmaError} the kind's own code for what is none. */
export function openGiven(kind: GivenKind, bytes: Uint8Array, from: string): Given {
  switch (kind) {
    case 'certificate':
      return { kind, content: decodeCertificate(bytes, from) };
    case 'license':
      return { kind, content: decodeLicense(bytes, from) };
    case 'revocations':
      return { kind, content: decodeRevocations(bytes, from) };
    case 'trust-update':
      return { kind, content: decodeTrustUpdate(bytes, from) };
  }
}
