import * as z from 'zod/mini';
import { anyInteger, anyText, text } from '../schema/shapes.ts';

const isTime = (value: string) => value.length <= 40 && !Number.isNaN(Date.parse(value));
const optionalText = z.optional(z.nullable(anyText));

/**
 * A line of a guest's event log, as this version or another one has written it: members that it does not know are left
 * out, and those that an older version did not write are absent.
 */
const StoredLine = z.object({
  time: text(isTime),
  eventId: anyInteger,
  message: anyText,
  code: anyText,
  level: anyText,
  provider: optionalText,
  kind: optionalText,
  outcome: optionalText,
  hresult: optionalText,
  trigger: optionalText,
  state: optionalText,
  vmId: optionalText,
  activationId: optionalText,
  exchangeId: optionalText,
  hostName: optionalText,
});

/** An event that was read from a log, every member there. */
export interface StoredEvent {
  /** ISO 8601, as it was written. */
  readonly time: string;
  readonly level: string;
  readonly provider: string | null;
  readonly eventId: number;
  readonly kind: string;
  readonly outcome: string | null;
  readonly code: string;
  readonly hresult: string | null;
  readonly message: string;
  readonly trigger: string | null;
  readonly state: string | null;
  readonly vmId: string | null;
  readonly activationId: string | null;
  readonly exchangeId: string | null;
  readonly hostName: string | null;
}

/** A line of an event log: an event, or what is none. */
export type EventLine =
  | { readonly kind: 'event'; readonly event: StoredEvent }
  | { readonly kind: 'damaged'; readonly text: string };

/** How every line begins: {@link toRecord} writes the time first. */
const BEGINNING = '{"time":';

/**
 * What a line holds. A program that was killed while it wrote may have left the beginning of a line; where another has
 * written on behind it, the event at the end is read all the same.
 *
 * @returns Nothing for an empty line.
 */
export function readEventLine(line: string): EventLine[] {
  if (line.trim() === '') return [];
  const event = parseEvent(line);
  if (event !== undefined) return [{ kind: 'event', event }];
  const from = line.lastIndexOf(BEGINNING);
  const behind = from > 0 ? parseEvent(line.slice(from)) : undefined;
  if (behind === undefined) return [{ kind: 'damaged', text: line }];
  return [
    { kind: 'damaged', text: line.slice(0, from) },
    { kind: 'event', event: behind },
  ];
}

function parseEvent(line: string): StoredEvent | undefined {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
    return undefined;
  }
  const parsed = StoredLine.safeParse(json);
  if (!parsed.success) return undefined;
  const { time, level, eventId, code, message, ...rest } = parsed.data;
  return {
    time,
    level,
    provider: rest.provider ?? null,
    eventId,
    kind: rest.kind ?? kindOf(eventId, rest.trigger),
    outcome: rest.outcome ?? null,
    code,
    hresult: rest.hresult ?? null,
    message,
    trigger: rest.trigger ?? null,
    state: rest.state ?? null,
    vmId: rest.vmId ?? null,
    activationId: rest.activationId ?? null,
    exchangeId: rest.exchangeId ?? null,
    hostName: rest.hostName ?? null,
  };
}

/** The kind of an event of version 0.1, which did not write it. */
function kindOf(eventId: number, trigger: string | null | undefined): string {
  if (eventId !== 12309) return `event ${eventId}`;
  if (trigger === 'license state changed') return 'license-changed';
  return trigger === 'state read' ? 'state-unreadable' : 'activation';
}
