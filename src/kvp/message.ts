import type { PoolRecord } from './pool.ts';

/**
 * How a frame travels in records, in both directions: its line, without the newlines around it, in parts of at most 900
 * characters. Part n of m of an exchange has the key `avma.EXCHANGE-ID.n/m`, n from 1. The guest's parts are in pool 1
 * (Windows' `Guest`), the host's in pool 0 (`External`). A message is complete when all its parts are there, in any
 * order. 900, because longer values than 990 do not arrive on every version of Windows; a frame then has five parts.
 */
const MAX_PART_LENGTH = 900;

/** A frame has at most 4095 characters without its newline. */
const MAX_PARTS = 5;

const KEY = /^avma\.([0-9a-f]{32})\.([1-9])\/([1-9])$/;

/** True for the key of a part of a message. */
export function isPartKey(key: string): boolean {
  return KEY.test(key);
}

/** The exchange ID in the key of a part; null for other keys. */
export function exchangeOfKey(key: string): string | null {
  return KEY.exec(key)?.[1] ?? null;
}

/** A line as records, one for each part. */
export function splitLine(exchangeId: string, line: string): PoolRecord[] {
  const total = Math.max(1, Math.ceil(line.length / MAX_PART_LENGTH));
  return Array.from({ length: total }, (_, index) => ({
    key: `avma.${exchangeId}.${index + 1}/${total}`,
    value: line.slice(index * MAX_PART_LENGTH, (index + 1) * MAX_PART_LENGTH),
  }));
}

/** The lines of the complete messages, by exchange ID. */
export function gatherLines(records: readonly PoolRecord[]): Map<string, string> {
  const parts = new Map<string, Map<number, string>>();
  for (const { key, value } of records) {
    const [, exchangeId, part, total] = KEY.exec(key) ?? [];
    if (exchangeId === undefined || Number(total) > MAX_PARTS || Number(part) > Number(total)) continue;
    const message = `${exchangeId}/${total}`;
    const known = parts.get(message) ?? new Map<number, string>();
    // Of two records with one key the first counts, because the daemon finds and changes that one.
    if (!known.has(Number(part))) known.set(Number(part), value);
    parts.set(message, known);
  }
  const lines = new Map<string, string>();
  for (const [message, known] of parts) {
    const [exchangeId = '', total] = message.split('/');
    if (known.size !== Number(total)) continue;
    lines.set(
      exchangeId,
      [...known]
        .sort(([a], [b]) => a - b)
        .map(([, text]) => text)
        .join(''),
    );
  }
  return lines;
}
