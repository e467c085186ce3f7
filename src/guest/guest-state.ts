import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { WINDOWS_APPLICATION_ID } from '../policy/windows.ts';
import { Envelope, parseJson } from '../protocol/envelope.ts';
import { LicenseEvidence } from '../protocol/evidence.ts';
import { placeOf } from '../schema/issue-place.ts';
import {
  anyInteger,
  anyText,
  hresult,
  instant,
  integer,
  MAX_INSTANT,
  oneOf,
  recordByUuid,
  sha256Hex,
  uuid,
} from '../schema/shapes.ts';
import { sha256Hex as digestOf } from '../system/sha256.ts';

const nullableText = z.nullable(anyText);
const optionalText = z.optional(nullableText);
const optionalInteger = z.optional(anyInteger);

/** How the last activation of a product went. For people: no license depends on it. */
const LastAttempt = z.strictObject({
  /** The guest's wall clock, right or wrong. */
  at: instant,
  trigger: anyText,
  /** URI of the pipe; null when none could be opened. */
  pipe: nullableText,
  /** A code of errors/codes.ts, perhaps of another version of avma, or `success`. */
  code: anyText,
  hresult,
  message: anyText,
  /** The host that was asked; null when none said who it is. */
  hostName: nullableText,
});
export type LastAttempt = z.infer<typeof LastAttempt>;

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
  /** The lease and what it stands on. It is verified each time it is read; being stored proves nothing. */
  activation: z.nullable(LicenseEvidence),
  /** The license state that was last written to the event log, so that each change is an event once. */
  reported: z.nullable(z.strictObject({ status: integer(0, 6), reason: hresult })),
  /** Absent before the first attempt, and in files of versions that did not keep it. */
  lastAttempt: z.optional(LastAttempt),
});
export type InstalledProduct = z.infer<typeof InstalledProduct>;

const KmsSettings = z.strictObject({
  machineName: optionalText,
  machinePort: optionalInteger,
  lookupDomain: optionalText,
  hostCaching: z.optional(oneOf([true, false])),
  activationTypeEnabled: optionalInteger,
});

/** A value that a setup gave and that was applied, so that applying it again changes nothing. */
const SetupRecord = z.strictObject({
  /** `key`, `pipe`, `vmId`, `vmIdSource`, `agent`, or `trust:KEY-ID`. */
  what: anyText,
  /** The place that gave it, as `systemd credential avma.key`. */
  origin: anyText,
  at: instant,
  /** Of the value: the key itself is not kept a second time. */
  digest: sha256Hex,
});
export type SetupRecord = z.infer<typeof SetupRecord>;

/** How often a license state may be reset; the number that Windows 10 and later show. */
const MAX_REARM_COUNT = 1001;

const rearmsLeft = integer(0, MAX_REARM_COUNT);

/** What the guest keeps between two commands. Nothing in it says "Licensed": that is derived from the evidence. */
export const GuestState = z.strictObject({
  products: recordByUuid(InstalledProduct),
  clock: z.strictObject({
    /** Trusted time minus the wall clock, as the last activation set it; milliseconds, either sign. */
    offset: integer(-MAX_INSTANT, MAX_INSTANT),
    /** The highest trusted time ever seen, and the boot in which that was; null where the system does not say. */
    highestSeen: instant,
    bootId: nullableText,
    /** Milliseconds since that boot. */
    sinceBoot: instant,
  }),
  /** Certificate of the host that answered last. With it the next activation needs no `hello`. */
  host: z.nullable(Envelope),
  rearm: z.strictObject({
    windows: rearmsLeft,
    applications: recordByUuid(rearmsLeft),
    products: recordByUuid(rearmsLeft),
  }),
  kmsClient: z.strictObject({ machine: KmsSettings, products: recordByUuid(KmsSettings) }),
  /** What was applied of given setups, at most one of each `what`. Absent where no setup was given. */
  setup: z.optional(z.array(SetupRecord)),
});
export type GuestState = z.infer<typeof GuestState>;

/** Which of the three counters a rearm takes from. */
export type RearmScope =
  | { readonly kind: 'windows' }
  | { readonly kind: 'application' | 'product'; readonly id: string };

