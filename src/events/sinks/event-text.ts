import { printable } from '../../schema/printable.ts';
import type { EventRecord } from '../record.ts';

/** The longest text of an event for logs of lines, in characters. */
const MAX_TEXT = 1500;

/**
 * An event as one line for people, as logs show it that know no fields:
 * `Invalid Host: nobody listens on unix:/run/avma/host.sock [host-absent]`.
 */
export function eventText(record: EventRecord): string {
  const { code, message } = record;
  const heading = 'outcome' in record ? record.outcome : record.decision;
  const codeText = code === 'success' ? '' : ` [${code}]`;
  return printable(`${heading === null ? '' : `${heading}: `}${message}${codeText}`, MAX_TEXT);
}

/** The members of an event besides its text, time and level. Those that say nothing are left out. */
export function eventFields(record: EventRecord): (readonly [name: string, value: string])[] {
  return Object.entries(record).flatMap(([name, value]) => {
    if (value === null || NOT_FIELDS.has(name) || typeof value === 'object') return [];
    return [[name, printable(String(value), MAX_TEXT)] as const];
  });
}

/** Every log has these in its own form. */
const NOT_FIELDS = new Set(['time', 'provider', 'level', 'message']);
