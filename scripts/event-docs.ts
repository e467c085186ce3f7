import { GUEST_EVENT_KINDS, type GuestEvent } from '../src/events/guest-event.ts';
import { MESSAGE_IDS } from '../src/events/message-ids.ts';
import { fieldName } from '../src/events/sinks/journald.ts';

/** The members that every sink writes of an event besides the event's own. */
type EventMember = keyof GuestEvent | 'time' | 'level' | 'provider';

/** What each member of an event is. */
const MEMBERS: Readonly<Record<EventMember, string>> = {
  time: 'when, by the wall clock; ISO 8601 in UTC',
  level: '`information`, `warning` or `error`',
  provider: '`Microsoft-Windows-Security-SPP` for event 12309, `avma` for events of the agent',
  eventId: 'the number of the table above',
  kind: 'the kind of the table above',
  outcome:
    "for event 12309 one of Microsoft's: `AVMA Success`, `Invalid Host`, `Invalid Data`, `Activation Denied`",
  code: '`success`, or a code of [errors.md](errors.md)',
  hresult: 'the HRESULT of that code, `0x0` for a success',
  message: 'what happened, for people',
  trigger:
    'what led to it: `command`, `key installed`, `boot`, `renewal`, `license state changed`, `agent`, …',
  state:
    "the product's license afterwards: `licensed`, `initial-grace`, `additional-grace`, `notification`, `unlicensed`",
  vmId: "this machine's VM ID",
  activationId: 'the product',
  exchangeId: "the exchange with the host, which is in the host's event 12310 too",
  hostName: 'the host that answered',
};

/** What the journal calls the members that it has in its own form. */
const JOURNAL_FIELDS: Partial<Readonly<Record<EventMember, string>>> = {
  time: 'the time of the entry',
  level: '`PRIORITY`: 6, 4 or 3',
  provider: '',
  message: '`MESSAGE`, with outcome and code',
};

/** The table of the kinds of events in docs/guest.md. */
export function eventKindTable(): string {
  const rows = Object.entries(GUEST_EVENT_KINDS).map(
    ([kind, { eventId, level, when }]) =>
      `| ${eventId} | \`${kind}\` | ${level} | ${when} | \`${MESSAGE_IDS[eventId]}\` |\n`,
  );
  return `| event | kind | level | when | \`MESSAGE_ID\` in the journal |\n| --- | --- | --- | --- | --- |\n${rows.join('')}`;
}

/** The table of an event's members in docs/guest.md. */
export function eventMemberTable(): string {
  const rows = Object.entries(MEMBERS).map(([member, is]) => {
    const field = JOURNAL_FIELDS[member as EventMember] ?? `\`${fieldName(member)}\``;
    return `| \`${member}\` | ${field} | ${is} |\n`;
  });
  return `| member | in the journal | is |\n| --- | --- | --- |\n${rows.join('')}`;
}
