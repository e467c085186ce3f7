import { Command } from 'commander';
import { AvmaError } from '../../../errors/avma-error.ts';
import { streamHost } from '../../../host/control/call-host.ts';
import { openHost } from '../../../host/host-store.ts';
import { readLine } from '../../../host/ledger/ledger-line.ts';
import type { LedgerReader } from '../../../host/ledger/ledger-reader.ts';
import { eventOfRecord } from '../../../host/shown-events/of-record.ts';
import type { ShownEvent } from '../../../host/shown-events/shown-event.ts';
import { EventsItem } from '../../../host/status/status-handlers.ts';
import { printableJsonLine } from '../../../schema/printable.ts';
import { pause } from '../../../system/pause.ts';
import { outputIsLost } from '../../terminal.ts';
import type { Context } from '../context.ts';
import { say, writeData } from '../output.ts';
import { parseSince } from '../since.ts';
import { untilInterrupted } from '../until-interrupted.ts';
import { formatHostEvent } from './events-text.ts';
import { type LedgerFlag, ledgerOption, openLedgerOf } from './ledger-option.ts';

interface EventsOptions extends LedgerFlag {
  readonly follow?: boolean;
  readonly since?: string;
  readonly json?: boolean;
}

/** How many events are shown where nobody says since when; and before those that --follow waits for. */
const RECENT = 100;
const RECENT_BEFORE_FOLLOWING = 10;

/** How often a host that does not run is looked for, in milliseconds. */
const RETRY_MS = 1000;

/** How many numbers of events are remembered, so that none is shown twice. */
const MAX_SHOWN = 10_000;

/** `avma host events`. */
export function hostEventsCommand(context: Context): Command {
  return new Command('events')
    .description('Show what the host decided, and what happened to it')
    .option(
      '-f, --follow',
      `show the last ${RECENT_BEFORE_FOLLOWING} events, and new ones as they happen, until ^C`,
    )
    .option('--since <time>', 'show what happened since: 2026-11-24, 11:08, yesterday, 2h, 30m (UTC)')
    .addOption(ledgerOption())
    .option('--json', 'print the events as JSON; with --follow one object a line')
    .addHelpText(
      'after',
      `
All times are UTC. Decisions and marks are read from the ledger; without --since the last ${RECENT}.
A running host adds what no ledger has: requests that it could not read, clones that were found,
VMs that came and went, trouble with the ledger. --follow waits for a host that is restarted.

Examples:
  avma host events --since yesterday
  avma host events --follow
  avma host events --since 2h --json | jq '.events[] | select(.code != "success")'`,
    )
    .action((options: EventsOptions) => showEvents(context, options));
}

async function showEvents(context: Context, options: EventsOptions): Promise<void> {
  const { follow, since, json } = options;
  const from = since === undefined ? undefined : parseSince(since, Date.now());
  const source = new EventSource(context, options);
  if (follow === true) {
    const show = json === true ? showJsonLine : (event: ShownEvent) => showLine(context, event);
    await untilInterrupted((signal) => followEvents(source, show, from, signal));
    return;
  }
  const events = merged(source.recorded(from, RECENT), await source.unrecorded(from));
  if (json === true) await printJson(events);
  else await printText(context, events, since);
}

async function printText(
  context: Context,
  events: AsyncIterable<ShownEvent>,
  since: string | undefined,
): Promise<void> {
  let shown = 0;
  for await (const event of events) {
    if (outputIsLost()) return;
    showLine(context, event);
    shown++;
  }
  if (shown === 0) say(`There are no events${since === undefined ? '' : ` since ${since}`}.`);
}

/** As it is read: there may be more events than memory has room for. */
async function printJson(events: AsyncIterable<ShownEvent>): Promise<void> {
  writeData(`{\n  "schema": ${JSON.stringify('avma.host-events/1')},\n  "events": [`);
  let before: string | undefined;
  for await (const event of events) {
    if (outputIsLost()) return;
    if (before !== undefined) writeData(`    ${before},`);
    before = printableJsonLine(event);
  }
  writeData(`${before === undefined ? '' : `    ${before}\n`}  ]\n}`);
}

function showLine({ style }: Context, event: ShownEvent): void {
  writeData(formatHostEvent(event, style));
}

function showJsonLine(event: ShownEvent): void {
  writeData(printableJsonLine({ schema: 'avma.host-event/1', ...event }));
}

/** Where the events of a host come from: its ledger, and itself where it runs. */
class EventSource {
  readonly folder: string;
  readonly #open: () => Promise<LedgerReader>;

