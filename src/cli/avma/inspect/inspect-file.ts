import { AvmaError } from '../../../errors/avma-error.ts';
import { type CosignedEnvelope, payloadJson, verifyEnvelope } from '../../../protocol/envelope.ts';
import { type IdentifiedFile, identifyFile } from '../../../protocol/identify-file.ts';
import { KIND_NAMES } from '../file-kinds.ts';
import { inspectCertificate, inspectEvidence, inspectReport, inspectRequest } from './host-files.ts';
import { type Inspection, type InspectionContext, inspection, problemOf } from './inspection.ts';
import {
  inspectAnchor,
  inspectHost,
  inspectLicenseFile,
  inspectLines,
  inspectOutput,
  inspectSecret,
  inspectSetup,
  inspectState,
  inspectUnknown,
} from './unsigned-files.ts';
import { inspectCatalog, inspectLicense, inspectRevocations, inspectTrustUpdate } from './vendor-files.ts';

/**
 * Explains one file. No state is needed, and nothing is believed that the file's own signature does not cover. Pure.
 *
 * @param bytes - The whole file.
 */
export function inspectFile(bytes: Uint8Array, context: InspectionContext): Inspection {
  const identified = identifyFile(bytes);
  const { kind, envelope, damage } = identified;
  if (damage !== null) {
    const hint = 'Get the file again from where it came from.';
    return inspection(kind, { problems: [{ code: 'file-invalid', message: `it ${damage}`, hint }] });
  }
  try {
    return inspectKind(identified, bytes, context);
  } catch (thrown) {
    const problem = problemOf(thrown);
    if (envelope === null) return inspection(kind, { problems: [problem] });
    const holds = isSignedAsClaimed(envelope);
    return inspection(kind, {
      signature: { holds, signers: [] },
      problems: [
        holds
          ? {
              ...problem,
              code: 'file-invalid',
              message: `it was signed as it is, and is not ${KIND_NAMES[kind]} that this avma can read`,
            }
          : problem,
      ],
    });
  }
}

function inspectKind(identified: IdentifiedFile, bytes: Uint8Array, context: InspectionContext): Inspection {
  const { kind, json } = identified;
  switch (kind) {
    case 'host-request':
      return inspectRequest(envelopeOf(identified));
    case 'host-certificate':
      return inspectCertificate(envelopeOf(identified), context);
    case 'license':
      return inspectLicense(envelopeOf(identified), context);
    case 'revocations':
      return inspectRevocations(envelopeOf(identified), context);
    case 'trust-update':
      return inspectTrustUpdate(envelopeOf(identified), context);
    case 'catalog':
      return inspectCatalog(bytes, context);
    case 'usage-report':
      return inspectReport(bytes, context);
    case 'evidence':
      return inspectEvidence(json, context);
    case 'trust-anchor':
      return inspectAnchor(bytes, context);
    case 'license-file':
      return inspectLicenseFile(bytes, context);
    case 'guest-state':
      return inspectState(bytes, context);
    case 'setup':
      return inspectSetup(bytes, context);
    case 'host':
      return inspectHost(json);
    case 'host-keys':
    case 'site-key':
    case 'root-key':
    case 'private-key':
      return inspectSecret(kind, bytes, json, context);
    case 'ledger':
    case 'vendor-log':
    case 'events':
      return inspectLines(kind, bytes);
    case 'output': {
      // What avma guest attest --json prints.
      const { evidence } = json as { readonly evidence?: unknown };
      return evidence === undefined ? inspectOutput(json) : inspectEvidence(evidence, context);
    }
    case 'answer':
      return inspection(kind, {
        notes: ['Its signature cannot be checked without the certificate of its host.'],
      });
    case 'signed-lease':
      return inspection(kind, { notes: ['An earlier avma wrote it; such leases do not count any more.'] });
    case 'unknown':
      return inspectUnknown(bytes, json);
  }
}

function envelopeOf({ kind, envelope }: IdentifiedFile): CosignedEnvelope {
  if (envelope !== null) return envelope;
  throw new AvmaError('internal', `${kind} without an envelope and without damage`);
}

/** Whether the key that the payload names has signed it, whatever the payload says. */
function isSignedAsClaimed(envelope: CosignedEnvelope): boolean {
  const { vendor, vendorKey, signingKey } = (payloadJson(envelope) ?? {}) as Record<string, unknown>;
  const key = (vendor as { publicKey?: unknown } | undefined)?.publicKey ?? vendorKey ?? signingKey;
  if (typeof key !== 'string') return false;
  const publicKey = Buffer.from(key, 'base64url');
  const type = envelope.payloadType as Parameters<typeof verifyEnvelope>[1];
  return publicKey.length === 32 && verifyEnvelope(envelope, type, publicKey) !== undefined;
}
