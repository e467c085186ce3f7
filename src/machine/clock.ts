import fs from 'node:fs';
import { MAX_INSTANT } from '../schema/shapes.ts';

/** What this machine's clocks say at one moment. */
export interface ClockReading {
  /** The wall clock, milliseconds since 1970 UTC. Anybody with the right to set it can. */
  readonly wall: number;
  /** Which boot this is; null where the system does not say. */
  readonly bootId: string | null;
  /** Milliseconds since boot. Nobody can set it back. */
  readonly sinceBoot: number;
}

/**
 * The reading with a wall clock that can be written down: one that is set beyond all bounds stands at the last
 * moment that files and packets take.
 */
export function withinBounds(reading: ClockReading): ClockReading {
  const wall = Math.min(Math.max(0, reading.wall), MAX_INSTANT);
  return wall === reading.wall ? reading : { ...reading, wall };
}

export function readClock(): ClockReading {
  const wall = Date.now();
  try {
    // Read from /proc rather than os.uptime(): the pair must be of the same kernel.
    const bootId = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    const sinceBoot = Math.round(Number.parseFloat(fs.readFileSync('/proc/uptime', 'latin1')) * 1000);
    return { wall, bootId, sinceBoot };
  } catch {
    return { wall, bootId: null, sinceBoot: 0 };
  }
}