  /** @throws {AvmaError} `file-not-found` where there is no host; `access-denied`. */
  constructor(context: Context, flag: LedgerFlag) {
    this.folder = context.settings().hostFolder;
    const host = openHost(this.folder);
    this.#open = () => openLedgerOf(context, host, flag);
  }

  /** What the ledger has since a time, else its last events. */
  async *recorded(since: number | undefined, last: number): AsyncGenerator<ShownEvent> {
    const reader = await this.#open();
    try {
      yield* eventsFrom(reader, await firstOf(reader, since, last));
    } finally {
      await reader.close();
    }
  }

  /** What the ledger has from a number on. */
  async *recordedFrom(seq: number): AsyncGenerator<ShownEvent> {
    const reader = await this.#open();
    try {
      yield* eventsFrom(reader, seq);
    } finally {
      await reader.close();
    }
  }

  /** What a running host remembers and no ledger has, the oldest first. */
  async unrecorded(since: number | undefined): Promise<readonly ShownEvent[]> {
    const asking = new AbortController();
    try {
      for await (const item of this.live(asking.signal)) {
        if (!('before' in item)) break;
        return item.before.filter(({ time }) => since === undefined || Date.parse(time) >= since);
      }
    } catch (thrown) {
      if (!(thrown instanceof AvmaError) || thrown.code === 'internal') throw thrown;
    } finally {
      asking.abort();
    }
    return [];
  }

  /** What a running host says of its events as they happen. @throws {AvmaError} As `streamHost`. */
  async *live(signal: AbortSignal) {
    for await (const item of streamHost(this.folder, { do: 'events' }, signal)) {
      const parsed = EventsItem.safeParse(item).data;
      if (parsed !== undefined) yield parsed;
    }
  }
}

/** The number of the first record to show. */
async function firstOf(reader: LedgerReader, since: number | undefined, last: number): Promise<number> {
  let first = Number.POSITIVE_INFINITY;
  let count = 0;
  for await (const { seq, record } of reader.recordsFromEnd()) {
    if (since === undefined ? count >= last : record.time < since) break;
    first = seq;
    count++;
  }
  return first;
}

async function* eventsFrom(reader: LedgerReader, seq: number): AsyncGenerator<ShownEvent> {
  if (!Number.isFinite(seq)) return;
  for await (const row of reader.rows(seq)) {
    const line = readLine(row.text);
    if (line !== undefined) yield eventOfRecord(line.record, row.seq);
  }
}

/** Two rows of events as one, by their times. */
async function* merged(
  recorded: AsyncIterable<ShownEvent>,
  unrecorded: readonly ShownEvent[],
): AsyncGenerator<ShownEvent> {
  let next = 0;
  for await (const event of recorded) {
    for (
      let other = unrecorded[next];
      other !== undefined && other.time < event.time;
      other = unrecorded[++next]
    ) {
      yield other;
    }
    yield event;
  }
  yield* unrecorded.slice(next);
}

/** Shows what happened, then what happens, also of a host that is started again, until the signal aborts. */
async function followEvents(
  source: EventSource,
  show: (event: ShownEvent) => void,
  since: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const shown = new ShownNumbers();
  const take = (event: ShownEvent) => {
    if (shown.add(event.seq)) show(event);
    return !outputIsLost() && !signal.aborted;
  };
  for await (const event of source.recorded(since, RECENT_BEFORE_FOLLOWING)) if (!take(event)) return;
  while (!signal.aborted && !outputIsLost()) {
    try {
      for await (const item of source.live(signal)) {
        if ('event' in item) {
          if (!take(item.event)) return;
          continue;
        }
        // It begins, or did not keep up: the ledger has what was missed.
        for await (const event of source.recordedFrom(shown.next)) if (!take(event)) return;
      }
    } catch (thrown) {
      if (!(thrown instanceof AvmaError) || thrown.code !== 'host-not-running') throw thrown;
    }
    await pause(RETRY_MS, signal);
  }
}

/** Which records were shown: they come from the ledger and from the host, and not quite in their order. */
class ShownNumbers {
  readonly #shown = new Set<number>();
  #last = 0;

  /** One behind the last one that was shown. */
  get next(): number {
    return this.#last + 1;
  }

  /** @returns Whether the event is to be shown: its number is new, or it has none. */
  add(seq: number | null): boolean {
    if (seq === null) return true;
    if (this.#shown.has(seq)) return false;
    this.#shown.add(seq);
    this.#last = Math.max(this.#last, seq);
    if (this.#shown.size > MAX_SHOWN) {
      const [oldest] = this.#shown;
      if (oldest !== undefined) this.#shown.delete(oldest);
    }
    return true;
  }
}
