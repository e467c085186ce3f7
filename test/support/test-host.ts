import { type Catalog, loadCatalog } from '../../src/catalog/catalog.ts';
import type { HostEvent } from '../../src/events/host-event.ts';
import type { ResponderEnvironment } from '../../src/host/answering/asked.ts';
import { HostThrottle } from '../../src/host/answering/host-throttle.ts';
import { createResponder, type Responder } from '../../src/host/answering/responder.ts';
import type { ThrottleLimit } from '../../src/host/answering/throttle.ts';
import type { Turns } from '../../src/host/answering/turns.ts';
import type { GuestChannel } from '../../src/host/channel.ts';
import type { HostIdentity } from '../../src/host/host-store.ts';
import type { FoldResult } from '../../src/host/ledger/fold.ts';
import type {
  Appended,
  Checkpoint,
  Ledger,
  LedgerEntry,
  LedgerHead,
  LedgerHealth,
  LedgerMark,
  LedgerRecord,
  RecentAnswer,
} from '../../src/host/ledger/ledger.ts';
import { composeLine, NO_LINE } from '../../src/host/ledger/ledger-line.ts';
import { type HostMoment, type HostObserver, observeAll } from '../../src/host/observer.ts';
import { Counters } from '../../src/host/observers/counters.ts';
import { eventLog } from '../../src/host/observers/event-log.ts';
import { operatorLog } from '../../src/host/observers/operator-log.ts';
import type { ClonePolicy } from '../../src/host/presence/clones.ts';
import { openPresence } from '../../src/host/presence/open-presence.ts';
import { LoopbackPipe } from '../../src/pipe/loopback.ts';
import type { Pipe } from '../../src/pipe/pipe.ts';
import { MAX_LEASE_MS } from '../../src/protocol/answer.ts';
import { generateKeyPair } from '../../src/protocol/curve-keys.ts';
import type { Envelope } from '../../src/protocol/envelope.ts';
import { encodeFrame, type Frame } from '../../src/protocol/frame.ts';
import { type HostCertificate, signHostCertificate } from '../../src/protocol/host-certificate.ts';
import { LineReader } from '../../src/protocol/line-reader.ts';
import { DAY, TestClock } from './clock.ts';
import { type GivenDocument, holdingOf } from './host-documents.ts';
import { MemoryEvents } from './memory-events.ts';
import { createTestVendor, type TestVendor } from './test-vendor.ts';

/** What a host's certificate says of Windows, unless a test wants another. */
export const WINDOWS_HOST = {
  edition: 'ServerDatacenter',
  osVersion: '10.0.26100',
  licensing: 'MAK',
} as const;

export const MICROSOFT_CATALOG = loadCatalog(['keys']);

/** A socket that any guest may use. */
export const SHARED_CHANNEL: GuestChannel = { name: 'unix:/run/shared.sock', vmId: null };

export interface TestHostOptions {
  readonly vendor?: TestVendor;
  readonly name?: string;
  /** A host that there was before, in the place of a new one. */
  readonly identity?: HostIdentity;
  /** What the certificate says beside, or instead of, a valid Datacenter host of Windows Server 2025. */
  readonly certificate?: Partial<HostCertificate>;
  /** Not certified yet. */
  readonly notActivated?: boolean;
  /** What it was given besides. */
  readonly documents?: readonly GivenDocument[];
  readonly catalog?: Catalog;
  readonly ledger?: Ledger;
  readonly throttle?: ThrottleLimit;
  readonly clones?: ClonePolicy;
  readonly lease?: number;
  readonly clock?: TestClock;
  /** Whose frame is next, and where curves are done. */
  readonly turns?: Turns;
}

/** A whole activation host in memory: real keys, a real responder, no socket and no disk. */
export interface TestHost {
  readonly vendor: TestVendor;
  readonly identity: HostIdentity;
  readonly certificate: HostCertificate;
  readonly envelope: Envelope;
  readonly events: MemoryEvents<HostEvent>;
  readonly clock: TestClock;
  readonly respond: Responder;
  readonly observe: HostObserver;
  /** What the operator was told. */
  readonly log: string[];
  readonly counters: Counters;
  /** What was observed. */
  /** Time goes by, and the host looks who has gone. */
  pass(milliseconds: number): void;
  /** What becomes of the pauses that the host makes; without it they take no time. */
  pauses(pause: (milliseconds: number) => Promise<void>): void;
  readonly moments: HostMoment[];
  /** The frame that answers a frame. */
  ask(frame: Frame, channel?: GuestChannel): Promise<Frame | null>;
  /** The types of the frames that came through {@link pipe}, in order. */
  readonly asked: string[];
  /** A pipe to this host, in this process. */
  pipe(channel?: GuestChannel): Pipe;
}

/** A ledger that keeps its records in memory. */
export class MemoryLedger implements Ledger {
  readonly kept: LedgerEntry[] = [];
  readonly marks: LedgerMark[] = [];
  readonly checkpoints: Checkpoint[] = [];
  readonly #answers = new Map<string, RecentAnswer>();
  #head: LedgerHead = { seq: 0, digest: NO_LINE, time: 0 };

