import fs from 'node:fs';
import path from 'node:path';
import { AvmaError } from '../errors/avma-error.ts';
import { Envelope, parseJson } from '../protocol/envelope.ts';
import { type HostCertificate, openHostCertificate } from '../protocol/host-certificate.ts';
import { formatDay } from '../schema/format-time.ts';
import { compareVersions } from '../schema/version.ts';
import { replaceFile } from '../storage/atomic-file.ts';
import { readPlainFileIfAny } from '../storage/read-file.ts';
import { errnoOf } from '../system/errno.ts';
import type { Notify } from '../system/notify.ts';
import { type HostIdentity, publicIdentity } from './host-store.ts';
import { ProblemReporter } from './notify.ts';

const CERTIFICATE_FILE = 'certificate.json';

/** The longest certificate file that is read, in bytes. */
const MAX_CERTIFICATE_LENGTH = 64 * 1024;

/** How often a running host looks whether its certificate has been renewed, in milliseconds. */
const CERTIFICATE_POLL_MS = 1000;

/** The host certificate of a host's folder, and the envelope that the vendor signed. */
export interface InstalledCertificate {
  readonly envelope: Envelope;
  readonly certificate: HostCertificate;
}

/** A certificate, and the host that it is installed for. */
export interface InstallOptions {
  readonly folder: string;
  readonly host: HostIdentity;
  readonly bytes: Uint8Array;
  /** Where the bytes come from, for messages. */
  readonly from: string;
  /** Wall clock, milliseconds since 1970 UTC. */
  readonly now: number;
  /** Install a certificate that is worse than the present one. */
  readonly force?: boolean;
  /** Only find out whether it could be installed. */
  readonly dryRun?: boolean;
}

/**
 * Installs the vendor's certificate. The guests check the vendor's signature: the host has no trust anchor.
 *
 * @throws {AvmaError} `file-invalid` for what is no certificate, or another host's; `certificate-expired`;
 *   `certificate-worse` with what the host would lose, unless forced.
 */
export function installCertificate(options: InstallOptions): HostCertificate {
  const { folder, host, bytes, from, now, force = false, dryRun = false } = options;
  const installed = decodeCertificate(bytes);
  if (installed === undefined) {
    throw new AvmaError('file-invalid', `${from} is not a host certificate`, {
      hint: 'Give the file that avma vendor certify wrote.',
    });
  }
  const { certificate, envelope } = installed;
  if (!isCertificateOf(host, certificate)) {
    throw new AvmaError(
      'file-invalid',
      `the certificate is for host ${certificate.hostName} (${certificate.hardwareId}), not for this one`,
      { hint: 'Have this host certified: avma host request.' },
    );
  }
  if (certificate.graceUntil <= now) {
    throw new AvmaError('certificate-expired', `the certificate ended on ${formatDay(certificate.notAfter)}`);
  }
  const present = installedCertificate(folder, host)?.certificate;
  const losses = present === undefined || force ? [] : lossesOf(present, certificate, now);
  if (losses.length > 0) {
    throw new AvmaError(
      'certificate-worse',
      `the certificate is worse than the one that is installed: ${losses.join('; ')}`,
    );
  }
  if (!dryRun)
    replaceFile(path.join(folder, CERTIFICATE_FILE), `${JSON.stringify(envelope, null, 2)}\n`, 0o644);
  return certificate;
}

/** What a host loses with the new certificate, in sentences without a full stop; empty: nothing. Pure. */
function lossesOf(present: HostCertificate, next: HostCertificate, now: number): string[] {
  const losses: string[] = [];
  if (next.notAfter < present.notAfter) {
    losses.push(
      `it ends on ${formatDay(next.notAfter)}, the installed one on ${formatDay(present.notAfter)}`,
    );
  }
  if (next.notBefore > now && present.notBefore <= now && now < present.graceUntil) {
    losses.push(`it begins on ${formatDay(next.notBefore)}, and until then all guests would be refused`);
  }
  if (present.windows !== null && next.windows === null) {
    losses.push('it allows no guests with Windows, as the installed one does');
  } else if (
    present.windows !== null &&
    next.windows !== null &&
    compareVersions(next.windows.osVersion, present.windows.osVersion) < 0
  ) {
    losses.push(
      `it allows guests with Windows up to version ${next.windows.osVersion}, the installed one up to ${present.windows.osVersion}`,
    );
  }
  return losses;
}

/** The certificate of a host's folder as it is now; undefined if there is none that is this host's. */
export function installedCertificate(folder: string, host: HostIdentity): InstalledCertificate | undefined {
  return certificateReader(folder, host)();
}

/**
 * Reads the installed certificate, and reads it anew when its file has changed: a running host takes a renewed one by
 * itself within a second. A file that is not this host's certificate counts as none and is reported.
 */
export function certificateReader(
  folder: string,
  host: HostIdentity,
  notify: Notify = () => {},
): () => InstalledCertificate | undefined {
  const file = path.join(folder, CERTIFICATE_FILE);
  const problems = new ProblemReporter(notify);
  let version: string | undefined;
  let current: InstalledCertificate | undefined;
  let lookedAt = 0;
  return () => {
    const now = performance.now();
    if (current !== undefined && now - lookedAt < CERTIFICATE_POLL_MS) return current;
    lookedAt = now;
    const found = versionOf(file);
    if (found === version) return current;
    version = found;
    const read = readCertificate(file, host);
    current = typeof read === 'string' ? undefined : read;
    problems.report(typeof read === 'string' ? [read] : []);
    return current;
  };
}

/** A text that changes when the file is replaced or written to. */
function versionOf(file: string): string {
  try {
    const stat = fs.lstatSync(file, { throwIfNoEntry: false, bigint: true });
    return stat === undefined ? 'none' : `${stat.ino} ${stat.mtimeNs} ${stat.size}`;
  } catch (thrown) {
    // The folder cannot be entered just now: reading the file says why.
    return String(errnoOf(thrown));
  }
}

/** The certificate in a file; undefined if there is no file; else why it is not used, as a sentence. */
function readCertificate(file: string, host: HostIdentity): InstalledCertificate | undefined | string {
  let bytes: Buffer | undefined;
  try {
    bytes = readPlainFileIfAny(file, MAX_CERTIFICATE_LENGTH);
  } catch (thrown) {
    if (!(thrown instanceof AvmaError)) throw thrown;
    return `The host certificate cannot be used: ${thrown.message}.`;
  }
  if (bytes === undefined) return undefined;
  const installed = decodeCertificate(bytes);
  if (installed === undefined) return `The host certificate cannot be used: ${file} is damaged.`;
  const { certificate } = installed;
  if (isCertificateOf(host, certificate)) return installed;
  return `The host certificate cannot be used: ${file} is for host ${certificate.hostName} (${certificate.hardwareId}), not for this one.`;
}

function decodeCertificate(bytes: Uint8Array): InstalledCertificate | undefined {
  const envelope = Envelope.safeParse(parseJson(bytes)).data;
  const certificate = envelope && openHostCertificate(envelope);
  return envelope && certificate && { envelope, certificate };
}

/** Whether the certificate names this host and its keys. */
function isCertificateOf(host: HostIdentity, certificate: HostCertificate): boolean {
  const own = publicIdentity(host);
  return Object.entries(own).every(([key, value]) => certificate[key as keyof typeof own] === value);
}
