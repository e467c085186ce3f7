import { createHash } from 'node:crypto';
import { generateKeyPair, type KeyPair, signEd25519 } from '../../src/protocol/curve-keys.ts';
import {
  keyId,
  PAYLOAD_TYPES,
  type PayloadType,
  preAuthenticationEncoding,
} from '../../src/protocol/envelope.ts';
import type { VerifyOptions } from '../../src/verify/api.ts';
import { LICENSE_TERMS } from '../support/vendor-documents.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
/** When the host answered: 2026-06-01 12:00 UTC. */
export const THEN = Date.UTC(2026, 5, 1, 12);
export const VM = '11111111-2222-4333-8444-555555555555';
export const PRODUCT = '0eeb0b7a-43be-5bd7-92c9-4372d99ad9bf';
export const NONCE = '00112233445566778899aabbccddeeff';
export const SERIAL = '00112233445566ff';
export const LICENSE_ID = '00112233445566aa';

export type Statement = Record<string, unknown>;

/** What a vector's documents are signed with. `nobody` signs nothing: its key is the identity element. */
export interface Keys {
  /** The vendor's root, the one that rotation brings, and the one after that. */
  readonly root: KeyPair;
  readonly next: KeyPair;
  readonly third: KeyPair;
  /** Another vendor's root, or the anchor that a guest's administrator made. */
  readonly stranger: KeyPair;
  readonly host: KeyPair;
}
export type Signer = keyof Keys | 'nobody';

export function makeKeys(): Keys {
  const pair = () => generateKeyPair('ed25519');
  return { root: pair(), next: pair(), third: pair(), stranger: pair(), host: pair() };
}

