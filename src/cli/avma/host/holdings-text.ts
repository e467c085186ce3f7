import type { DocumentState } from '../../../host/status/host-status.ts';
import { WARNING_DAYS } from '../../../host/status/host-validity.ts';
import { DAY_MS } from '../../../schema/durations.ts';
import { formatDuration } from '../../../schema/format-duration.ts';
import type { Validity } from '../../../schema/validity.ts';
import type { Cell } from '../table.ts';

/** `valid, 12 days 3 hours left`, `in renewal grace, 3 days left`. */
export function stateCell(state: DocumentState, validity: Validity, now: number): Exclude<Cell, string> {
  switch (state) {
    case 'valid': {
      const left = validity.notAfter - now;
      return {
        tone: left <= WARNING_DAYS * DAY_MS ? 'warn' : 'good',
        text: `valid, ${formatDuration(left)} left`,
      };
    }
    case 'in grace':
      return { tone: 'warn', text: `in renewal grace, ${formatDuration(validity.graceUntil - now)} left` };
    case 'not yet valid':
      return { tone: 'plain', text: `begins in ${formatDuration(validity.notBefore - now)}` };
    case 'ended':
      return { tone: 'bad', text: 'ended' };
    case 'revoked':
      return { tone: 'bad', text: 'revoked by the vendor' };
    case 'retired root':
      return { tone: 'bad', text: 'signed by a retired root' };
  }
}

/** `2 of 50`, `2`: seats that are taken, and how many guests the license is for. */
export function seatsCell(taken: number, guests: number | null): Cell {
  if (guests === null) return `${taken}`;
  const text = `${taken} of ${guests}`;
  return taken > guests ? { tone: 'warn', text } : text;
}
