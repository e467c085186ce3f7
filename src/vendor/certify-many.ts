import fs from 'node:fs';
import path from 'node:path';
import { type AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { type Envelope, PAYLOAD_TYPES } from '../protocol/envelope.ts';
import type { HostCertificate } from '../protocol/host-certificate.ts';
import type { HostRequest } from '../protocol/host-request.ts';
import { identifyFile } from '../protocol/identify-file.ts';
import { createFile, listFiles } from '../storage/atomic-file.ts';
import { readBoundedFile, readInstalledFile } from '../storage/read-file.ts';
import { type Grant, makeCertificate, readHostRequest } from './certify-host.ts';
import { signAllAndLog } from './sign-and-log.ts';
import type { VendorRoot } from './trust-root.ts';

/** The longest file that is read, in bytes: a request takes some 1,000, and other files lie in the folder too. */
const MAX_FILE_BYTES = 1024 * 1024;

interface Certified {
  readonly outcome: 'certified';
  readonly request: string;
  /** The certificate's file; null where nothing was to be signed. */
  readonly file: string | null;
  readonly certificate: HostCertificate;
}

interface NotCertified {
  /** Skipped: a file of another kind, or an older request of the same host. */
  readonly outcome: 'skipped' | 'failed';
  readonly request: string;
  readonly why: string;
  /** Null for what was skipped. */
  readonly error: AvmaError | null;
}

/** What became of one file. */
export type CertifyOutcome = Certified | NotCertified;

/** Requests that get one grant. */
export interface ManyRequests {
  /** Files, and folders whose `*.json` are looked at. */
  readonly paths: readonly string[];
  readonly root: VendorRoot;
  readonly grant: Grant;
  /** The folder for the certificates; null: nothing is signed. */
  readonly out: string | null;
  /** Wall clock, milliseconds since 1970 UTC. */
  readonly now: number;
}

/** A request, or what became of a file that is none. */
type Read = { readonly outcome: 'read'; readonly file: string; readonly request: HostRequest } | NotCertified;

/**
 * Certifies every host of which there is a request. A file that is bad, or that cannot be written, does not stop the
 * rest. The signatures reach the vendor log together, before the first certificate is written.
 *
 * @returns What became of each file, in the order of the files.
 * @throws {AvmaError} `argument-invalid` for the grant; as `signAllAndLog`; `access-denied`, `io-error` for the folder
 *   of the certificates. Then nothing was signed.
 */
export async function certifyMany({ paths, root, grant, out, now }: ManyRequests): Promise<CertifyOutcome[]> {
  const read = readAll(paths);
  const newest = newestOfEachHost(read);
  const made = read.flatMap((one) => {
    if (one.outcome !== 'read' || newest.get(one.request.signingKey) !== one) return [];
    return [
      {
        file: one.file,
        certificate: makeCertificate({ request: one.request, root: root.keyPair, grant, now }),
      },
    ];
  });
  const folder = made.length > 0 ? out : null;
  if (folder !== null) makeFolder(folder);
  const signings = made.map(({ certificate }) => ({
    type: PAYLOAD_TYPES.hostCertificate,
    statement: certificate,
  }));
  const envelopes = folder === null ? [] : await signAllAndLog(root, signings, now);
  const outcomes = new Map<string, CertifyOutcome>();
  for (const [index, { file, certificate }] of made.entries()) {
    outcomes.set(file, written(file, folder, certificate, envelopes[index]));
  }
  return read.map((one) => {
    if (one.outcome !== 'read') return one;
    const why = `${newest.get(one.request.signingKey)?.file} is a newer request of the same host`;
    return outcomes.get(one.file) ?? { outcome: 'skipped', request: one.file, why, error: null };
  });
}

function readAll(paths: readonly string[]): Read[] {
  const seen = new Set<string>();
  const isNew = (file: string) => seen.size < seen.add(path.resolve(file)).size;
  return paths.flatMap((given) => {
    const inFolder = isFolder(given);
    const files = inFolder ? listFiles(given, '.json') : [given];
    return files.filter(isNew).map((file) => readOne(file, inFolder));
  });
}

/** Whether a path names a folder. */
export function isFolder(file: string): boolean {
  return fs.statSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** @param inFolder - Nobody has named the file itself: others of ours may lie beside requests. */
function readOne(file: string, inFolder: boolean): Read {
  try {
    // A pipe in a folder may stay open and silent for ever.
    const bytes = inFolder ? readInstalledFile(file, MAX_FILE_BYTES) : readBoundedFile(file, MAX_FILE_BYTES);
    const { kind } = identifyFile(bytes);
    if (inFolder && kind !== 'host-request' && kind !== 'unknown') {
      return {
        outcome: 'skipped',
        request: file,
        why: `a ${kind.replaceAll('-', ' ')}, not a request`,
        error: null,
      };
    }
    return { outcome: 'read', file, request: readHostRequest(bytes, file) };
  } catch (thrown) {
    return failed(file, thrown, `cannot read ${file}`);
  }
}

function failed(request: string, thrown: unknown, doing: string): NotCertified {
  const error = toAvmaError(thrown, doing);
  return { outcome: 'failed', request, why: error.message, error };
}

/** The request of each host that was made last, by the host's signing key. */
function newestOfEachHost(read: readonly Read[]): Map<string, Read & { outcome: 'read' }> {
  const newest = new Map<string, Read & { outcome: 'read' }>();
  for (const one of read) {
    if (one.outcome !== 'read') continue;
    const other = newest.get(one.request.signingKey);
    if (other === undefined || other.request.requestedAt < one.request.requestedAt) {
      newest.set(one.request.signingKey, one);
    }
  }
  return newest;
}

function makeFolder(folder: string): void {
  try {
    fs.mkdirSync(folder, { recursive: true });
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot make the folder ${folder}`);
  }
}

function written(
  request: string,
  out: string | null,
  certificate: HostCertificate,
  envelope: Envelope | undefined,
): CertifyOutcome {
  if (out === null || envelope === undefined)
    return { outcome: 'certified', request, file: null, certificate };
  const file = path.join(out, certificateName(certificate));
  try {
    createFile(file, `${JSON.stringify(envelope, null, 2)}\n`, 0o644);
    return { outcome: 'certified', request, file, certificate };
  } catch (thrown) {
    return failed(request, thrown, `cannot write ${file}`);
  }
}

/** `hv01-00b1abb910ab5af3.certificate.json`: whatever a host calls itself, its name is no path. */
function certificateName({ hostName, serial }: HostCertificate): string {
  const name = hostName.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[.-]+/, '');
  return `${name || 'host'}-${serial}.certificate.json`;
}
