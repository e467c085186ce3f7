import type { NoteKey } from '../../protocol/signed-note.ts';
import { counted } from '../../schema/counted.ts';
import { formatMinute } from '../../schema/format-time.ts';
import type { ChainPlace } from './chain-check.ts';
import { type CheckpointClaim, readCheckpoint } from './checkpoint.ts';
import { type ProblemList, recordsText } from './ledger-problem.ts';

/** Whose checkpoints count. */
export interface CheckpointHost {
  readonly hardwareId: string;
  /** Every key that the host has ever signed with; none: there is nothing to check signatures with. */
  readonly keys: readonly NoteKey[];
}

/** Holds a chain against the checkpoints that its host has signed. */
export class CheckpointCheck {
  readonly #claims: readonly CheckpointClaim[];
  readonly #problems: ProblemList;
  #next = 0;
  #checked = 0;
  #isBroken = false;
  #lastGood: CheckpointClaim | null = null;

  /** @param notes - From the ledger and from outside of it, in any order, with doubles. */
  constructor(notes: Iterable<string>, { hardwareId, keys }: CheckpointHost, problems: ProblemList) {
    this.#problems = problems;
    const claims = new Map<string, CheckpointClaim>();
    const bad = { changed: 0, malformed: 0, 'unknown-key': 0 };
    for (const note of keys.length === 0 ? [] : new Set(notes)) {
      const read = readCheckpoint(note, keys);
      if (read.kind !== 'signed') bad[read.kind] += 1;
      else if (read.claim.hardwareId === hardwareId)
        claims.set(`${read.claim.seq} ${read.claim.digest}`, read.claim);
    }
    this.#claims = [...claims.values()].sort((a, b) => a.seq - b.seq);
    this.#unsigned(bad.changed + bad.malformed, 'was changed after the host signed it');
    this.#unsigned(bad['unknown-key'], 'is signed by a key that is none of this host');
  }

  /** How many records were held against a checkpoint. */
  get checked(): number {
    return this.#checked;
  }

  /** The checkpoint of the latest record; null: there is none. */
  get newest(): CheckpointClaim | null {
    return this.#claims.at(-1) ?? null;
  }

  /** The next record, or the last one of a run that was folded. */
  take({ seq, digest }: ChainPlace): void {
    for (let claim = this.#claims[this.#next]; claim !== undefined && claim.seq <= seq; ) {
      // What lies inside of a run that was folded, or before the part that is here, cannot be compared.
      if (claim.seq === seq) this.#compare(claim, digest);
      this.#next += 1;
      claim = this.#claims[this.#next];
    }
  }

  /** The last record was taken. @param mayEndEarly - It is a part of a ledger, and need not go on to its end. */
  end(last: ChainPlace | null, lastTime: number | null, mayEndEarly: boolean): void {
    const seq = last?.seq ?? 0;
    const { newest } = this;
    if (newest === null || newest.seq <= seq || mayEndEarly) return;
    const missing = newest.seq - seq;
    const checkpoint = `the checkpoint of ${formatMinute(newest.time)} names record ${newest.seq}`;
    this.#problems.add({
      kind: 'end-missing',
      ...{ seq: seq + 1, to: newest.seq, time: lastTime },
      what: `the last ${missing === 1 ? 'record is' : `${missing} records are`} missing, or more: ${checkpoint}, and the ledger ends with record ${seq}`,
    });
  }

  #compare(claim: CheckpointClaim, digest: string): void {
    this.#checked += 1;
    if (claim.digest === digest) {
      this.#lastGood = claim;
      return;
    }
    // Every later one would say the same again.
    if (this.#isBroken) return;
    this.#isBroken = true;
    // Two checkpoints of one record may say different things of it, and one of them be right.
    const from = Math.min((this.#lastGood?.seq ?? 0) + 1, claim.seq);
    const what = `record ${claim.seq} is not the one that the checkpoint of ${formatMinute(claim.time)} names: ${recordsText(from, claim.seq)} ${from === claim.seq ? 'was' : 'were, in part or all,'} changed or replaced`;
    this.#problems.add({ kind: 'checkpoint', seq: from, to: claim.seq, time: claim.time, what });
  }

  #unsigned(count: number, what: string): void {
    if (count === 0) return;
    this.#problems.add({
      kind: 'checkpoint',
      ...{ seq: 0, to: 0, time: null },
      what: count === 1 ? `a checkpoint ${what}` : `${counted(count, 'checkpoint')}: each ${what}`,
    });
  }
}
