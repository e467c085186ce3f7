import type { ClockReading } from '../../src/machine/clock.ts';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const YEAR = 365 * DAY;

/** When tests happen, unless they say otherwise. */
export const NOW = Date.UTC(2026, 5, 1, 12);

/** A machine's clocks, moved by the test and by nothing else. */
export class TestClock {
  wall: number;
  bootId: string | null = 'boot-1';
  sinceBoot = HOUR;

  constructor(wall = NOW) {
    this.wall = wall;
  }

  readonly read = (): ClockReading => ({ wall: this.wall, bootId: this.bootId, sinceBoot: this.sinceBoot });

  /** Time goes by. */
  advance(milliseconds: number): void {
    this.wall += milliseconds;
    this.sinceBoot += milliseconds;
  }

  /** Somebody sets the wall clock; no time goes by. */
  set(wall: number): void {
    this.wall = wall;
  }

  reboot(): void {
    this.bootId = `${this.bootId}+1`;
    this.sinceBoot = 0;
  }
}