  find(channel: string, exchangeId: string): Promise<RecentAnswer | undefined> | RecentAnswer | undefined {
    return this.#answers.get(`${channel} ${exchangeId}`);
  }

  async append(entry: LedgerEntry, body: Uint8Array): Promise<Appended> {
    this.kept.push(entry);
    const { channel, exchangeId, requestDigest, decision } = entry;
    if (decision === 'approved') this.#answers.set(`${channel} ${exchangeId}`, { requestDigest, body });
    return this.#add(entry);
  }

  async mark(mark: LedgerMark): Promise<Appended> {
    this.marks.push(mark);
    return this.#add(mark);
  }

  head(): LedgerHead {
    return this.#head;
  }

  async saveCheckpoint(checkpoint: Checkpoint): Promise<void> {
    this.checkpoints.push(checkpoint);
  }

  fold(): Promise<FoldResult> {
    throw new Error('a ledger in memory is not folded');
  }

  health(): LedgerHealth {
    return { ok: true, since: 0, lastError: null, waiting: 0 };
  }

  async close(): Promise<void> {}

  #add(record: LedgerRecord): Appended {
    const { digest } = composeLine(record, this.#head.digest);
    this.#head = { seq: this.#head.seq + 1, digest, time: record.time };
    return this.#head;
  }
}

export function createTestHost(options: TestHostOptions = {}): TestHost {
  const vendor = options.vendor ?? createTestVendor();
  const clock = options.clock ?? new TestClock();
  const identity: HostIdentity = options.identity ?? {
    name: options.name ?? 'hv01',
    hardwareId: '0123-4567-89AB-CDEF',
    signing: generateKeyPair('ed25519'),
    box: generateKeyPair('x25519'),
  };
  const certificate: HostCertificate = {
    hostName: identity.name,
    hardwareId: identity.hardwareId,
    signingKey: Buffer.from(identity.signing.publicKey).toString('base64url'),
    boxKey: Buffer.from(identity.box.publicKey).toString('base64url'),
    serial: '00112233445566ff',
    vendorKey: Buffer.from(vendor.root.publicKey).toString('base64url'),
    customer: null,
    site: null,
    windows: WINDOWS_HOST,
    notBefore: clock.wall - DAY,
    notAfter: clock.wall + 365 * DAY,
    graceUntil: clock.wall + 379 * DAY,
    ...options.certificate,
  };
  const envelope = signHostCertificate(certificate, vendor.root);
  const { hostName, hardwareId } = certificate;
  const { holdings } = holdingOf({ ...identity, name: hostName, hardwareId }, [
    ...(options.notActivated === true ? [] : [['certificate', envelope] as const]),
    ...(options.documents ?? []),
  ]);
  const events = new MemoryEvents<HostEvent>();
  const log: string[] = [];
  const counters = new Counters();
  const moments: HostMoment[] = [];
  const presence = openPresence({
    now: () => clock.wall,
    elapsed: () => clock.sinceBoot,
    observe: (moment) => observe(moment),
    clonePolicy: options.clones ?? 'warn',
  });
  const observe: HostObserver = observeAll(
    [
      (moment) => moments.push(moment),
      eventLog(events),
      counters.observe,
      operatorLog(
        (line) => log.push(line),
        () => clock.sinceBoot,
      ),
      presence.take,
    ],
    (thrown) => {
      throw thrown;
    },
  );
  let pausing = async (_milliseconds: number): Promise<void> => {};
  const environment: ResponderEnvironment = {
    ledger: options.ledger ?? new MemoryLedger(),
    seats: presence.seats,
    clones: presence,
    throttle: new HostThrottle(options.throttle && { channel: options.throttle }),
    observe,
    leaseMs: options.lease ?? MAX_LEASE_MS,
    catalog: () => options.catalog ?? MICROSOFT_CATALOG,
    holdings: () => holdings,
    now: () => clock.wall,
    elapsed: () => clock.sinceBoot,
    pause: (milliseconds) => pausing(milliseconds),
  };
  const respond = createResponder(environment, options.turns);
  const ask: TestHost['ask'] = (frame, channel = SHARED_CHANNEL) =>
    respond({ kind: 'frame', frame }, channel);
  const asked: string[] = [];
  return {
    vendor,
    identity,
    certificate,
    envelope,
    events,
    clock,
    respond,
    observe,
    pauses(pause) {
      pausing = pause;
    },
    pass(milliseconds) {
      clock.advance(milliseconds);
      presence.sweep();
    },
    log,
    counters,
    moments,
    ask,
    asked,
    pipe: (channel = SHARED_CHANNEL) =>
      new LoopbackPipe(async (bytes) => {
        const [parsed] = new LineReader().push(bytes);
        if (parsed?.kind !== 'frame') return new Uint8Array();
        asked.push(parsed.frame.type);
        const answer = await ask(parsed.frame, channel);
        return answer === null ? new Uint8Array() : encodeFrame(answer);
      }),
  };
}
