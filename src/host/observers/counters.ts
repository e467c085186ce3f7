import type { HostMoment, HostObserver } from '../observer.ts';

/** How often each kind of moment came since the host started. */
export interface HostCounts {
  approved: number;
  refused: number;
  /** Answers that were repeated, to the same bytes. */
  repeated: number;
  faulted: number;
  /** Requests of floods that were ignored. */
  dropped: number;
  hellos: number;
  /** Parts of documents that were handed on. */
  parts: number;
  unsupportedLines: number;
  connectionsOpened: number;
  connectionsRefused: number;
  connectionsCut: number;
}

/** Counts moments in memory. */
export class Counters {
  readonly counts: HostCounts = {
    approved: 0,
    refused: 0,
    repeated: 0,
    faulted: 0,
    dropped: 0,
    hellos: 0,
    parts: 0,
    unsupportedLines: 0,
    connectionsOpened: 0,
    connectionsRefused: 0,
    connectionsCut: 0,
  };

  readonly observe: HostObserver = (moment) => {
    const name = counterOf(moment);
    if (name !== undefined) this.counts[name]++;
  };

  /** How many requests were answered, faults among them. */
  get requests(): number {
    const { approved, refused, repeated, faulted } = this.counts;
    return approved + refused + repeated + faulted;
  }

  /** The counts in one sentence, for the operator's log. */
  summary(): string {
    const { approved, refused, repeated, faulted, dropped, connectionsRefused, connectionsCut } = this.counts;
    const rare = [
      [repeated, 'answers repeated'],
      [dropped, 'requests of floods ignored'],
      [connectionsRefused, 'connections refused'],
      [connectionsCut, 'connections cut'],
    ] as const;
    const shown = rare.flatMap(([count, what]) => (count === 0 ? [] : [`, ${count} ${what}`]));
    return `Approved ${approved}, refused ${refused}, failed ${faulted}${shown.join('')}.`;
  }
}

function counterOf(moment: HostMoment): keyof HostCounts | undefined {
  switch (moment.kind) {
    case 'request-answered':
      if (moment.answer === null) return 'repeated';
      return moment.code === 'success' ? 'approved' : 'refused';
    case 'request-faulted':
    case 'frame-faulted':
      return 'faulted';
    case 'part-sent':
      return 'parts';
    case 'request-dropped':
      return 'dropped';
    case 'hello-answered':
      return 'hellos';
    case 'line-unsupported':
      return 'unsupportedLines';
    case 'connection-opened':
      return 'connectionsOpened';
    case 'connection-refused':
      return 'connectionsRefused';
    case 'connection-cut':
      return 'connectionsCut';
    default:
      return undefined;
  }
}
