import type { StoredEvent } from '../../../events/stored-event.ts';
import { printable } from '../../../schema/printable.ts';
import { type Style, symbolOrBlanks, type Tone } from '../style.ts';
import { formatInstant } from '../time-text.ts';

/** The longest of the names of kinds. */
const KIND_WIDTH = 'state-unreadable'.length;

/**
 * An event as one line: `2026-11-24 11:08:55 UTC  activation  no host answers [host-silent] (renewal)`.
 *
 * @param time - How its time is written.
 */
export function formatEvent(
  event: StoredEvent,
  style: Style,
  time: (instant: number) => string = formatInstant,
): string {
  const tone = toneOf(event);
  const kind = style.paint(tone, `${symbolOrBlanks(style, tone)}${printable(event.kind).padEnd(KIND_WIDTH)}`);
  const code = event.code === 'success' ? '' : ` ${style.paint('dim', `[${printable(event.code)}]`)}`;
  const about = [event.hostName, event.trigger].filter((text) => text !== null && !isPlain(text));
  const context = about.length === 0 ? '' : ` (${printable(about.join(', '))})`;
  return `${style.paint('dim', time(Date.parse(event.time)))}  ${kind}  ${printable(event.message)}${code}${context}`;
}

/** What the kind of the event says already. */
function isPlain(text: string | null): boolean {
  return ['agent', 'setup', 'license state changed', 'state read'].includes(text ?? '');
}

function toneOf({ level, code, kind, state }: StoredEvent): Tone {
  if (level === 'error') return 'bad';
  if (level === 'warning' || (kind === 'license-changed' && state !== 'licensed')) return 'warn';
  return code === 'success' && (kind === 'activation' || kind === 'license-changed') ? 'good' : 'plain';
}
