import fs from 'node:fs';
import path from 'node:path';
import { MAX_CATALOG_BYTES } from '../../catalog/catalog-file.ts';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import type { AvmaErrorCode } from '../../errors/codes.ts';
import { LARGEST_DOCUMENT_BYTES } from '../../protocol/documents.ts';
import { type FileKind, type IdentifiedFile, identifyFile } from '../../protocol/identify-file.ts';
import { openSignedCatalog, type SignedCatalog } from '../../protocol/signed-catalog.ts';
import { readBoundedFile } from '../../storage/read-file.ts';
import { openGiven } from './decode-given.ts';
import type { Given, GivenKind } from './intake.ts';

/** The largest file that is read, in bytes: a document as somebody may have formatted it, or a catalog. */
const MAX_BYTES = 1024 * 1024 + LARGEST_DOCUMENT_BYTES;
/** How many folders deep, and how many files and folders, so that no medium keeps a host busy for ever. */
const MAX_DEPTH = 8;
const MAX_FILES = 20_000;
const MAX_FOLDERS = 2_000;
/** What all files together may have, in bytes: they are in memory until it is known which are the host's. */
const MAX_TOTAL_BYTES = 256 * 1024 * 1024;

/** What a host may take of a file. */
export type ReceivedKind = GivenKind | 'catalog';

/** A file as what it is. */
export type ReceivedFile = { readonly file: string } & (
  | { readonly is: 'document'; readonly given: Given }
  /** Its bytes are kept: at another reading the file could be another one. */
  | { readonly is: 'catalog'; readonly catalog: SignedCatalog; readonly bytes: Buffer }
  /** Meant as one of those, and its form or a signature does not hold. */
  | { readonly is: 'broken'; readonly kind: ReceivedKind; readonly error: AvmaError }
  /** Nothing that hosts take, and what it is instead. */
  | { readonly is: 'other'; readonly message: string; readonly code: AvmaErrorCode | null }
);

/**
 * The files that an argument names: itself, or the `*.json` of a folder and of the folders in it, sorted. Links in a
 * folder are not followed.
 *
 * @throws {AvmaError} `file-not-found`, `access-denied`; `file-invalid` for a folder with too many files or folders.
 */
export function filesOf(named: string): string[] {
  try {
    return fs.statSync(named).isDirectory() ? filesIn(named, MAX_DEPTH, { looked: 0 }) : [named];
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot read ${named}`);
  }
}

/** @param walk - `looked`: at how many folders, in all. */
function filesIn(folder: string, depth: number, walk: { looked: number }): string[] {
  walk.looked += 1;
  if (walk.looked > MAX_FOLDERS) {
    throw new AvmaError(
      'file-invalid',
      `${folder} is one of more than ${MAX_FOLDERS} folders, the most that are looked at`,
    );
  }
  const entries = fs
    .readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const files = entries.flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return depth > 1 ? filesIn(file, depth - 1, walk) : [];
    return entry.isFile() && entry.name.endsWith('.json') ? [file] : [];
  });
  if (files.length <= MAX_FILES) return files;
  throw new AvmaError(
    'file-invalid',
    `${folder} has more than ${MAX_FILES} files, the most that are looked at`,
  );
}

/** The kinds of files that a host may take. */
const KINDS: Partial<Record<FileKind, ReceivedKind>> = {
  'host-certificate': 'certificate',
  license: 'license',
  revocations: 'revocations',
  'trust-update': 'trust-update',
  catalog: 'catalog',
};

/**
 * Reads files and finds out what they are.
 *
 * @throws {AvmaError} `file-not-found`, `access-denied`, `io-error`; `file-invalid` if they are too large together.
 */
export function openReceivedFiles(files: readonly string[]): readonly ReceivedFile[] {
  let total = 0;
  return files.map((file) => {
    let bytes: Buffer;
    try {
      bytes = readBoundedFile(file, MAX_BYTES);
    } catch (thrown) {
      // Too large, or no plain file.
      if (!(thrown instanceof AvmaError) || thrown.code !== 'file-invalid') throw thrown;
      return { file, is: 'other', message: thrown.message, code: null };
    }
    total += bytes.length;
    if (total > MAX_TOTAL_BYTES) {
      throw new AvmaError(
        'file-invalid',
        'the files have more than 256 MiB together, the most that is looked at',
        {
          hint: 'Name fewer files or folders at a time.',
        },
      );
    }
    return identified(file, bytes);
  });
}

function identified(file: string, bytes: Buffer): ReceivedFile {
  const found = identifyFile(bytes);
  const kind = KINDS[found.kind];
  if (kind === undefined) {
    const what = found.kind === 'unknown' ? 'no file of avma' : `a file of the kind ${found.kind}`;
    return { file, is: 'other', message: `${what}, which hosts do not take`, code: null };
  }
  if (kind === 'catalog' && found.envelope === null && found.damage === null) {
    const message = 'an unsigned catalog, which anybody may have made';
    return { file, is: 'other', message, code: 'catalog-unsigned' };
  }
  try {
    if (kind === 'catalog' && bytes.length > MAX_CATALOG_BYTES) {
      throw new AvmaError('file-invalid', `${file} has more than 1 MiB, the most that a catalog may have`);
    }
    if (kind === 'catalog') return { file, is: 'catalog', catalog: openCatalog(found, file), bytes };
    return { file, is: 'document', given: openGiven(kind, bytes, file) };
  } catch (thrown) {
    if (!(thrown instanceof AvmaError)) throw thrown;
    return { file, is: 'broken', kind, error: thrown };
  }
}

function openCatalog({ envelope, damage }: IdentifiedFile, from: string): SignedCatalog {
  if (envelope !== null) return openSignedCatalog(envelope);
  throw new AvmaError('catalog-invalid-signature', `${from} ${damage}`);
}
