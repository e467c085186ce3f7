import { toAvmaError } from '../../errors/avma-error.ts';
import type { KeyPair } from '../../protocol/curve-keys.ts';
import { formatCount } from '../../schema/counted.ts';
import { HOUR_MS } from '../../schema/durations.ts';
import { debug } from '../../system/debug.ts';
import type { Notify } from '../../system/notify.ts';
import { checkpointKey, checkpointLine, readCheckpoint, signCheckpoint } from './checkpoint.ts';
import { storedNotes, storeNote } from './checkpoint-file.ts';
import type { HostClocks } from './marks.ts';

/** A checkpoint at least so often while there are new records, in milliseconds; and after so many records. */
const MAX_AGE_MS = 10_000;
const MAX_RECORDS = 1000;

/** How often it is looked whether one is due, in milliseconds: under load there is one each time. */
const LOOK_MS = 1000;

/** How often a ledger that fails is tried, in milliseconds. */
const TRY_EVERY_MS = 10_000;

/** How often the operator's log has one, in milliseconds, besides those at the start and at the stop. */
const LOG_EVERY_MS = HOUR_MS;

/** What is kept for later: where the ledger stood, and the note that says so. */
export interface KeptCheckpoint {
  readonly seq: number;
  /** Milliseconds since 1970 UTC. */
  readonly time: number;
  readonly note: string;
}

/** What checkpoints are made of, and where they go. */
export interface CheckpointOptions {
  readonly ledger: {
    head(): { readonly seq: number; readonly digest: string };
    saveCheckpoint(checkpoint: KeptCheckpoint): Promise<void>;
    health(): { readonly ok: boolean };
  };
  /** The host's folder, where they are kept outside of the ledger. */
  readonly folder: string;
  readonly hardwareId: string;
  /** The key that signs now, and every key that the host has signed with. */
  readonly signing: () => KeyPair;
  readonly keys: () => readonly KeyPair[];
  readonly clocks: HostClocks;
  readonly notify: Notify;
}

/** Checkpoints as they are made, until the host stops. */
export interface CheckpointKeeper {
  /** Makes one now if there are new records. */
  look(): Promise<void>;
  /** Makes the last one, and ends this. The ledger is still open. */
  stop(): Promise<void>;
}

/**
 * Signs now and then where the ledger stands, and keeps the note in the ledger, outside of it, and in the log: who
 * takes away the last records cannot take away all three. At the start it says whether records are missing already.
 * While the ledger fails, its last checkpoint is given to it again and again, so that it recovers where no guest asks.
 */
export function keepCheckpoints(options: CheckpointOptions): CheckpointKeeper {
  const keeper = new Keeper(options);
  const timer = setInterval(() => void keeper.lookIfDue(), LOOK_MS);
  timer.unref();
  void keeper.look();
  return {
    look: () => keeper.look(),
    stop: () => {
      clearInterval(timer);
      return keeper.stop();
    },
  };
}

class Keeper {
  readonly #options: CheckpointOptions;
  #last: KeptCheckpoint | null = null;
  #lastAt = Number.NEGATIVE_INFINITY;
  #loggedAt = Number.NEGATIVE_INFINITY;
  #hasFailed = false;
  /** When the ledger was last seen to be well, or was tried. */
  #triedAt: number;
  /** Whether the ledger was compared with the last checkpoint, which has to wait until the database is reached. */
  #isCompared = false;
  /** One is made after the other. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: CheckpointOptions) {
    this.#options = options;
    this.#triedAt = options.clocks.elapsed();
    this.#compareOnce();
  }

  /** Says that the ledger ends before the last checkpoint, or has another record there. */
  #compareOnce(): void {
    if (this.#isCompared || this.#options.ledger.head().seq === 0) return;
    this.#isCompared = true;
    const { folder, hardwareId, keys, ledger, notify } = this.#options;
    const known = keys().map(({ publicKey }) => checkpointKey(hardwareId, publicKey));
    try {
      const read = readCheckpoint(storedNotes(folder).at(-1) ?? '', known);
      const head = ledger.head();
      if (read.kind !== 'signed' || read.claim.hardwareId !== hardwareId || read.claim.seq < head.seq) return;
      const { seq, digest } = read.claim;
      if (seq === head.seq && digest === head.digest) return;
      const named = `this host signed a checkpoint of record ${formatCount(seq)}`;
      notify(
        seq > head.seq
          ? `The last ${formatCount(seq - head.seq)} records of the ledger are missing, or more: it ends with record ${formatCount(head.seq)}, and ${named}. The host serves all the same. avma host ledger verify says more.`
          : `The last record of the ledger is not the one that was there: ${named}. The host serves all the same. avma host ledger verify says more.`,
      );
    } catch (thrown) {
      notify(
        `The ledger is not compared with its last checkpoint: ${toAvmaError(thrown, 'it failed').message}.`,
      );
    }
  }

  lookIfDue(): Promise<void> {
    const { ledger, clocks } = this.#options;
    const isOld = clocks.elapsed() - this.#lastAt >= MAX_AGE_MS;
    const isFar = ledger.head().seq - (this.#last?.seq ?? 0) >= MAX_RECORDS;
    if (isOld || isFar) void this.look();
    this.#tryIfFailing();
    return this.#work;
  }

  look(): Promise<void> {
    this.#work = this.#work.then(() => this.#make(false));
    return this.#work;
  }

  stop(): Promise<void> {
    this.#work = this.#work.then(() => this.#make(true));
    return this.#work;
  }

  /** Has a ledger that fails keep the last checkpoint once more: where that succeeds, it knows that it is well. */
  #tryIfFailing(): void {
    const { ledger, clocks } = this.#options;
    const elapsed = clocks.elapsed();
    const isWell = ledger.health().ok;
    const isDue = elapsed - this.#triedAt >= TRY_EVERY_MS;
    if (isWell || isDue) this.#triedAt = elapsed;
    if (isWell || !isDue) return;
    this.#work = this.#work.then(async () => {
      // A new checkpoint just before may have done it.
      if (this.#last === null || ledger.health().ok) return;
      try {
        await ledger.saveCheckpoint(this.#last);
        this.#hasFailed = false;
      } catch (thrown) {
        debug('ledger', () => `it still fails: ${toAvmaError(thrown, 'it failed').message}`);
      }
    });
  }

  async #make(isLast: boolean): Promise<void> {
    const { ledger, folder, signing, hardwareId, clocks, notify } = this.#options;
    const head = ledger.head();
    const elapsed = clocks.elapsed();
    this.#compareOnce();
    const isNew = head.seq > (this.#last?.seq ?? 0);
    if (isNew) {
      const time = clocks.wall();
      this.#lastAt = elapsed;
      this.#last = {
        seq: head.seq,
        time,
        note: signCheckpoint({ hardwareId, signing: signing() }, head, time),
      };
      try {
        storeNote(folder, this.#last.note);
        await ledger.saveCheckpoint(this.#last);
        this.#hasFailed = false;
      } catch (thrown) {
        const { message } = toAvmaError(thrown, 'it failed');
        if (!this.#hasFailed) notify(`A checkpoint of the ledger is not kept: ${message}.`);
        this.#hasFailed = true;
      }
    }
    if (this.#last === null || !(isNew || isLast)) return;
    if (!isLast && elapsed - this.#loggedAt < LOG_EVERY_MS) return;
    this.#loggedAt = elapsed;
    notify(`Ledger: ${checkpointLine(this.#last.note)}`, { level: 'info', keptOnly: true });
  }
}