/** An envelope with any number of signatures, or what a vector made of it. */
export interface LooseEnvelope {
  readonly payloadType: string;
  readonly payload: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

/** The identity element: whoever has it as a key has a signature for every message, all of it known. */
const IDENTITY_POINT = new Uint8Array(32).fill(1, 0, 1);
const IDENTITY_SIGNATURE = new Uint8Array(64).fill(1, 0, 1);

export function publicKeyOf(keys: Keys, signer: Signer): string {
  return base64(signer === 'nobody' ? IDENTITY_POINT : keys[signer].publicKey);
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}

export function digestOf(envelope: LooseEnvelope): string {
  return createHash('sha256').update(Buffer.from(envelope.payload, 'base64url')).digest('hex');
}

/** How a revocation list names a host or a license. */
export function entryOf(kind: 'host serial' | 'license', name: string): Statement {
  const digest = createHash('sha256').update(`avma ${kind}\n${name}\n`).digest('hex').slice(0, 32);
  return { digest, reason: 'stolen' };
}

/** A statement, or its bytes in another spelling, signed by each of `signers`. */
export function sign(
  keys: Keys,
  type: PayloadType,
  statement: Statement | string | Uint8Array,
  ...signers: readonly Signer[]
): LooseEnvelope {
  const payload = Buffer.from(
    typeof statement === 'string' || statement instanceof Uint8Array ? statement : JSON.stringify(statement),
  );
  const message = preAuthenticationEncoding(type, payload);
  return {
    payloadType: type,
    payload: payload.toString('base64url'),
    signatures: signers.map((signer) => ({
      keyid: keyId(Buffer.from(publicKeyOf(keys, signer), 'base64url')),
      sig: base64(signer === 'nobody' ? IDENTITY_SIGNATURE : signEd25519(keys[signer], message)),
    })),
  };
}

type Edit<T> = (thing: T, keys: Keys) => unknown;

/** How a vector differs from evidence in which all is well. */
export interface EvidenceDifference {
  readonly name: string;
  readonly certificate?: Statement | ((keys: Keys) => Statement);
  readonly certificateSigner?: Signer;
  readonly certificateType?: PayloadType;
  readonly answer?: Statement;
  readonly answerSigner?: Signer;
  readonly answerType?: PayloadType;
  /** Null: the answer names no license, and there is none. */
  readonly license?: Statement | null;
  readonly licenseSigner?: Signer;
  readonly licenseType?: PayloadType;
  /** The spelling of a payload, before it is signed. */
  readonly spellCertificate?: (json: string) => string | Uint8Array;
  readonly spellAnswer?: (json: string) => string | Uint8Array;
  readonly spellLicense?: (json: string) => string | Uint8Array;
  /** After signing. The answer names the license as it was before. */
  readonly editCertificate?: Edit<LooseEnvelope>;
  readonly editAnswer?: Edit<LooseEnvelope>;
  readonly editLicense?: Edit<LooseEnvelope>;
  readonly evidence?: Edit<Statement>;
  readonly options?: (keys: Keys) => Partial<Record<keyof VerifyOptions, unknown>>;
}

/** Evidence as a host's approval, with what is different. */
export function makeEvidence(keys: Keys, difference: EvidenceDifference): unknown {
  const spelled = (statement: Statement, spell: (json: string) => string | Uint8Array = (json) => json) =>
    spell(JSON.stringify(statement));
  const certificateSigner = difference.certificateSigner ?? 'root';
  const answerSigner = difference.answerSigner ?? 'host';
  const licenseSigner = difference.licenseSigner ?? 'root';

  const certificate = {
    serial: SERIAL,
    vendorKey: publicKeyOf(keys, certificateSigner),
    hostName: 'hv01',
    hardwareId: '0123-4567-89AB-CDEF',
    signingKey: publicKeyOf(keys, answerSigner === 'nobody' ? 'nobody' : 'host'),
    boxKey: base64(new Uint8Array(32).fill(9)),
    customer: 'Bank Ltd',
    site: 'vienna',
    windows: null,
    notBefore: THEN - DAY,
    notAfter: THEN + 365 * DAY,
    graceUntil: THEN + 379 * DAY,
    ...(typeof difference.certificate === 'function' ? difference.certificate(keys) : difference.certificate),
  };
  const license = {
    licenseId: LICENSE_ID,
    vendor: { name: 'Acme', publicKey: publicKeyOf(keys, licenseSigner) },
    customer: 'Bank Ltd',
    product: { activationId: PRODUCT, name: 'Acme Gateway' },
    ...LICENSE_TERMS,
    notBefore: THEN - DAY,
    notAfter: THEN + 365 * DAY,
    graceUntil: THEN + 379 * DAY,
    issuedAt: THEN - DAY,
    ...difference.license,
  };
  const licenseEnvelope =
    difference.license === null
      ? null
      : sign(
          keys,
          difference.licenseType ?? PAYLOAD_TYPES.license,
          spelled(license, difference.spellLicense),
          licenseSigner,
        );
  const answer = {
    exchangeId: '0123456789abcdef0123456789abcdef',
    requestDigest: '0'.repeat(64),
    vmId: VM,
    activationId: PRODUCT,
    decision: 'approved',
    hresult: 0,
    refusal: null,
    hostName: 'hv01',
    hardwareId: '0123-4567-89AB-CDEF',
    digitalPid2: '00252-12345-67890-AA123',
    guestClock: THEN - HOUR,
    nonce: null,
    license: licenseEnvelope === null ? null : digestOf(licenseEnvelope),
    conditions: [],
    issuedAt: THEN,
    expiresAt: THEN + 7 * DAY,
    renewAfter: THEN + 3.5 * DAY,
    ...difference.answer,
  };
  const edited = <T>(edit: Edit<T> | undefined, thing: T) => (edit === undefined ? thing : edit(thing, keys));
  const signedCertificate = sign(
    keys,
    difference.certificateType ?? PAYLOAD_TYPES.hostCertificate,
    spelled(certificate, difference.spellCertificate),
    certificateSigner,
  );
  const signedAnswer = sign(
    keys,
    difference.answerType ?? PAYLOAD_TYPES.answer,
    spelled(answer, difference.spellAnswer),
    answerSigner,
  );
  return edited(difference.evidence, {
    certificate: edited(difference.editCertificate, signedCertificate),
    answer: edited(difference.editAnswer, signedAnswer),
    license: licenseEnvelope === null ? null : edited(difference.editLicense, licenseEnvelope),
  } as Statement);
}

/** What a program asks, with what is different. */
export function makeOptions(keys: Keys, difference: EvidenceDifference): VerifyOptions {
  return {
    roots: [publicKeyOf(keys, 'root')],
    vmId: VM,
    product: PRODUCT,
    now: THEN + HOUR,
    ...difference.options?.(keys),
  } as VerifyOptions;
}

/** A trust update with what is different: version 2, in which `next` comes in beside `root`. */
export function trustUpdate(
  keys: Keys,
  difference: Statement = {},
  signers: readonly Signer[] = ['root', 'next'],
): LooseEnvelope {
  const update = {
    vendorName: 'Acme',
    version: 2,
    previous: null,
    formerRoots: [publicKeyOf(keys, 'root')],
    roots: [publicKeyOf(keys, 'root'), publicKeyOf(keys, 'next')],
    issuedAt: THEN - DAY,
    ...difference,
  };
  return sign(keys, PAYLOAD_TYPES.trustUpdate, update, ...signers);
}

/** A revocation list of `signer`, with what is different. */
export function revocations(keys: Keys, difference: Statement = {}, signer: Signer = 'root'): LooseEnvelope {
  const list = {
    vendor: { name: 'Acme', publicKey: publicKeyOf(keys, signer) },
    sequence: 1,
    issuedAt: THEN,
    hosts: [],
    licenses: [],
    ...difference,
  };
  return sign(keys, PAYLOAD_TYPES.revocations, list, signer);
}
