import fs from 'node:fs';
import { MAX_INSTANT } from '../schema/shapes.ts';
import { errnoOf } from '../system/errno.ts';

/** This machine's clocks, read at one moment. */
export interface ClockReading {
  /** The wall clock, milliseconds since 1970 UTC. An administrator can set it to any time. */
  readonly wall: number;
  /** Which boot this is; null where the system does not say. */
  readonly bootId: string | null;
  /** Milliseconds since boot; 0 where {@link bootId} is null. Nobody can set this clock. A pause of the VM stops it. */
  readonly sinceBoot: number;
}

/**
 * The reading with a wall clock that files and packets can hold: before 1970 it becomes 1970, and after
 * {@link MAX_INSTANT} it becomes that.
 */
export function withinBounds(reading: ClockReading): ClockReading {
  const wall = Math.min(Math.max(0, reading.wall), MAX_INSTANT);
  return wall === reading.wall ? reading : { ...reading, wall };
}

/** Reads the clocks; without a boot ID on systems that have no /proc. */
export function readClock(): ClockReading {
  const wall = Date.now();
  try {
    // Read from /proc rather than os.uptime(): the pair must be of the same kernel.
    const bootId = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    const sinceBoot = Math.round(Number.parseFloat(fs.readFileSync('/proc/uptime', 'latin1')) * 1000);
    if (bootId !== '' && sinceBoot >= 0) return { wall, bootId, sinceBoot };
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
  }
  return { wall, bootId: null, sinceBoot: 0 };
}
