import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { exportPrivateKey, generateKeyPair, importPrivateKey, type KeyPair } from '../protocol/curve-keys.ts';
import { type Envelope, PAYLOAD_TYPES, parseJson, signEnvelope } from '../protocol/envelope.ts';
import type { HostCertificate } from '../protocol/host-certificate.ts';
import { HostRequest } from '../protocol/host-request.ts';
import { hardwareId, hostName, instant, oneOf } from '../schema/shapes.ts';
import { createFile, makePrivateFolder, replaceFile } from '../storage/atomic-file.ts';
import { readPlainFile, readPlainFileIfAny } from '../storage/read-file.ts';
import { sha256Hex } from '../system/sha256.ts';

/** The private keys that a host is certified for, together: one signs its answers, one opens requests. */
export interface HostKeys {
  readonly signing: KeyPair;
  readonly box: KeyPair;
  /** Milliseconds since 1970 UTC, later than that of every set before; absent for a host's first set. */
  readonly createdAt?: number;
}

/** A host's name, hardware ID and first keys, as `avma host init` makes them, once. Later ones: host-keys.ts. */
export interface HostIdentity extends HostKeys {
  readonly name: string;
  readonly hardwareId: string;
}

const HostFile = z.strictObject({
  schema: oneOf(['avma.host/1']),
  name: hostName,
  hardwareId,
  createdAt: instant,
});

/** Holds the name and the hardware ID. Never replaced once it exists: host-lock.ts relies on that. */
export const HOST_FILE = 'host.json';
/** The longest key file or host.json that is read, in bytes: they have some hundred. */
const MAX_HOST_FILE_BYTES = 64 * 1024;

const SIGNING_KEY = 'signing.key';
const BOX_KEY = 'box.key';

/** What a new host is made from. */
export interface NewHost {
  readonly folder: string;
  /** Shown to guests and vendors: 1 to 63 printable characters. */
  readonly name: string;
  /** The machine's own ID, from which the hardware ID is derived; random if undefined. */
  readonly machineId?: string | undefined;
  /** Wall clock, milliseconds since 1970 UTC. */
  readonly now: number;
}

/**
 * Makes a host's folder, name, hardware ID and keys. `host.json` is written last: without it the folder is no host, so
 * a set-up that was cut short can simply be run again.
 *
 * @throws {AvmaError} `argument-invalid` for the name; `file-exists` if there is a host already: its keys may be
 *   certified.
 */
export function createHost({ folder, name, machineId, now }: NewHost): HostIdentity {
  const file = path.join(folder, HOST_FILE);
  const parsedName = hostName.safeParse(name);
  if (!parsedName.success) {
    throw new AvmaError(
      'argument-invalid',
      `"${name}" cannot be a host's name: 1 to 63 characters, at most 96 bytes, on one line`,
    );
  }
  if (fs.existsSync(file)) {
    throw new AvmaError('file-exists', `there is a host in ${folder} already`, {
      hint: 'Go on with avma host request, or set AVMA_HOST_DIR to another folder.',
    });
  }
  makePrivateFolder(folder);
  const identity: HostIdentity = {
    name,
    hardwareId: deriveHardwareId(machineId ?? randomBytes(16).toString('hex')),
    signing: generateKeyPair('ed25519'),
    box: generateKeyPair('x25519'),
  };
  replaceFile(path.join(folder, SIGNING_KEY), exportPrivateKey(identity.signing));
  replaceFile(path.join(folder, BOX_KEY), exportPrivateKey(identity.box));
  const record = { schema: 'avma.host/1', name, hardwareId: identity.hardwareId, createdAt: now };
  createFile(file, `${JSON.stringify(record, null, 2)}\n`, 0o644);
  return identity;
}

/** @throws {AvmaError} `file-not-found` if `avma host init` has not run, `file-invalid` for a damaged folder. */
export function openHost(folder: string): HostIdentity {
  const file = path.join(folder, HOST_FILE);
  const bytes = readPlainFileIfAny(file, MAX_HOST_FILE_BYTES);
  if (bytes === undefined) {
    throw new AvmaError('file-not-found', `there is no host in ${folder}`, {
      hint: 'Make one: avma host init.',
    });
  }
  const record = HostFile.safeParse(parseJson(bytes));
  if (!record.success) throw new AvmaError('file-invalid', `${file} is damaged`);
  const { name, hardwareId } = record.data;
  return {
    name,
    hardwareId,
    signing: readKey('ed25519', path.join(folder, SIGNING_KEY)),
    box: readKey('x25519', path.join(folder, BOX_KEY)),
  };
}

function readKey(curve: 'ed25519' | 'x25519', file: string): KeyPair {
  return importPrivateKey(curve, readPlainFile(file, MAX_HOST_FILE_BYTES).toString('utf8'), { from: file });
}

/** The request to the vendor for a certificate, signed with the host's own key to show that the host has it. */
export function hostRequest(
  host: HostIdentity,
  now: number,
  { site = null, replaces = null }: Partial<Pick<HostRequest, 'site' | 'replaces'>> = {},
): Envelope {
  const request: HostRequest = { ...publicIdentity(host), site, replaces, requestedAt: now };
  return signEnvelope(PAYLOAD_TYPES.hostRequest, HostRequest.parse(request), host.signing);
}

/** The members that name the host in its request and in its certificate. */
function publicIdentity(host: HostIdentity) {
  return {
    hostName: host.name,
    hardwareId: host.hardwareId,
    signingKey: Buffer.from(host.signing.publicKey).toString('base64url'),
    boxKey: Buffer.from(host.box.publicKey).toString('base64url'),
  };
}

/** Four groups of four hex digits of a hash, so that the machine's own ID does not leave the host. */
function deriveHardwareId(machineId: string): string {
  const hash = sha256Hex(`avma hardware ID\n${machineId}\n`).toUpperCase();
  return (hash.slice(0, 16).match(/.{4}/g) ?? []).join('-');
}

/**
 * The host's Digital PID2 in the shape of a Windows product ID, `00252-80000-00000-AA123`: digits of a hash of the
 * certificate, so that a new certificate gives a new one. What Windows puts there is not public.
 */
export function digitalPid2({ serial, hardwareId, windows }: HostCertificate): string {
  const hash = sha256Hex(`avma digital PID2\n${serial}\n${hardwareId}\n`);
  const digits = (BigInt(`0x${hash}`) % 10n ** 18n).toString().padStart(18, '0');
  const group = windows === null ? '00250' : { MAK: '00252', OEM: '00253', KMS: '00254' }[windows.licensing];
  return `${group}-${digits.slice(0, 5)}-${digits.slice(5, 10)}-AA${digits.slice(10, 13)}`;
}
