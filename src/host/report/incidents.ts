import { type Incident, MAX_INCIDENTS } from '../../protocol/usage-report.ts';
import { counted } from '../../schema/counted.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../schema/durations.ts';
import type { FoldCount } from '../ledger/fold.ts';
import { isMark, type LedgerMark, type LedgerRecord } from '../ledger/ledger.ts';
import type { LedgerFinding } from '../ledger/read-ledger.ts';

/** A stop of this length or more is a gap, a shorter one a restart; in milliseconds. */
const MIN_GAP_MS = 10 * MINUTE_MS;

/** How far times may run backwards by themselves, in milliseconds: answers are written in the order of their flush. */
const MAX_DISORDER_MS = 10_000;

/** The most channels whose answers are counted apart. */
const MAX_CHANNELS = 100;

interface ChannelUse {
  readonly from: number;
  to: number;
  answers: number;
}

/** The incidents of a report, as far as they fit into it. */
export interface FoundIncidents {
  readonly incidents: readonly Incident[];
  readonly omitted: number;
}

/** Finds in a ledger what makes a record less than complete. Takes the findings in the order of the ledger. */
export class IncidentWatch {
  readonly #incidents: Incident[] = [];
  readonly #channels = new Map<string, ChannelUse>();
  #omitted = 0;
  #last: LedgerRecord | null = null;
  /** Where a break was found whose end is the next whole line. */
  #broken: string | null = null;

  /**
   * @param counts - Whether the finding is of the period; what is not only says what came before.
   * @param isReported - Whether the report has the answer. One that it leaves out only says that the host ran.
   */
  take(finding: LedgerFinding, counts: boolean, isReported = true): void {
    if (finding.kind === 'changed') {
      if (counts) this.#broken ??= `${finding.place} was changed, or is no line of a ledger`;
      return;
    }
    if (finding.kind === 'unfinished' || finding.kind === 'folded') return;
    const { record, chained } = finding;
    if (counts) {
      if (!chained && this.#broken === null && this.#last !== null) this.#broken = 'lines are missing here';
      this.#take(record, this.#last, isReported);
    }
    this.#last = record;
  }

  /** Approvals of the period were folded. They are counted, and their guests and leases are not known. */
  folded(approvals: readonly FoldCount[]): void {
    const days = approvals.map(({ day }) => Date.parse(day));
    const count = approvals.reduce((sum, one) => sum + one.count, 0);
    this.#add({
      kind: 'ledger-break',
      from: Math.min(...days),
      to: Math.max(...days) + DAY_MS,
      detail: `${counted(count, 'old approval')} of these days ${count === 1 ? 'was' : 'were'} folded into counts: the guests and leases of them are not listed`,
    });
  }

  /** The ledger begins behind lines that are not there. @param at - The time of the first line. */
  beginsCut(at: number): void {
    this.#add({
      kind: 'ledger-break',
      from: at,
      to: at,
      detail: 'the lines before this one are not in the ledger',
    });
  }

  /** The period ends. @param to - Milliseconds since 1970 UTC, as all times here. */
  end(to: number): FoundIncidents {
    const at = this.#last?.time ?? to;
    if (this.#broken !== null) this.#add({ kind: 'ledger-break', from: at, to: at, detail: this.#broken });
    if (this.#last !== null && isMark(this.#last) && this.#last.mark === 'stopped' && to - at >= MIN_GAP_MS) {
      this.#add({ kind: 'gap', from: at, to, detail: `the host was stopped for ${lengthOf(to - at)}` });
    }
    for (const { from, to, answers } of this.#channels.values()) {
      const what = counted(answers, 'answer');
      const detail = `${what} over a channel that belongs to no VM: the VM IDs are the guests' own word`;
      this.#add({ kind: 'channel-without-vm', from, to, detail });
    }
    const incidents = this.#incidents.toSorted((a, b) => a.from - b.from);
    return { incidents, omitted: this.#omitted };
  }

  #take(record: LedgerRecord, before: LedgerRecord | null, isReported: boolean): void {
    const { time } = record;
    if (this.#broken !== null) {
      this.#add({ kind: 'ledger-break', ...between(before?.time ?? time, time), detail: this.#broken });
      this.#broken = null;
    }
    if (isMark(record)) this.#takeMark(record, before);
    else if (isReported && record.vmIdFrom === 'label') this.#countChannel(record.channel, time);
    const isStep = isMark(record) && record.mark === 'clock-stepped';
    if (before !== null && !isStep && time < before.time - MAX_DISORDER_MS) {
      const detail = `times run backwards by ${lengthOf(before.time - time)}, and no mark says that the clock was set`;
      this.#add({ kind: 'clock-step', ...between(time, before.time), detail });
    }
  }

  #takeMark(record: LedgerMark, before: LedgerRecord | null): void {
    const { mark, time } = record;
    const expected = record.mark === 'clock-stepped' ? record.expected : undefined;
    if (expected !== undefined) {
      const detail =
        time < expected
          ? `the clock was set back by ${lengthOf(expected - time)}`
          : `the clock was set forward by ${lengthOf(time - expected)}, or the machine slept`;
      this.#add({ kind: 'clock-step', ...between(expected, time), detail });
    }
    if (mark !== 'started' || before === null) return;
    const pause = Math.max(0, time - before.time);
    const orderly = isMark(before) && before.mark === 'stopped';
    this.#add({
      kind: pause >= MIN_GAP_MS ? 'gap' : 'restart',
      ...between(before.time, time),
      detail: orderly
        ? `the host was stopped for ${lengthOf(pause)}`
        : `the host ended without a stop within these ${lengthOf(pause)}: it was killed, or the machine went down`,
    });
  }

  #countChannel(name: string, time: number): void {
    const key = this.#channels.size < MAX_CHANNELS || this.#channels.has(name) ? name : 'others';
    const use = this.#channels.get(key) ?? { from: time, to: time, answers: 0 };
    use.answers += 1;
    use.to = Math.max(use.to, time);
    this.#channels.set(key, use);
  }

  #add(incident: Incident): void {
    if (this.#incidents.length < MAX_INCIDENTS) this.#incidents.push(incident);
    else this.#omitted += 1;
  }
}

function between(a: number, b: number): { from: number; to: number } {
  return { from: Math.min(a, b), to: Math.max(a, b) };
}

/** `3 days`, `2 hours`, `5 minutes`, `4 seconds`. */
function lengthOf(milliseconds: number): string {
  const [unit, name] = (
    [
      [DAY_MS, 'day'],
      [HOUR_MS, 'hour'],
      [MINUTE_MS, 'minute'],
    ] as const
  ).find(([length]) => milliseconds >= 2 * length) ?? [1000, 'second'];
  const count = Math.round(milliseconds / unit);
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}
