import { isSmallOrder } from '../protocol/curve-keys.ts';
import { parseWantedFeature, type WantedFeature } from '../protocol/features.ts';
import { TrustAnchorFile } from '../protocol/trust-anchor.ts';
import { keyIdOf, type TrustedVendor } from '../protocol/vendor-trust.ts';
import { base64url32, MAX_INSTANT, nonceHex, UUID_PATTERN } from '../schema/shapes.ts';
import { strictJsonOf } from './strict-json-of.ts';

/** What a program asks, checked. */
export interface Question {
  /** The pinned roots, as one vendor. */
  readonly vendor: TrustedVendor;
  readonly vmId: string;
  readonly activationId: string;
  /** Milliseconds since 1970 UTC. */
  readonly now: number;
  readonly features: readonly WantedFeature[];
  readonly trustUpdates: readonly unknown[];
  readonly revocations: readonly unknown[];
  readonly nonce: string | null;
  readonly requireLicense: boolean;
}

const MEMBERS = [
  ...['roots', 'vmId', 'product', 'now', 'features'],
  ...['trustUpdates', 'revocations', 'nonce', 'requireLicense'],
];

const MAX_ROOTS = 16;
const MAX_FEATURES = 256;
/** Room for those of every vendor that the machine trusts: a guest follows 32 of each. */
const MAX_TRUST_UPDATES = 256;
const MAX_REVOCATION_LISTS = 64;

/**
 * The options, checked. A member that nobody knows is an error: a mistyped `requireLicense` must not go unnoticed.
 *
 * @throws anything: the options are wrong then.
 */
export function readQuestion(options: unknown): Question {
  const given = Object(options) as Record<string, unknown>;
  check(Object.keys(given).every((name) => MEMBERS.includes(name)));
  const { requireLicense = true } = given;
  check(typeof requireLicense === 'boolean');
  return {
    vendor: pinnedVendor(listOf(given['roots'], MAX_ROOTS)),
    vmId: uuidOf(given['vmId']),
    activationId: uuidOf(given['product']),
    now: timeOf(given['now']),
    features: listOf(given['features'], MAX_FEATURES, []).map((feature) =>
      parseWantedFeature(textOf(feature)),
    ),
    trustUpdates: listOf(given['trustUpdates'], MAX_TRUST_UPDATES, []),
    revocations: listOf(given['revocations'], MAX_REVOCATION_LISTS, []),
    nonce: given['nonce'] === undefined ? null : nonceHex.parse(given['nonce']),
    requireLicense,
  };
}

function check(held: boolean): asserts held {
  if (!held) throw new TypeError('the options are wrong');
}

/** What is undefined gets its default. A null does not: a program that has lost its demands must hear of it. */
function listOf(value: unknown, most: number, otherwise?: readonly unknown[]): readonly unknown[] {
  const list = value === undefined ? otherwise : value;
  check(Array.isArray(list) && list.length <= most);
  // A hole in a list would be skipped by whoever goes through it.
  return Array.from(list as readonly unknown[]);
}

function textOf(value: unknown): string {
  check(typeof value === 'string');
  return value;
}

function uuidOf(value: unknown): string {
  const text = textOf(value).toLowerCase();
  check(UUID_PATTERN.test(text));
  return text;
}

function timeOf(value: unknown): number {
  // Not instanceof: a test runner gives a program its own Date.
  const time = Object.prototype.toString.call(value) === '[object Date]' ? Number(value) : value;
  check(typeof time === 'number' && Number.isSafeInteger(time) && time >= 0 && time <= MAX_INSTANT);
  return time;
}

/** All pinned roots are of one vendor: who pins a root vouches for it. */
function pinnedVendor(roots: readonly unknown[]): TrustedVendor {
  const pinned = roots.map(readRoot);
  const [first] = pinned;
  check(first !== undefined);
  const distinct = new Map(pinned.map(({ publicKey }) => [publicKey, anchorOf(publicKey)]));
  return {
    name: 'the pinned vendor',
    roots: [...distinct.values()],
    retiredRoots: [],
    trustVersion: Math.max(...pinned.map(({ trustVersion }) => trustVersion)),
    lastUpdate: null,
    revocations: null,
  };
}

function anchorOf(publicKey: string): TrustedVendor['roots'][number] {
  const bytes = new Uint8Array(Buffer.from(publicKey, 'base64url'));
  check(!isSmallOrder(bytes));
  return { name: 'the pinned vendor', keyId: keyIdOf(publicKey), publicKey: bytes };
}

function readRoot(root: unknown): { readonly publicKey: string; readonly trustVersion: number } {
  if (typeof root === 'string' && !root.startsWith('{')) {
    return { publicKey: base64url32.parse(root), trustVersion: 1 };
  }
  const { publicKey, trustVersion = 1 } = TrustAnchorFile.parse(strictJsonOf(root));
  return { publicKey, trustVersion };
}