/** How many rearms are left of a counter. */
export function rearmCount(state: GuestState, scope: RearmScope): number {
  if (scope.kind === 'windows') return state.rearm.windows;
  if (scope.kind === 'product') return state.rearm.products[scope.id] ?? MAX_REARM_COUNT;
  return scope.id === WINDOWS_APPLICATION_ID
    ? state.rearm.windows
    : (state.rearm.applications[scope.id] ?? MAX_REARM_COUNT);
}

/** The state of a guest on which nothing was ever installed. */
export function emptyState(): GuestState {
  return {
    products: {},
    clock: { offset: 0, highestSeen: 0, bootId: null, sinceBoot: 0 },
    host: null,
    rearm: { windows: MAX_REARM_COUNT, applications: {}, products: {} },
    kmsClient: { machine: {}, products: {} },
  };
}

/**
 * The file's first line: the version of the format, and the SHA-256 of that and of all that follows, which is JSON. The
 * digest finds a file that was torn or edited. It is no secret and proves nothing; the host's signatures inside do.
 */
const HEADER = /^avma-state\/(\d{1,4}) sha256:([0-9a-f]{64})\n/;
/**
 * The version that is written. Version 1, of avma 0.1, had no last attempts and no setup; it is read as this one. A
 * version is raised when an older avma would take the file for damaged, so that it says what is true instead. From
 * version 2 on the digest covers the version too: a damaged number does not make one of an older version. From version
 * 3 on a lease is kept with the license that it stands on.
 */
const STATE_VERSION = 3;
const OLDEST_STATE_VERSION = 1;

/**
 * The bytes of the file.
 *
 * @throws {AvmaError} `argument-invalid` for a state that could not be read again, with the place.
 */
export function encodeState(state: GuestState): string {
  const readable = GuestState.safeParse(state);
  if (!readable.success) {
    const place = placeOf(readable.error);
    throw new AvmaError(
      'argument-invalid',
      `the change cannot be stored: the state would be unreadable at ${place}`,
    );
  }
  const body = `${JSON.stringify(state, null, 1)}\n`;
  return `avma-state/${STATE_VERSION} sha256:${digest(STATE_VERSION, Buffer.from(body))}\n${body}`;
}

/** The digest in the first line. */
function digest(version: number, body: Uint8Array): string {
  return version === 1
    ? digestOf(body)
    : digestOf(Buffer.concat([Buffer.from(`avma-state/${version}\n`), body]));
}

/**
 * The state that a file holds.
 *
 * @throws {AvmaError} `state-damaged` or `state-newer`, with the file's name.
 */
export function decodeState(bytes: Uint8Array, file: string): GuestState {
  const damaged = (what: string) => new AvmaError('state-damaged', `the state file ${file} ${what}`);
  if (bytes.length === 0) throw damaged('is empty');
  const head = Buffer.from(bytes.subarray(0, 96)).toString('latin1');
  const match = HEADER.exec(head);
  if (match === null) throw damaged('does not begin like a state file');
  const version = Number(match[1]);
  if (version < OLDEST_STATE_VERSION) throw damaged('has a format that never existed');
  if (version > STATE_VERSION) {
    throw new AvmaError(
      'state-newer',
      `the state file ${file} has format ${version}, and this version of avma reads format ${STATE_VERSION} and older ones`,
    );
  }
  const body = bytes.subarray(match[0].length);
  if (digest(version, body) !== match[2]) throw damaged('was cut or changed: its digest does not match');
  const json = parseJson(body);
  const state = GuestState.safeParse(version < 3 ? withLicenses(json) : json);
  if (!state.success) throw damaged(`is wrong at ${placeOf(state.error)}`);
  return state.data;
}

/** A state of before version 3: its leases stand on no license. What is no such state is for the schema to refuse. */
function withLicenses(state: unknown): unknown {
  const { products } = (state ?? {}) as { products?: Record<string, { activation?: object | null }> };
  if (typeof products !== 'object' || products === null) return state;
  for (const product of Object.values(products)) {
    const activation = product?.activation;
    if (typeof activation === 'object' && activation !== null) Object.assign(activation, { license: null });
  }
  return state;
}
