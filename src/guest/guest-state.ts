import * as z from 'zod/mini';
import { WINDOWS_APPLICATION_ID } from '../catalog/product.ts';
import { AvmaError } from '../errors/avma-error.ts';
import { SignedLease } from '../protocol/answer.ts';
import { Envelope, parseJson } from '../protocol/envelope.ts';
import { placeOf } from '../schema/issue-place.ts';
import { anyInteger, anyText, hresult, instant, oneOf, recordByUuid, uuid } from '../schema/shapes.ts';
import { sha256Hex } from '../system/sha256.ts';

const nullableText = z.nullable(anyText);
const optionalText = z.optional(nullableText);
const optionalInteger = z.optional(anyInteger);

/** A product that has, or had, a key on this machine. */
const InstalledProduct = z.strictObject({
  /** The whole key, until /cpky; null without one. */
  productKey: nullableText,
  /** Its last five characters; null when no key is installed. */
  partialProductKey: nullableText,
  extendedPid: anyText,
  installationId: anyText,
  iaid: z.nullable(uuid),
  /** Trusted time at which the initial grace began. It outlives the key, so that /upk and /ipk do not renew it. */
  graceStartedAt: instant,
  /** The host's signed answer; that it says anything is checked each time it is read. */
  activation: z.nullable(SignedLease),
  /** The state that was last told in an event, so that a change is told once. */
  reported: z.nullable(z.strictObject({ status: anyInteger, reason: hresult })),
});
export type InstalledProduct = z.infer<typeof InstalledProduct>;

const KmsSettings = z.strictObject({
  machineName: optionalText,
  machinePort: optionalInteger,
  lookupDomain: optionalText,
  hostCaching: z.optional(oneOf([true, false])),
  activationTypeEnabled: optionalInteger,
});

/** What the guest keeps between two commands. Nothing in it says "Licensed": that is derived from the proofs. */
export const GuestState = z.strictObject({
  products: recordByUuid(InstalledProduct),
  clock: z.strictObject({
    /** Trusted time minus the wall clock, as the last activation set it; milliseconds, either sign. */
    offset: anyInteger,
    /** The highest trusted time ever seen, and when in which boot that was. */
    highestSeen: instant,
    bootId: nullableText,
    sinceBoot: anyInteger,
  }),
  /** Certificate of the host that answered last: with it, the next activation takes one round trip. */
  host: z.nullable(Envelope),
  rearm: z.strictObject({
    windows: anyInteger,
    applications: recordByUuid(anyInteger),
    products: recordByUuid(anyInteger),
  }),
  kmsClient: z.strictObject({ machine: KmsSettings, products: recordByUuid(KmsSettings) }),
});
export type GuestState = z.infer<typeof GuestState>;

/** How often a licence state may be reset; the number that Windows 10 and later show. */
const REARM_COUNT = 1001;

/** Which of the three counters a rearm takes from. */
export type RearmScope =
  | { readonly kind: 'windows' }
  | { readonly kind: 'application' | 'product'; readonly id: string };

/** How many rearms are left of a counter. */
export function rearmCount(state: GuestState, scope: RearmScope): number {
  if (scope.kind === 'windows') return state.rearm.windows;
  if (scope.kind === 'product') return state.rearm.products[scope.id] ?? REARM_COUNT;
  return scope.id === WINDOWS_APPLICATION_ID
    ? state.rearm.windows
    : (state.rearm.applications[scope.id] ?? REARM_COUNT);
}

export function emptyState(): GuestState {
  return {
    products: {},
    clock: { offset: 0, highestSeen: 0, bootId: null, sinceBoot: 0 },
    host: null,
    rearm: { windows: REARM_COUNT, applications: {}, products: {} },
    kmsClient: { machine: {}, products: {} },
  };
}

/**
 * The file: a line with the format's version and the SHA-256 of all that follows, then JSON. The digest finds what
 * was torn or edited; it is no secret and proves nothing, the host's signatures inside do.
 */
const HEADER = /^avma-state\/(\d{1,4}) sha256:([0-9a-f]{64})\n/;
const STATE_VERSION = 1;

/** @throws {AvmaError} `argument-invalid` for a state that could not be read again, with the place. */
export function encodeState(state: GuestState): string {
  const readable = GuestState.safeParse(state);
  if (!readable.success) {
    const place = placeOf(readable.error);
    throw new AvmaError('argument-invalid', `that cannot be kept: the state would be unreadable at ${place}`);
  }
  const body = `${JSON.stringify(state, null, 1)}\n`;
  return `avma-state/${STATE_VERSION} sha256:${sha256Hex(body)}\n${body}`;
}

/** @throws {AvmaError} `state-damaged` or `state-newer`, with the file's name. */
export function decodeState(bytes: Uint8Array, file: string): GuestState {
  const damaged = (what: string) => new AvmaError('state-damaged', `the state file ${file} ${what}`);
  if (bytes.length === 0) throw damaged('is empty');
  const head = Buffer.from(bytes.subarray(0, 96)).toString('latin1');
  const match = HEADER.exec(head);
  if (match === null) throw damaged('does not begin like one');
  if (Number(match[1]) < STATE_VERSION) throw damaged('is of a format that there never was');
  if (Number(match[1]) > STATE_VERSION) {
    throw new AvmaError(
      'state-newer',
      `the state file ${file} is of format ${match[1]}, and this version of avma reads ${STATE_VERSION}`,
    );
  }
  const body = bytes.subarray(match[0].length);
  if (sha256Hex(body) !== match[2]) throw damaged('was cut or changed: its digest does not match');
  const state = GuestState.safeParse(parseJson(body));
  if (!state.success) throw damaged('does not hold what it should');
  return state.data;
}
