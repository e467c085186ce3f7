/** A minute in milliseconds. */
export const MINUTE_MS = 60_000;
/** An hour in milliseconds. */
export const HOUR_MS = 60 * MINUTE_MS;
/** A day in minutes, the unit of slmgr's reports. */
export const DAY_MINUTES = 24 * 60;
/** A day in milliseconds. */
export const DAY_MS = DAY_MINUTES * MINUTE_MS;
