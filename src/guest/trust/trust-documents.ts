import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { documentBytes, documentDigest, LARGEST_DOCUMENT_BYTES } from '../../protocol/documents.ts';
import { CosignedEnvelope, DocumentEnvelope, PAYLOAD_TYPES, parseJson } from '../../protocol/envelope.ts';
import { openRevocations, type RevocationList } from '../../protocol/revocations.ts';
import { openTrustUpdate, type VerifiedTrustUpdate } from '../../protocol/trust-update.ts';
import { listFiles, makePrivateFolder, replaceFile } from '../../storage/atomic-file.ts';
import { readPlainFile } from '../../storage/read-file.ts';

/**
 * A vendor's word about whom to trust, as hosts hand it on: a trust update or a revocation list whose signatures hold.
 * Whether its vendor is trusted here is another question.
 */
export type TrustDocument =
  | {
      readonly kind: 'trust-update';
      readonly envelope: CosignedEnvelope;
      readonly verified: VerifiedTrustUpdate;
    }
  | {
      readonly kind: 'revocations';
      readonly envelope: DocumentEnvelope;
      readonly list: RevocationList;
    };

/** A document and the file that it was read from. */
export type StoredDocument = TrustDocument & { readonly file: string; readonly digest: string };

/** Where a guest keeps the trust updates that it has followed, and the newest revocation list of each vendor. */
export function documentFolder(stateFolder: string): string {
  return path.join(stateFolder, 'documents');
}

/**
 * The document in the JSON of an envelope; undefined for what is neither a trust update nor a revocation list.
 *
 * @throws {AvmaError} `trust-update-*`, `revocations-invalid` for one whose signatures do not hold.
 */
export function openTrustDocument(json: unknown): TrustDocument | undefined {
  const type = (json as { payloadType?: unknown } | null)?.payloadType;
  if (type === PAYLOAD_TYPES.trustUpdate) {
    const envelope = CosignedEnvelope.safeParse(json).data;
    return envelope && { kind: 'trust-update', envelope, verified: openTrustUpdate(envelope) };
  }
  if (type === PAYLOAD_TYPES.revocations) {
    const envelope = DocumentEnvelope.safeParse(json).data;
    return envelope && { kind: 'revocations', envelope, list: openRevocations(envelope) };
  }
  return undefined;
}

/**
 * Every document in the folder, each verified now.
 *
 * @throws {AvmaError} `file-invalid` for a file that holds none, with its name. None is skipped: without it a root that
 *   its vendor has withdrawn would be believed again, or a license would end because of a file that nobody sees.
 */
export function readTrustDocuments(folder: string): StoredDocument[] {
  return listFiles(folder, '.json').map((file) => {
    const document = openStored(file);
    if (document !== undefined) return { ...document, file, digest: documentDigest(document.envelope) };
    throw damagedDocument(file, 'it is neither a trust update nor a revocation list');
  });
}

function openStored(file: string): TrustDocument | undefined {
  const json = parseJson(readPlainFile(file, LARGEST_DOCUMENT_BYTES));
  try {
    return openTrustDocument(json);
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot verify the document');
    if (error.code === 'internal') throw error;
    throw damagedDocument(file, error.message, error);
  }
}

/** The error for a stored document that says nothing any more, or that does not follow what is known. */
export function damagedDocument(file: string, why: string, cause?: AvmaError): AvmaError {
  return new AvmaError('file-invalid', `the stored document ${file} cannot be relied on: ${why}`, {
    cause,
    hint: 'Put it back from a backup, or remove it; then: avma guest activate, which gets it from the host again.',
  });
}

/** Writes a document into the folder, under a name of its own. Twice is once. @returns The file. */
export function keepTrustDocument(folder: string, document: TrustDocument): string {
  const file = path.join(folder, nameOf(document));
  makePrivateFolder(folder);
  replaceFile(file, documentBytes(document.envelope));
  return file;
}

/** Removes a document from the folder; one that is not there does no harm. @returns The file, where there was one. */
export function dropTrustDocument(folder: string, document: TrustDocument): string | undefined {
  const file = path.join(folder, nameOf(document));
  if (!listFiles(folder, '.json').includes(file)) return undefined;
  try {
    fs.rmSync(file, { force: true });
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot remove ${file}`);
  }
  return file;
}

function nameOf(document: TrustDocument): string {
  const number = document.kind === 'trust-update' ? document.verified.update.version : document.list.sequence;
  return `${document.kind}-${number}-${documentDigest(document.envelope).slice(0, 16)}.json`;
}
