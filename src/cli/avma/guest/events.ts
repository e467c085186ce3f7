import path from 'node:path';
import { Command } from 'commander';
import { AvmaError } from '../../../errors/avma-error.ts';
import { EventReader, type ReadLine } from '../../../events/event-reader.ts';
import type { StoredEvent } from '../../../events/stored-event.ts';
import { printable, printableJsonLine } from '../../../schema/printable.ts';
import { guestEventFile } from '../../guest-event-sink.ts';
import { SYSTEM_STATE_FOLDER } from '../../settings.ts';
import { outputIsLost } from '../../terminal.ts';
import { whoseLicense } from '../../whose-license.ts';
import type { Context } from '../context.ts';
import { say, writeData, writeJson } from '../output.ts';
import { parseSince } from '../since.ts';
import { untilInterrupted } from '../until-interrupted.ts';
import { formatEvent } from './events-text.ts';
import { FolderChanges } from './folder-changes.ts';

interface EventsOptions {
  readonly follow?: boolean;
  readonly since?: string;
  readonly json?: boolean;
}

/** How many events `--follow` shows before those that come. */
const RECENT = 10;

/** How often the log is looked at although nothing was reported, in milliseconds. */
const POLL_MS = 1000;

/** How many damaged lines are said one by one. */
const MAX_SAID = 5;

/** `avma guest events`. */
export function eventsCommand(context: Context): Command {
  return new Command('events')
    .description('Show what happened to this machine: activations, changes of the license, the agent')
    .option('-f, --follow', `show the last ${RECENT} events, and new ones as they happen, until ^C`)
    .option('--since <time>', 'show only what happened since: 2026-11-24, 11:08, yesterday, 2h, 30m (UTC)')
    .option('--json', 'print the events as JSON; with --follow one object a line')
    .addHelpText(
      'after',
      `
All times are UTC. The events are read from events.jsonl in the state folder and from what was
rotated away (events.jsonl.*); docs/guest.md explains their fields.

Examples:
  avma guest events --since yesterday
  avma guest events --follow
  avma guest events --since 2h --json | jq '.events[] | select(.level == "error")'`,
    )
    .action((options: EventsOptions) => showEvents(context, options));
}

async function showEvents(context: Context, { follow, since, json }: EventsOptions): Promise<void> {
  const from = since === undefined ? undefined : parseSince(since, Date.now());
  const { stateFolder } = context.settings();
  refuseOthersLicense(context);
  const log: Log = {
    file: guestEventFile(stateFolder),
    isWanted: ({ time }) => from === undefined || Date.parse(time) >= from,
  };
  if (follow === true) {
    const show = json === true ? showJsonLine : (event: StoredEvent) => showLine(context, event);
    await untilInterrupted((signal) => followLog(log, show, from === undefined ? RECENT : undefined, signal));
  } else if (json === true) printJson(log);
  else printText(context, log, since);
}

/** The events that were asked for. */
interface Log {
  readonly file: string;
  isWanted(event: StoredEvent): boolean;
}

/** @throws {AvmaError} `access-denied` for a user who would look at a log of their own that does not exist. */
function refuseOthersLicense(context: Context): void {
  if (whoseLicense(context.settings()) === 'own') return;
  throw new AvmaError(
    'access-denied',
    `this machine's events are kept in ${SYSTEM_STATE_FOLDER}, which this user cannot read`,
    { hint: 'Run it as root: sudo avma guest events. For a state folder of your own, set AVMA_STATE_DIR.' },
  );
}

function printText(context: Context, log: Log, since: string | undefined): void {
  const damage = new DamageReport();
  let shown = 0;
  for (const line of readAll(log.file)) {
    if (outputIsLost()) return;
    if (line.kind === 'damaged') damage.add(line);
    else if (log.isWanted(line.event)) {
      showLine(context, line.event);
      shown++;
    }
  }
  damage.sayRest();
  if (shown === 0) say(`There are no events${since === undefined ? '' : ` since ${since}`} in ${log.file}.`);
}

function printJson(log: Log): void {
  const lines = [...readAll(log.file)];
  writeJson('avma.guest-events/1', {
    file: log.file,
    events: lines.flatMap((line) => (line.kind === 'event' && log.isWanted(line.event) ? [line.event] : [])),
    damaged: lines.flatMap((line) => (line.kind === 'damaged' ? [{ file: line.file, text: line.text }] : [])),
  });
}

function* readAll(file: string): Generator<ReadLine> {
  const reader = new EventReader(file);
  try {
    yield* reader.read();
    yield* reader.cutLines();
  } finally {
    reader.close();
  }
}

function showLine({ style }: Context, event: StoredEvent): void {
  writeData(formatEvent(event, style));
}

function showJsonLine(event: StoredEvent): void {
  writeData(printableJsonLine({ schema: 'avma.guest-event/1', ...event }));
}

/** Shows the log through its rotations until the signal aborts or nobody reads any more. */
async function followLog(
  { file, isWanted }: Log,
  show: (event: StoredEvent) => void,
  recent: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const changes = new FolderChanges(path.dirname(file));
  const reader = new EventReader(file);
  const damage = new DamageReport();
  const take = (lines: Iterable<ReadLine>): StoredEvent[] =>
    [...lines].flatMap((line) => {
      if (line.kind === 'damaged') damage.add(line);
      return line.kind === 'event' && isWanted(line.event) ? [line.event] : [];
    });
  try {
    let events = take(reader.read());
    if (recent !== undefined) events = events.slice(-recent);
    for (;;) {
      for (const event of events) {
        show(event);
        if (outputIsLost() || signal.aborted) return;
      }
      await changes.next(POLL_MS, signal);
      if (signal.aborted) return;
      events = take(reader.read());
    }
  } finally {
    reader.close();
    changes.close();
  }
}

/** Says on stderr which lines were left out, the first few of them one by one. */
class DamageReport {
  #count = 0;

  add({ file, text }: ReadLine & { readonly kind: 'damaged' }): void {
    this.#count++;
    if (this.#count > MAX_SAID) return;
    say(`A damaged line of ${file} is left out: ${printable(text, 60)}`);
  }

  /** The number of the others. */
  sayRest(): void {
    const rest = this.#count - MAX_SAID;
    if (rest > 0) say(`${rest} more damaged ${rest === 1 ? 'line is' : 'lines are'} left out.`);
  }
}
